/**
 * The example of contention, run as its head comment says, and the shape of what it finds. The shape is one of CPU time, of which a busy machine takes nothing away: it
 * can only add to it (caches that others emptied, a core that is shared), so the least of several runs is the best estimate there is.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runNode } from '../support/run-node.ts';

interface Found {
  readonly cpuSeconds: number;
  readonly seconds: number;
  readonly operations: number;
  readonly runtime: string;
}

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/energy-of-contention/${name}`, import.meta.url));
const { measure } = (await import(example('measure.js'))) as {
  measure: (command: readonly string[], energy: object) => Promise<Found>;
};
const noEnergy = { read: (): undefined => undefined, between: (): object => ({}) };

const MOST_OF_INDEPENDENT = 1.05;
const LEAST_OF_SPIN = 2;
const MOST_PARKED_SECONDS = 0.01;
/** Steps of a critical section. */
const TINY = 1;
const LONG = 1000;
const FEWEST_RUNS = 4;
const MOST_RUNS = 20;

async function runSubject(way: string, threads: number, rounds: number, ms = 100): Promise<Found> {
  return measure([process.execPath, example('subject.js'), way, `${threads}`, `${rounds}`, `${ms}`], noEnergy);
}

/** CPU time for one change. */
async function costOf(...runs: readonly Promise<Found>[]): Promise<number> {
  const found = await Promise.all(runs);
  const sum = (of: (run: Found) => number): number => found.reduce((all, run) => all + of(run), 0);
  return sum(({ cpuSeconds }) => cpuSeconds) / sum(({ operations }) => operations);
}

describe.runIf(existsSync('/proc/self/schedstat'))('the shape of contention, in CPU time', () => {
  it('two independent threads take no more of it for the same work than one', { timeout: 240_000 }, async () => {
    const [alone, atOnce, independent]: [number[], number[], number[]] = [[], [], []];
    const ratio = (): number => Math.min(...independent) / Math.min(...alone);
    for (let runs = 0; runs < MOST_RUNS && (runs < FEWEST_RUNS || ratio() > MOST_OF_INDEPENDENT); runs++) {
      alone.push(await costOf(runSubject('sequential', 1, LONG)));
      atOnce.push(await costOf(runSubject('sequential', 1, LONG), runSubject('sequential', 1, LONG)));
      independent.push(await costOf(runSubject('independent', 2, LONG)));
    }
    /* Where two CPUs share a core, two processes that have nothing to do with one another are slower at once than one alone, and so are threads. */
    const allowed = Math.max(Math.min(...alone), Math.min(...atOnce));
    expect(Math.min(...independent) / allowed).toBeLessThanOrEqual(MOST_OF_INDEPENDENT);
  });

  it('threads that spin for a tiny section take twice as much and more', { timeout: 120_000 }, async () => {
    const [sequential, spin]: [number[], number[]] = [[], []];
    for (let runs = 0; runs < FEWEST_RUNS; runs++) {
      sequential.push(await costOf(runSubject('sequential', 1, TINY)));
      spin.push(await costOf(runSubject('spin', 2, TINY)));
    }
    expect(Math.min(...spin) / Math.min(...sequential)).toBeGreaterThanOrEqual(LEAST_OF_SPIN);
  });

  it('a second of being parked costs next to nothing, a second of spinning what the machine gives it', async () => {
    const [parked, spinning] = [await runSubject('parked', 1, 1, 1000), await runSubject('spinning', 1, 1, 1000)];
    expect(parked.seconds).toBeGreaterThanOrEqual(1);
    expect(parked.cpuSeconds).toBeLessThanOrEqual(MOST_PARKED_SECONDS);
    expect(spinning.cpuSeconds).toBeGreaterThan(MOST_PARKED_SECONDS * 5);
  });

  it('is found with every way, none of which loses a change', async () => {
    for (const way of ['park', 'adaptive', 'fair', 'queue', 'batches'])
      expect((await runSubject(way, 3, 1)).operations).toBeGreaterThan(0);
  });
});

describe('examples/energy-of-contention', () => {
  const folder = mkdtempSync(join(tmpdir(), 'contention-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('prints its tables, writes them and a picture, and says that there is no Python', {
    timeout: 240_000,
  }, async () => {
    const { stdout, stderr, exitCode } = await runNode({
      args: [example('main.js'), '--quick'],
      env: { CONTENTION_OUT: folder, CONTENTION_PYTHON: 'python-that-is-not-here', CONTENTION_SEED: '1' },
      deadlineMs: 230_000,
    });
    expect([exitCode, stderr]).toEqual([
      0,
      expect.stringMatching(/^round 1 of 2 after \d+ s\nround 2 of 2 after \d+ s\n$/),
    ]);
    const report = readFileSync(join(folder, 'contention.md'), 'utf8');
    expect(stdout.startsWith(report)).toBe(true);
    expect(report).toContain('There is no python3 here');
    expect(report).toMatch(/^Energy (measured|estimated) \(/m);
    for (const way of ['independent', 'spin', 'park', 'adaptive', 'fair', 'queue', 'batches'])
      expect(report.match(new RegExp(`^\\| ${way} +\\| 2 +\\| [\\d.]+ \\([\\d.]+-[\\d.]+\\) \\|`, 'gm'))).toHaveLength(
        2,
      );
    expect(report).not.toMatch(/NaN|Infinity|undefined/);
    expect(report).toMatch(/E = b0 \* T \+ b1 \* T \* U(: b0 = -?[\d.]+ W idle| cannot be fitted)/);
    expect(readFileSync(join(folder, 'contention.svg'), 'utf8')).toMatch(/^<svg /);
    expect(JSON.parse(readFileSync(join(folder, 'runs.json'), 'utf8'))).toHaveLength(2 * (2 * 8 + 2));
  });
});

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.runIf(hasPython)('its twin in Python (needs python3)', () => {
  it('says whether there is a GIL', () => {
    const { stdout } = spawnSync('python3', [example('contention.py'), 'about'], { encoding: 'utf8' });
    expect(stdout).toMatch(/^Its twin runs on Python 3\.\d+\S*, with(out)? a GIL: its threads .*\.\n$/);
  });

  it('believes a Python that says it has none', () => {
    const code = 'import runpy, sys; sys._is_gil_enabled = lambda: False; runpy.run_path(sys.argv[2])';
    const { stdout } = spawnSync('python3', ['-c', code, 'about', example('contention.py')], { encoding: 'utf8' });
    expect(stdout).toMatch(/, without a GIL: its threads run at once\.\n$/);
  });

  it.each(['sequential', 'independent', 'spin', 'park', 'queue'])(
    'does the work by %s, and loses none',
    async (way) => {
      const threads = way === 'sequential' ? '1' : '3';
      const found = await measure(['python3', example('contention.py'), way, threads, '1', '100'], noEnergy);
      expect(found.operations).toBeGreaterThan(0);
      expect(found.cpuSeconds).toBeGreaterThan(0);
    },
  );
});
