/**
 * The agent's own thread ran the program's other preloads of NODE_OPTIONS. The first line one of them printed there made Node wait for somebody to read
 * it: the program never ended; an SDK among them observed the agent. NODE_DEBUG did the same. Runs in a test process; the programs in
 * processes of their own.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BUILT_REGISTER_FILE, type Observed, startObserved } from '../support/observe.ts';
import type { RunOptions, RunResult } from '../support/run-node.ts';

const PRELOAD = fileURLToPath(new URL('../fixtures/preloads/prints.cjs', import.meta.url));
const PROGRAM = ['-e', 'process.stdin.resume().on("end", () => console.log("program"))'];

/** The program ends once the agent's own thread has shown that it runs: it has run by then what it should not. */
async function observe(options: Omit<RunOptions, 'args'>): Promise<{ result: RunResult; observed: Observed }> {
  const env = { OTEL_METRIC_EXPORT_INTERVAL: '200', GRIDWATCH_IDENTITY_WAIT_MS: '0', ...options.env };
  await using program = await startObserved({ ...options, args: PROGRAM, env, isInputOpen: true });
  await program.receiver.waitFor('an export', ({ metrics }) => metrics[0]);
  program.running.endInput();
  return { result: await program.running.ended, observed: program.observed };
}

test.each(['--require', '--import'])('%s of the program reaches its own threads only, and it ends', async (flag) => {
  const env = { NODE_OPTIONS: `--require ${BUILT_REGISTER_FILE} ${flag} ${PRELOAD}` };
  const { result, observed } = await observe({ withAgent: false, env });
  expect(result).toMatchObject({ exitCode: 0, stdout: 'runs in main\npreloaded in main\nprogram\n', stderr: '' });
  expect(observed.metrics.length).toBeGreaterThan(0);
});

test('with NODE_DEBUG the program ends', async () => {
  const { result, observed } = await observe({ env: { NODE_DEBUG: 'module,esm,http' } });
  expect(result).toMatchObject({ exitCode: 0, stdout: 'program\n', isPastDeadline: false });
  expect(observed.metrics.length).toBeGreaterThan(0);
});
