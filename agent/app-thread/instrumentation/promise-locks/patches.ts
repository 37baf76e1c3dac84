/**
 * The patches of the table (`table.ts`), by package and file.
 *
 * Runs on application threads, when such a package is loaded.
 */
import type { LockTracker } from '../../async-locks/tracker.ts';
import { type Declared, declaredBy, type Patch } from '../patch.ts';
import { patchAsyncLock } from './async-lock.ts';
import { patchAsyncMutex } from './async-mutex.ts';
import { patchAsyncSema } from './async-sema.ts';
import { patchPLimit } from './p-limit.ts';

const PATCHES: Readonly<Record<string, Patch<LockTracker>>> = {
  'async-mutex': patchAsyncMutex,
  'async-lock': patchAsyncLock,
  'p-limit': patchPLimit,
  'async-sema': patchAsyncSema,
};

/** Of files whose `exports` have other names, or are the function itself: what is declared there. */
const NAMES: Readonly<Record<string, string>> = {
  'async-mutex/lib/Semaphore.js': 'Semaphore',
  'async-lock/lib/index.js': 'AsyncLock',
  'p-limit/index.js': 'pLimit',
};

/** Patches what a file declares: `module` of CommonJS, or the bindings of an ES module. Undefined for what is in no table. */
export function patchFile(
  module: string,
  file: string,
  declared: Declared,
  tracker: LockTracker,
): (() => void) | undefined {
  return PATCHES[module]?.(declaredBy(declared, NAMES[`${module}/${file}`]), tracker);
}
