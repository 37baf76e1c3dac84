/**
 * A program that handles a signal, cleans up and then sends it to itself, as NestJS does with its shutdown hooks, died without delivering its last records.
 * Runs in a test process; the program in one of its own.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startObserved } from '../support/observe.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/apps/signals.cjs', import.meta.url));

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s', async (signal) => {
  await using program = await startObserved({ args: [PROGRAM, 'dies-of-it'] });
  await program.running.waitForOutput('ready\n');
  program.running.child.kill(signal);
  expect(await program.running.ended).toMatchObject({ signal, exitCode: null, stdout: 'ready\n' });
  expect(program.observed.sum('gridwatch.thread.state.time', { 'thread.name': 'main' })).toBeGreaterThan(0);
});
