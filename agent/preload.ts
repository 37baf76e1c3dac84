/**
 * What the gate loads: starts the agent in the main thread, attaches a worker that brought a ticket. It must be small, because every thread of the
 * program loads it before its first line. Modules on this side take Node's built-ins by `process.getBuiltinModule`: for an import statement Node
 * evaluates every export of the built-in, which costs the main thread 6 ms in all.
 */
import { attachWorker } from './app-thread/attach.ts';
import { start } from './start.ts';

export { flush, shutdown, start } from './start.ts';

const { isMainThread } = process.getBuiltinModule('node:worker_threads');

/** Called by register.cjs with its own absolute path. */
export function preload(registerFile: string): void {
  if (isMainThread) start();
  else attachWorker(registerFile);
}
