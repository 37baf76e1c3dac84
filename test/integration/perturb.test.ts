/**
 * `GRIDWATCH_PERTURB` on real threads: the delays are those that seed, name and order of a thread decide; and bugs that show once in a blue moon
 * (`test/corpus/rare/`) show within a hundred runs.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { delayMs, seedOfThread } from '../../agent/app-thread/perturb.ts';
import { observe } from '../support/observe.ts';

const RUNS = 100;
const SEED = 20_261_128;
const fileOf = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

it('delays each thread as its own seed says, in every run', async () => {
  const main = seedOfThread(SEED, 'main', 0);
  const seeds = [main, seedOfThread(main, 'pool', 1), seedOfThread(main, 'pool', 2)];
  for (let run = 0; run < 2; run++) {
    const env = { GRIDWATCH_PERTURB: String(SEED) };
    const { result } = await observe({ args: [fileOf('fixtures/threads/perturbed.mjs')], env });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const threads = JSON.parse(result.stdout) as number[][];
    expect(threads).toHaveLength(seeds.length);
    for (const [thread, tookMs] of threads.entries()) {
      const expected = tookMs.map((_, visit) => delayMs(seeds[thread] as number, 'acquired', visit));
      expect(expected.filter((ms) => ms >= 1).length).toBeGreaterThan(3);
      for (const [visit, ms] of expected.entries()) expect(tookMs[visit]).toBeGreaterThan(ms - 0.2);
      /* Another seed would have them elsewhere. */
      const calmMs = tookMs.filter((_, visit) => (expected[visit] as number) < 0.1).toSorted((a, b) => a - b);
      expect(calmMs[calmMs.length >> 1]).toBeLessThan(1);
    }
  }
});

describe(`within ${RUNS} runs shows`, { timeout: 240_000 }, () => {
  it.each(readdirSync(fileOf('corpus/rare')))('%s', async (name) => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const env = {
        GRIDWATCH_PERTURB: String(seed),
        GRIDWATCH_DEADLOCK_ACTION: 'abort',
        GRIDWATCH_IDENTITY_WAIT_MS: '0',
        GRIDWATCH_EXIT_TIMEOUT_MS: '10000',
      };
      const { result, observed } = await observe({ args: [fileOf(`corpus/rare/${name}`)], env });
      expect(result).toMatchObject({ isPastDeadline: false, signal: null });
      if (result.exitCode === 3 || observed.spans.some((span) => span.name === 'deadlock')) {
        console.log(`${name}: shows at seed ${seed}`);
        return;
      }
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    }
    expect.unreachable(`did not show in ${RUNS} runs`);
  });
});
