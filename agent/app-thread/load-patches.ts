/**
 * Loads the patches of locks, and those of queues, when they are needed: files beside the gate, whichever copy of this module asks.
 *
 * Runs on application threads, as part of the preload.
 */
import { callModule } from './builtin-exports.ts';

type LockPatches = typeof import('./lock-patches.ts');
type QueuePatches = typeof import('./queue-patches.ts');

/** `registerFile` is the path of the gate. Throws where the file is not there. */
export function loadLockPatches(registerFile: string): LockPatches {
  return load(registerFile, 'lock-patches') as LockPatches;
}

/** Likewise. */
export function loadQueuePatches(registerFile: string): QueuePatches {
  return load(registerFile, 'queue-patches') as QueuePatches;
}

function load(registerFile: string, name: string): unknown {
  const require = callModule('createRequire', registerFile) as NodeJS.Require;
  const isBuilt = /[\\/]dist[\\/][^\\/]*$/.test(registerFile);
  return require(`./app-thread/${name}.${isBuilt ? 'cjs' : 'ts'}`) as unknown;
}
