/**
 * What the preload loads with the first package of promise locks, the first Web Lock or the first lock that is instrumented by hand, and for the lab modes.
 * It is one joined file in the package, so that a thread without any of them does not read it.
 *
 * Runs on application threads.
 */
import { lockTracker } from './async-locks/trackers.ts';
import type { Declared } from './instrumentation/patch.ts';
import { patchFile } from './instrumentation/promise-locks/patches.ts';

export { standalone } from './async-locks/standalone.ts';
export { instrument } from './instrument-lock.ts';
export { requestWebLock } from './instrumentation/web-lock-request.ts';
export { startLabModes } from './lab-modes.ts';
export { lockTracker, patchFile };

const undo: (() => void)[] = [];

/** Patches what a file of a package declares. */
export function patch(module: string, file: string, declared: Declared): void {
  const tracker = lockTracker();
  const step = tracker === undefined ? undefined : patchFile(module, file, declared, tracker);
  if (step !== undefined) undo.push(step);
}

/** Takes everything back. */
export function unpatch(): void {
  for (const step of undo.splice(0).toReversed()) step();
}
