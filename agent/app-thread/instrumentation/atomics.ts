/**
 * Keeps the wait word true for raw `Atomics.wait`: the thread is `parked` while it is blocked there, since an idle pool's wait and a lock's
 * look alike from here. `Atomics.waitAsync` and `Atomics.notify` do not block a thread, so the wait word needs nothing from them.
 *
 * Runs on application threads. The wait itself is never split or shortened: a notify would be lost in the gap.
 */
import { WaitState } from '../../shared-memory/wait-word.ts';
import type { Recorder } from '../recorder.ts';

const original = Atomics.wait;

/** Replaces `Atomics.wait`; gives back what restores it. Throws where the intrinsics are frozen. */
export function patchAtomicsWait(recorder: Recorder): () => void {
  const { clock, waitWord } = recorder;
  /* A method, so that it has the name and length of the original and, like it, cannot be constructed. */
  const { wait } = {
    wait(typedArray: Int32Array, index: number, value: number, timeout?: number): 'ok' | 'not-equal' | 'timed-out' {
      waitWord.begin(WaitState.PARKED, 0, clock.nowNs());
      try {
        return timeout === undefined ? original(typedArray, index, value) : original(typedArray, index, value, timeout);
      } finally {
        waitWord.end(clock.nowNs());
      }
    },
  };
  const descriptor = Object.getOwnPropertyDescriptor(Atomics, 'wait') as PropertyDescriptor;
  Object.defineProperty(Atomics, 'wait', { ...descriptor, value: wait });
  return () => {
    if (Atomics.wait === wait) Object.defineProperty(Atomics, 'wait', descriptor);
  };
}
