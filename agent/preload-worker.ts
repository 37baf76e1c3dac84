/**
 * What the gate loads in a worker: attaches the thread, when it brought a ticket. Runs on worker threads, before their first line, and is parsed in each
 * of them: it must import nothing that only the main thread needs.
 */
import { attachWorker } from './app-thread/attach.ts';
import { useModuleClass } from './app-thread/builtin-exports.ts';

/** Called by register.cjs, with its own path, the class of its `module` and what the thread was given as a ticket. */
export function preload(registerFile: string, moduleClass: unknown, ticket: unknown): void {
  useModuleClass(moduleClass);
  attachWorker(registerFile, ticket);
}
