/**
 * How a release wakes those who wait asynchronously.
 *
 * Runs on application threads. The last of a kind's own words says whether any thread has an asynchronous waiter: a release then pays for the generation
 * only where there is one. Who releases takes the word back; who still waits sets it again, before it attempts again.
 */
import { BLOCK } from '../../shared-memory/lock-block.ts';
import type { LocalLock } from './local-lock.ts';

/** Index of a word of the block: 1 while some thread may wait on the generation. Set before the attempt that fails. */
export const ASYNC_WAITERS: number = (BLOCK.KIND - 4) >> 2;
const GENERATION = BLOCK.GENERATION >> 2;

/** Wakes every thread that has asynchronous waiters. To be called after the lock was released. */
export function wakeAsync({ words, thread }: LocalLock): void {
  if (Atomics.load(words, ASYNC_WAITERS) === 0) return;
  Atomics.store(words, ASYNC_WAITERS, 0);
  Atomics.add(words, GENERATION, 1);
  thread.atomics.notify(words, GENERATION);
}
