/**
 * Loads the patches of locks when they are needed: the file beside the gate, whichever copy of this module asks.
 *
 * Runs on application threads, as part of the preload.
 */
import { callModule } from './builtin-exports.ts';

type LockPatches = typeof import('./lock-patches.ts');

/** `registerFile` is the path of the gate. Throws where the file is not there. */
export function loadLockPatches(registerFile: string): LockPatches {
  const require = callModule('createRequire', registerFile) as NodeJS.Require;
  const isBuilt = /[\\/]dist[\\/][^\\/]*$/.test(registerFile);
  return require(`./app-thread/lock-patches.${isBuilt ? 'cjs' : 'ts'}`) as LockPatches;
}
