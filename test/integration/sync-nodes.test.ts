/** The built `gridwatch/sync` on each line of Node, with the agent and without: threads that are terminated leave a mutex that goes on, and tells. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runNode } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/threads/mutex-crowd.mjs', import.meta.url));
const TERMINATIONS = 20;
const { present, missing } = await findTestedNodes();

describe.each(present)('Node $version', (node) => {
  test.each([
    ['without the agent', false],
    ['with the agent', true],
  ])(
    'M4, P2: threads terminated while they take a mutex, %s',
    async (_, withAgent) => {
      const env = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' };
      const { stdout, stderr, exitCode } = await runNode({
        args: [PROGRAM, String(TERMINATIONS)],
        node,
        withAgent,
        env: { ...env, GRIDWATCH_LOG: 'off' },
        deadlineMs: 120_000,
      });
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      const { terminations, acquired, told, wrong } = JSON.parse(stdout) as Record<string, number>;
      console.log(
        `${terminations} terminations, ${acquired} acquisitions, ${told} told of an abandoned lock, ${wrong} wrong`,
      );
      expect({ terminations, wrong }).toEqual({ terminations: TERMINATIONS, wrong: 0 });
      expect(told).toBeGreaterThan(0);
    },
    130_000,
  );
});

describe.each(missing)('without a Node to test', ({ reason }) => {
  test.skip(`not tested: ${reason}`, () => {});
});
