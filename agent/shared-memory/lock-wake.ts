/**
 * How those who wait at a lock are woken: who is parked at a word, and the threads that wait asynchronously at the generation.
 *
 * Runs on every thread.
 */
import { BLOCK } from './lock-block.ts';

/** Byte offset in a block, the last of the kind's words: 1 while some thread may wait at the generation. Set before the attempt that fails. */
export const ASYNC_WAITERS = 60;

let notify: typeof Atomics.notify = Atomics.notify;

/** The function that this thread wakes by, where it is not the global one. */
export function useNotify(own: typeof Atomics.notify): void {
  notify = own;
}

/** Wakes so many of those who are parked at a word; all by default. */
export function wake(i32: Int32Array, index: number, count: number = Number.POSITIVE_INFINITY): void {
  notify(i32, index, count);
}

/** Wakes the threads that wait asynchronously, if there are any: whoever waits still says so again before it tries again. */
export function wakeAsyncWaiters(i32: Int32Array, blockAt: number): void {
  const at = (blockAt + ASYNC_WAITERS) >> 2;
  if (Atomics.load(i32, at) === 0) return;
  Atomics.store(i32, at, 0);
  wakeGeneration(i32, blockAt);
}

/** The same, whatever is said: a thread may have died between taking the word back and waking. */
export function wakeGeneration(i32: Int32Array, blockAt: number): void {
  Atomics.add(i32, (blockAt + BLOCK.GENERATION) >> 2, 1);
  wake(i32, (blockAt + BLOCK.GENERATION) >> 2);
}
