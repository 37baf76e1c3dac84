/**
 * The patches of the table (`table.ts`), by package and file.
 *
 * Runs on application threads, when such a package is loaded.
 */
import type { LockTracker } from '../../async-locks/tracker.ts';
import { patchAsyncLock } from './async-lock.ts';
import { patchAsyncMutex } from './async-mutex.ts';
import { patchAsyncSema } from './async-sema.ts';
import { patchPLimit } from './p-limit.ts';
import type { Declared, Patch } from './patch.ts';

const PATCHES: Readonly<Record<string, Patch>> = {
  'async-mutex': patchAsyncMutex,
  'async-lock': patchAsyncLock,
  'p-limit': patchPLimit,
  'async-sema': patchAsyncSema,
};

/** Of files whose `exports` have other names, or are the function itself: what is declared there. Without a file: what the package exports. */
const NAMES: Readonly<Record<string, string>> = {
  'async-lock/': 'AsyncLock',
  'p-limit/': 'pLimit',
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
  const patch = PATCHES[module];
  return patch?.(
    'exports' in declared ? exported(`${module}/${file}`, declared as { exports: unknown }) : declared,
    tracker,
  );
}

function exported(file: string, module: { exports: unknown }): Declared {
  const name = NAMES[file];
  if (name === undefined) return module.exports as Declared;
  const given = module.exports as { default?: unknown };
  const isWhole = typeof given === 'function';
  const found = { [name]: isWhole ? given : given.default };
  return Object.defineProperty(found, name, {
    get: () => (isWhole ? module.exports : given.default),
    set: (value: unknown) => {
      if (isWhole) module.exports = value;
      else given.default = value;
    },
  });
}
