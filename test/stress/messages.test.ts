/**
 * Eight threads that post, transfer fresh ports, close and are terminated at random (`message-storm.cjs`), in a process with the agent and in one without: of every
 * message the program knows under which context it was posted, and the agent must say the same. MESSAGES=1000000 makes it the long run of the issue.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runSeed } from '../support/random.ts';
import { runNode } from '../support/run-node.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/threads/message-storm.cjs', import.meta.url));
const MESSAGES = Number(process.env['MESSAGES'] ?? 30_000);
const TERMINATIONS_PER_S = 5;
/** A busy machine delivers some hundreds a second. */
const DEADLINE_MS = 60_000 + MESSAGES * 5;

describe.each([
  ['with the agent', true],
  ['without the agent, the control', false],
])('messages at random, %s', (_, withAgent) => {
  test(
    'M7: each comes once, in order, with its own context, and none with another',
    async () => {
      const { stdout, stderr, exitCode, signal } = await runNode({
        args: [PROGRAM, String(MESSAGES), String(runSeed), String(TERMINATIONS_PER_S)],
        withAgent,
        env: {
          GRIDWATCH_LOG: 'off',
          OTEL_TRACES_EXPORTER: 'none',
          OTEL_METRICS_EXPORTER: 'none',
          OTEL_LOGS_EXPORTER: 'none',
          STORM_VERBOSE: '1',
        },
        deadlineMs: DEADLINE_MS,
      });
      expect({ exitCode, signal, stderr: stderr.slice(0, 2000) }).toEqual({ exitCode: 0, signal: null, stderr: '' });
      const { hasAgent, ...counts } = JSON.parse(stdout) as Record<string, number | boolean>;
      console.log(`seed ${runSeed}: ${JSON.stringify(counts)}`);
      expect(hasAgent).toBe(withAgent);
      expect(counts).toMatchObject({ wrong: 0, leaked: 0, missing: 0, unordered: 0 });
      expect(counts['delivered']).toBeGreaterThanOrEqual(MESSAGES);
      for (const happened of ['transfers', 'closes', 'nested', 'refused', 'terminations'])
        expect(counts[happened]).toBeGreaterThan(0);
      if (withAgent) expect(counts['withContext']).toBeGreaterThan(MESSAGES / 2);
    },
    DEADLINE_MS + 10_000,
  );
});
