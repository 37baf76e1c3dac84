/**
 * The words of a semaphore: one lock word a permit (`lock-word.ts`), so that the count is implied and the holder of each permit is known.
 *
 * Runs on every thread: holders and waiters, and the agent thread when it sweeps for a dead one. Nothing here waits.
 *
 *     EVENTS     bit 0: somebody may be parked here; above it a number that grows at each wake-up. Waiters park here    W: every thread, by CAS
 *     PERMITS    as many words as there are permits (`NUMBER_A`): its holder, or 0, or DIED                             W: every thread, by CAS
 *
 * Invariants
 * P1  A permit leaves 0 or DIED only by its taker's CAS, and its holder only by that holder, or by who knows it dead: no more are held than there are.
 * P2  A waiter says in EVENTS that it waits, then looks at the permits; who frees one looks at EVENTS after it (Dekker): none sleeps beside a free permit.
 * P3  A wake-up wakes one. So a waiter that was woken says again that somebody waits, and when another permit is free, wakes the next: a permit that
 *     was freed between the two is not slept on.
 */
import { BLOCK } from './lock-memory.ts';
import { wake, wakeAsyncWaiters } from './lock-wake.ts';
import { DIED, threadOf, WAITERS } from './lock-word.ts';
import type { Place } from './rw-lock-words.ts';

/** Byte offsets in a block: of the kind's words, and of its own area. */
export const SEMAPHORE = { EVENTS: 8, PERMITS: 2560 } as const;
export const MAX_PERMITS = 1024;

export function semaphoreBytes(permits: number): number {
  return SEMAPHORE.PERMITS + permits * 4;
}

/** The byte offset of a permit. */
export function permitAt(blockAt: number, permit: number): number {
  return blockAt + SEMAPHORE.PERMITS + permit * 4;
}

/** Permits of the semaphore, as far as the block can hold them. */
export function permitsOf(i32: Int32Array, blockAt: number): number {
  return Math.min(Math.max(0, i32[(blockAt + BLOCK.NUMBER_A) >> 2] as number), MAX_PERMITS);
}

/** What was taken: the permit, and whether the thread that had it last died having it. */
export interface TakenPermit {
  readonly permit: number;
  readonly abandoned: boolean;
}

/** Takes a free permit, looking first at `from`. */
function takePermit(i32: Int32Array, blockAt: number, me: number, from = 0): TakenPermit | undefined {
  const permits = permitsOf(i32, blockAt);
  for (let i = 0; i < permits; i++) {
    const permit = (from + i) % permits;
    const at = permitAt(blockAt, permit) >> 2;
    const word = Atomics.load(i32, at);
    if (threadOf(word) >= 0) continue;
    if (Atomics.compareExchange(i32, at, word, me) === word) return { permit, abandoned: (word & DIED) !== 0 };
  }
  return undefined;
}

/** Frees a permit and wakes one waiter; false when this thread does not have it. */
export function freePermit(i32: Int32Array, blockAt: number, me: number, permit: number): boolean {
  if (Atomics.compareExchange(i32, permitAt(blockAt, permit) >> 2, me, 0) !== me) return false;
  wakeNext(i32, blockAt);
  return true;
}

/** Takes a free permit; where there is none, says that somebody waits, and tries once more: who comes to nothing then parks at `place`. */
export function tryPermit(
  i32: Int32Array,
  blockAt: number,
  me: number,
  place: Place,
  from = 0,
): TakenPermit | undefined {
  const taken = takePermit(i32, blockAt, me, from);
  if (taken !== undefined) return taken;
  place.index = (blockAt + SEMAPHORE.EVENTS) >> 2;
  place.value = Atomics.or(i32, place.index, WAITERS) | WAITERS;
  return takePermit(i32, blockAt, me, from);
}

/** For a waiter that leaves, with a permit or without: others may wait still, and what woke it may be for them (P3). */
export function passOn(i32: Int32Array, blockAt: number): void {
  Atomics.or(i32, (blockAt + SEMAPHORE.EVENTS) >> 2, WAITERS);
  const permits = permitsOf(i32, blockAt);
  for (let permit = 0; permit < permits; permit++) {
    if (threadOf(Atomics.load(i32, permitAt(blockAt, permit) >> 2)) >= 0) continue;
    wakeNext(i32, blockAt);
    return;
  }
}

/** Wakes one parked waiter, and all threads that wait asynchronously, if anybody waits. */
function wakeNext(i32: Int32Array, blockAt: number): void {
  const at = (blockAt + SEMAPHORE.EVENTS) >> 2;
  const events = Atomics.load(i32, at);
  if ((events & WAITERS) === 0) return;
  /* Who fails has seen another's wake-up, and whom that one wakes passes it on (P3); or a waiter that says so a second time. */
  if (Atomics.compareExchange(i32, at, events, (events + 1) | 0) !== events) return;
  wake(i32, at, 1);
  wakeAsyncWaiters(i32, blockAt);
}

/** Wakes everybody: for a thread that died between the wake-up it got and passing it on. */
export function wakeAllAtSemaphore(i32: Int32Array, blockAt: number): void {
  const at = (blockAt + SEMAPHORE.EVENTS) >> 2;
  Atomics.add(i32, at, 2);
  wake(i32, at);
  wakeAsyncWaiters(i32, blockAt);
}

/** Takes a dead thread's permits away; their number. */
export function sweepSemaphore(i32: Int32Array, blockAt: number, dead: number): number {
  const permits = permitsOf(i32, blockAt);
  let abandoned = 0;
  for (let permit = 0; permit < permits; permit++) {
    if (Atomics.compareExchange(i32, permitAt(blockAt, permit) >> 2, dead, DIED) === dead) abandoned++;
  }
  if (abandoned > 0) {
    Atomics.add(i32, (blockAt + BLOCK.ABANDONMENTS) >> 2, abandoned);
    wakeAllAtSemaphore(i32, blockAt);
  }
  return abandoned;
}
