/**
 * The words of a condition: one entry a waiter, so that a notification is given to a waiter of its own, and none is lost, doubled or left with a dead one.
 *
 * Runs on every thread: waiters, notifiers, and the agent thread when it sweeps for a dead one. Nothing here waits.
 *
 *     TICKETS         numbers given to waiters so far                                                W: every waiter, atomic add
 *     HIGH            entries that were ever in use; only grows                                      W: every waiter, by CAS
 *     NOTIFICATIONS   notifications that were given to a waiter                                      W: every notifier, atomic add
 *     MUTEX           id of the mutex that a waiter gave up last                                     W: every waiter
 *     ENTRIES         1024 of two words: state, ticket
 *
 *     state    0 free -> holder word (claimed: its ticket is being written) -> holder word | WAITING -> holder word | NOTIFIED -> 0
 *
 * Invariants
 * K1  An entry is claimed before the mutex is released: who takes the mutex after it and notifies finds it.
 * K2  WAITING ends by one CAS: a notifier's, to NOTIFIED, or the waiter's own, to 0 (time-out, abort). So each notification wakes one waiter that
 *     says that it was notified, and a waiter that times out at the same moment has either the one or the other.
 * K3  `notifyOne` chooses the waiter with the lowest ticket among those it sees; it counts as unheard only when it saw none.
 * K4  A notification given to a thread that ended before it took it is given on by who sweeps.
 */
import type { LockMemory } from './lock-memory.ts';
import { wake, wakeAsyncWaiters } from './lock-wake.ts';
import { FLAGS, isOfDeadThread } from './lock-word.ts';

/** Byte offsets in a block: of the kind's words, and of its own area. */
export const CONDITION = {
  TICKETS: 8,
  HIGH: 12,
  NOTIFICATIONS: 16,
  MUTEX: 20,
  ENTRIES: 2560,
} as const;
export const MAX_CONDITION_WAITERS = 1024;
const ENTRY_BYTES = 8;
export const CONDITION_BYTES: number = CONDITION.ENTRIES + MAX_CONDITION_WAITERS * ENTRY_BYTES;

/** Flags of an entry's state. */
export const WAITING = 1;
export const NOTIFIED = 2;

/** The byte offset of an entry's state: where its waiter parks. */
export function entryAt(blockAt: number, entry: number): number {
  return blockAt + CONDITION.ENTRIES + entry * ENTRY_BYTES;
}

function highOf(i32: Int32Array, blockAt: number): number {
  return Math.min(Math.max(0, Atomics.load(i32, (blockAt + CONDITION.HIGH) >> 2)), MAX_CONDITION_WAITERS);
}

/** Enters a waiter; its entry, or -1 when all are in use. To be called before the mutex is released (K1). */
export function enterCondition(i32: Int32Array, blockAt: number, me: number): number {
  for (let entry = 0; entry < MAX_CONDITION_WAITERS; entry++) {
    const at = entryAt(blockAt, entry) >> 2;
    if (Atomics.load(i32, at) !== 0 || Atomics.compareExchange(i32, at, 0, me) !== 0) continue;
    raiseHigh(i32, blockAt, entry);
    i32[at + 1] = Atomics.add(i32, (blockAt + CONDITION.TICKETS) >> 2, 1);
    Atomics.store(i32, at, me | WAITING);
    return entry;
  }
  return -1;
}

function raiseHigh(i32: Int32Array, blockAt: number, entry: number): void {
  const at = (blockAt + CONDITION.HIGH) >> 2;
  for (let high = Atomics.load(i32, at); high <= entry; ) {
    const seen = Atomics.compareExchange(i32, at, high, entry + 1);
    if (seen === high) return;
    high = seen;
  }
}

/** Takes a notification, if there is one: the entry is free then. False: the waiter still waits. */
export function takeNotification(i32: Int32Array, blockAt: number, me: number, entry: number): boolean {
  return Atomics.compareExchange(i32, entryAt(blockAt, entry) >> 2, me | NOTIFIED, 0) === (me | NOTIFIED);
}

/** Ends a wait that timed out or was aborted; true when it was notified first, after all. The entry is free either way. */
export function leaveCondition(i32: Int32Array, blockAt: number, me: number, entry: number): boolean {
  const at = entryAt(blockAt, entry) >> 2;
  if (Atomics.compareExchange(i32, at, me | WAITING, 0) === (me | WAITING)) return false;
  return takeNotification(i32, blockAt, me, entry);
}

/**
 * Notifies the waiter that has waited longest; false when there was none. Entries of dead threads are freed on the way: a notification they had not
 * taken is one more to give.
 */
export function notifyOldest(i32: Int32Array, blockAt: number, memory: LockMemory): boolean {
  for (;;) {
    let oldest = -1;
    let word = 0;
    let ticket = 0;
    for (let entry = 0, high = highOf(i32, blockAt); entry < high; entry++) {
      const at = entryAt(blockAt, entry) >> 2;
      const state = Atomics.load(i32, at);
      if ((state & WAITING) === 0) continue;
      if (isOfDeadThread(memory, state & ~FLAGS)) {
        Atomics.compareExchange(i32, at, state, 0);
        continue;
      }
      const its = i32[at + 1] as number;
      if (oldest >= 0 && ((its - ticket) | 0) > 0) continue;
      oldest = at;
      word = state;
      ticket = its;
    }
    if (oldest < 0) return false;
    if (Atomics.compareExchange(i32, oldest, word, (word & ~FLAGS) | NOTIFIED) !== word) continue;
    heard(i32, blockAt, oldest);
    return true;
  }
}

/** Notifies all that wait now; their number. */
export function notifyEvery(i32: Int32Array, blockAt: number, memory: LockMemory): number {
  let notified = 0;
  for (let entry = 0, high = highOf(i32, blockAt); entry < high; entry++) {
    const at = entryAt(blockAt, entry) >> 2;
    const state = Atomics.load(i32, at);
    if ((state & WAITING) === 0) continue;
    const isDead = isOfDeadThread(memory, state & ~FLAGS);
    if (Atomics.compareExchange(i32, at, state, isDead ? 0 : (state & ~FLAGS) | NOTIFIED) !== state || isDead) continue;
    heard(i32, blockAt, at);
    notified++;
  }
  return notified;
}

function heard(i32: Int32Array, blockAt: number, index: number): void {
  Atomics.add(i32, (blockAt + CONDITION.NOTIFICATIONS) >> 2, 1);
  wake(i32, index);
  wakeAsyncWaiters(i32, blockAt);
}

/** Frees a dead thread's entries, and gives on what it was notified of and had not taken (K4). */
export function sweepCondition(i32: Int32Array, blockAt: number, memory: LockMemory, dead: number): void {
  for (let entry = 0, high = highOf(i32, blockAt); entry < high; entry++) {
    const at = entryAt(blockAt, entry) >> 2;
    for (let state = Atomics.load(i32, at); (state & ~FLAGS) === dead; ) {
      const seen = Atomics.compareExchange(i32, at, state, 0);
      if (seen === state && (state & NOTIFIED) !== 0) notifyOldest(i32, blockAt, memory);
      /* It may have been notified between the two. */
      state = seen === state ? 0 : seen;
    }
  }
}

/** Wakes all that were notified: for a notifier that died before it woke them. */
export function wakeNotified(i32: Int32Array, blockAt: number): void {
  for (let entry = 0, high = highOf(i32, blockAt); entry < high; entry++) {
    const at = entryAt(blockAt, entry) >> 2;
    if ((Atomics.load(i32, at) & NOTIFIED) !== 0) wake(i32, at);
  }
  wakeAsyncWaiters(i32, blockAt);
}
