/**
 * One sender a name, and receivers that join, lag, close and are terminated at random (`broadcast-storm.cjs`): of every message the program knows under which context it
 * was posted. What the agent says may be nothing, and never another one. ROUNDS makes it longer.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runSeed } from '../support/random.ts';
import { runNode } from '../support/run-node.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/threads/broadcast-storm.cjs', import.meta.url));
const ROUNDS = Number(process.env['ROUNDS'] ?? 10);
const DEADLINE_MS = 60_000 + ROUNDS * 5000;

type Counts = Readonly<Record<'delivered' | 'withContext' | 'wrong' | 'refused' | 'terminated' | 'joined', number>>;

test(
  'B1-B5: no message of a broadcast channel is delivered under the context of another',
  async () => {
    const { stdout, stderr, exitCode, signal } = await runNode({
      args: [PROGRAM, String(ROUNDS), String(runSeed)],
      withAgent: true,
      env: {
        GRIDWATCH_LOG: 'off',
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
      },
      deadlineMs: DEADLINE_MS,
    });
    expect({ exitCode, signal, stderr: stderr.slice(0, 2000) }).toEqual({ exitCode: 0, signal: null, stderr: '' });
    const { hasAgent, counted } = JSON.parse(stdout) as { hasAgent: boolean; counted: Record<string, Counts> };
    console.log(`seed ${runSeed}: ${JSON.stringify(counted)}`);
    expect(hasAgent).toBe(true);
    for (const counts of Object.values(counted)) {
      expect(counts).toMatchObject({ wrong: 0 });
      expect(counts.delivered).toBeGreaterThan(0);
      expect(counts.refused).toBeGreaterThan(0);
    }
    for (const name of ['solo 0', 'second 0', 'dies 0']) expect(counted[name]?.withContext).toBeGreaterThan(0);
    expect(counted['solo 1']?.withContext).toBeGreaterThan(0);
    expect(counted['dies 1']?.withContext).toBe(0);
  },
  DEADLINE_MS + 10_000,
);
