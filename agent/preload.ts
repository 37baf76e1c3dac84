/**
 * What the gate loads in the main thread: starts the agent. It must be small, because the program's first line comes after it. Modules on this side
 * take Node's built-ins by `process.getBuiltinModule`: for an import statement Node evaluates every export of the built-in, which costs the main
 * thread 6 ms in all.
 */
import { useModuleClass } from './app-thread/builtin-exports.ts';
import { start } from './start.ts';

export { activeSpanContext } from './active-span-context.ts';
export { bullmqTelemetry } from './bullmq-telemetry.ts';
export { estimatePower } from './estimate-power.ts';
export { instrumentLock } from './instrument-lock.ts';
export { instrumentQueue } from './instrument-queue.ts';
export { flush, shutdown, start } from './start.ts';

/** Called by register.cjs, with its own path and the class of its `module`. */
export function preload(_registerFile: string, moduleClass: unknown): void {
  useModuleClass(moduleClass);
  start();
}
