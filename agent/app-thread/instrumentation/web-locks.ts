/**
 * Web Locks (`navigator.locks`, Node 24 and later): the door through which every request passes. What is told of one stands in `web-lock-request.ts`, which is
 * loaded with the first.
 *
 * Runs on application threads, as part of the preload. `query()` and what it shows stay as they are.
 */
import { featureBits } from '../../config/feature-bits.ts';
import type { loadLockPatches } from '../load-patches.ts';
import type { Recorder } from '../recorder.ts';
import { replaceMethod } from '../replace-method.ts';

const WEB_LOCKS = featureBits(['locks', 'web_locks']);

/** Replaces `request` of the lock manager; gives back what restores it. */
export function patchWebLocks(recorder: Recorder, patches: () => ReturnType<typeof loadLockPatches>): () => void {
  const { locks } = process.getBuiltinModule('node:worker_threads') as { locks?: object };
  if (locks === undefined) return () => {};
  const undo = replaceMethod(
    Object.getPrototypeOf(locks) as object,
    'request',
    (original) =>
      function (this: object, ...args: unknown[]): unknown {
        if (recorder.isOff(WEB_LOCKS)) return Reflect.apply(original, this, args);
        return patches().requestWebLock(original, this, args);
      },
  );
  return () => undo?.();
}
