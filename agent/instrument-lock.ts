/**
 * `instrumentLock()`: lets the agent follow a promise lock that it does not know. Runs on application threads, any of them.
 */
import { loadLockPatches } from './app-thread/load-patches.ts';
import { findLockLink } from './app-thread/lock-link.ts';
import type { InstrumentLockOptions } from './config/instrument-lock-options.ts';
import { fileUrl } from './package-root.ts';

/**
 * Follows a lock of the program's own, or of a library that the agent does not know: its waits and holds are counted under `name`, as those of the libraries it
 * knows. The clock of a wait runs from the call to the moment at which its promise is fulfilled. Without an agent on this thread, and where `promise_locks` is
 * off, nothing happens. It never throws. A promise that a replaced method gives back is settled one microtask later than before.
 *
 * Returns `lock`, whose methods were replaced.
 *
 * @example
 * const lock = instrumentLock(new OwnLock(), { name: 'orders', acquire: 'lock', release: 'unlock' });
 */
export function instrumentLock<T extends object>(lock: T, options: InstrumentLockOptions): T {
  try {
    const recording = findLockLink()?.recording;
    if (recording?.config.features.promise_locks !== true || !recording.config.features.locks) return lock;
    const registerFile = process.getBuiltinModule('node:url').fileURLToPath(fileUrl('register.cjs'));
    loadLockPatches(registerFile).instrument(lock, options);
  } catch {
    /* It is frozen, or no lock: it stays as it is. */
  }
  return lock;
}
