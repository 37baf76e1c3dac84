/**
 * Packages of promise locks in two copies, one as it is and one patched. Runs in a test's own process.
 */
import { once } from 'node:events';
import type { LockTracker } from '../../agent/app-thread/async-locks/tracker.ts';
import { patchFile } from '../../agent/app-thread/instrumentation/promise-locks/patches.ts';
import { PROMISE_LOCKS } from '../../agent/app-thread/instrumentation/promise-locks/table.ts';
import { commonJsCopyOf, moduleCopyOf, type PatchFile } from './package-copies.ts';

export { logOf, type Scenario } from './package-copies.ts';

/** A copy of a CommonJS package of its own; patched when there is a tracker. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what it loads
export function commonJsCopy<T>(name: string, tracker?: LockTracker): T {
  const files = PROMISE_LOCKS.find(({ module }) => module === name)?.files.filter(
    ({ bindings }) => bindings.length === 0,
  );
  return commonJsCopyOf<T>(name, files?.map(({ file }) => file) ?? [], patchOf(name, tracker));
}

/** A copy of an ES module of its own, its bindings as an object; patched when there is a tracker. */
export async function moduleCopy<T>(name: string, file: string, tracker?: LockTracker): Promise<T> {
  return moduleCopyOf<T>(name, file, { pLimit: 'default' }, patchOf(name, tracker));
}

function patchOf(name: string, tracker: LockTracker | undefined): PatchFile | undefined {
  return tracker === undefined ? undefined : (file, declared) => void patchFile(name, file, declared, tracker);
}

/** Once Node has told of a rejection that nobody handles. */
export function unhandledRejection(): Promise<unknown> {
  return once(process, 'unhandledRejection');
}
