/** Sends a program that counts its signals one of each, waiting for its answer before the next, and gives back what it said in the end. Runs in a test's process. */
import { fileURLToPath } from 'node:url';
import { type RunResult, startNode } from './run-node.ts';

export const COUNTS_SIGNALS: string = fileURLToPath(new URL('../fixtures/cli/counts-signals.cjs', import.meta.url));

/** `args` lead to that program, which stands last in them. */
export async function sendEachSignal(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunResult> {
  const { child, waitForOutput, ended } = startNode({ args: [...args], env });
  await waitForOutput('ready');
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGUSR2', 'SIGTERM'] as const) {
    child.kill(signal);
    await waitForOutput(`got ${signal}`);
  }
  return ended;
}
