/**
 * The words of a fair mutex: its lock word is a mutex's (`mutex-words.ts`), but blocked threads take it in the order of their tickets.
 *
 * Runs on application threads. Nothing here waits. `words` is the block, from its first word on.
 *
 *     word 2          NEXT       the last ticket that was given out                                     W: who takes a ticket, atomic add
 *     from 1536 on    TICKETS    a word a lock thread                                                   W: that thread; CALLED by anyone
 *
 *     bit 0       CALLED      it is this one's turn: it is about to be woken
 *     bit 1       QUEUED      a ticket stands here
 *     bits 2-19   ticket
 *     bits 20-31  generation  of the thread's entry, its low twelve bits: a ticket of an earlier life is nobody's
 *
 * The lock word alone decides who holds the mutex, so whatever becomes of tickets when threads die, there is one holder. A number that was drawn and
 * never stored, because its thread died in between, is missed by nobody: the next one is the lowest that stands there.
 *
 * Only blocked threads have tickets. An asynchronous waiter competes with the first of them: its thread may be blocked elsewhere when its turn comes, and a
 * lock that is kept for it would then be nobody's.
 *
 * Invariants
 * T1  While somebody is queued the word has WAITERS, also when it is free: the quick way in, from 0, is then shut, and nobody overtakes.
 * T2  A ticket is stored before its thread looks at the word: a release that did not see the ticket is seen by the thread.
 * T3  Who frees the word with WAITERS, or gives up a ticket that was called, calls the lowest ticket.
 */
import { BLOCK, EXCLUSIVE_BLOCK_BYTES } from './lock-block.ts';
import { LOCK_THREAD, LOCK_THREADS, type LockMemory } from './lock-memory.ts';
import { DIED, FLAGS, generationOf, threadOf, WAITERS } from './lock-word.ts';
import { type Place, Take } from './mutex-words.ts';

export const FAIR_BLOCK_BYTES: number = EXCLUSIVE_BLOCK_BYTES + LOCK_THREADS * 4;

const WORD = BLOCK.WORD >> 2;
const NEXT = BLOCK.KIND_WORDS >> 2;
const TICKETS = EXCLUSIVE_BLOCK_BYTES >> 2;
const CALLED = 1;
const QUEUED = 2;
const NUMBER_MASK = 0x3ffff;
const HALF = 0x20000;
const GENERATION_MASK = 0xfff;

/** The index of a thread's ticket. */
function ticketAt(me: number): number {
  return TICKETS + threadOf(me);
}

/** The ticket at that place, if it is of the thread's present life. */
function ownTicket(words: Int32Array, at: number, me: number): number {
  const ticket = Atomics.load(words, at);
  return (ticket & QUEUED) !== 0 && ticket >>> 20 === (generationOf(me) & GENERATION_MASK) ? ticket : 0;
}

/** Takes the word for `me`, a thread that is to block, if it is free and its turn; otherwise queues, and says where to park. */
export function tryTakeFair(words: Int32Array, memory: LockMemory, me: number, place: Place): Take {
  const at = ticketAt(me);
  let ticket = ownTicket(words, at, me);
  if (ticket === 0) {
    if (Atomics.compareExchange(words, WORD, 0, me) === 0) return Take.TAKEN;
    const number = Atomics.add(words, NEXT, 1) & NUMBER_MASK;
    ticket = ((generationOf(me) & GENERATION_MASK) << 20) | (number << 2) | QUEUED;
    Atomics.store(words, at, ticket);
  }
  for (;;) {
    /* Before the word is looked at: who calls it after this look is seen when it parks. */
    if ((ticket & CALLED) !== 0) Atomics.store(words, at, (ticket &= ~CALLED));
    const seen = Atomics.load(words, WORD);
    if ((seen & ~FLAGS) === 0 && lowestTicket(words, memory) === at) {
      if (Atomics.compareExchange(words, WORD, seen, me | WAITERS) !== seen) continue;
      Atomics.store(words, at, 0);
      return (seen & DIED) === 0 ? Take.TAKEN : Take.ABANDONED;
    }
    if ((seen & WAITERS) === 0 && Atomics.compareExchange(words, WORD, seen, seen | WAITERS) !== seen) continue;
    place.parkAt = at;
    place.parkValue = ticket;
    place.holder = seen & ~FLAGS;
    return Take.HELD;
  }
}

/** Gives a ticket back, if there is one; true when it had been called, and the next one is to be called instead (T3). */
export function giveUpTicket(words: Int32Array, me: number): boolean {
  const at = ticketAt(me);
  return ownTicket(words, at, me) !== 0 && (Atomics.exchange(words, at, 0) & CALLED) !== 0;
}

/** Frees the word where WAITERS is set; the caller then calls the next. False when `me` does not hold it. */
export function leaveFair(words: Int32Array, me: number): boolean {
  return Atomics.compareExchange(words, WORD, me | WAITERS, WAITERS) === (me | WAITERS);
}

/** Calls the lowest ticket, if the word is free. The index of its word, for the caller to notify; -1: nobody waits, and the quick way in is open again. */
export function callNext(words: Int32Array, memory: LockMemory): number {
  for (;;) {
    const seen = Atomics.load(words, WORD);
    if ((seen & ~FLAGS) !== 0) return -1;
    const at = lowestTicket(words, memory);
    if (at < 0) {
      /* Who has stored a ticket since then finds the word free, and takes it (T2). */
      if ((seen & WAITERS) === 0 || Atomics.compareExchange(words, WORD, seen, seen & ~WAITERS) === seen) return -1;
      continue;
    }
    const ticket = Atomics.load(words, at);
    if ((ticket & QUEUED) !== 0 && Atomics.compareExchange(words, at, ticket, ticket | CALLED) === ticket) return at;
  }
}

/** Takes away the lowest tickets as long as `isGone` knows their threads to be dead, though their entries do not say so yet. */
export function buryTickets(words: Int32Array, memory: LockMemory, isGone: (thread: number) => boolean): void {
  for (;;) {
    const at = lowestTicket(words, memory);
    if (at < 0) return;
    const ticket = Atomics.load(words, at);
    if (!isGone(at - TICKETS)) return;
    Atomics.compareExchange(words, at, ticket, 0);
  }
}

/** The index of the word with the lowest ticket of a living thread; -1 where there is none. */
function lowestTicket(words: Int32Array, memory: LockMemory): number {
  let lowestAt = -1;
  let lowest = 0;
  for (let thread = 0, high = memory.threadsHigh; thread < high; thread++) {
    const ticket = Atomics.load(words, TICKETS + thread);
    if ((ticket & QUEUED) === 0 || isOfEarlierLife(memory, thread, ticket)) continue;
    const number = (ticket >>> 2) & NUMBER_MASK;
    /* Numbers begin anew after a quarter of a million: the lower of two is less than half of that before the other. */
    if (lowestAt >= 0 && ((number - lowest) & NUMBER_MASK) < HALF) continue;
    lowestAt = TICKETS + thread;
    lowest = number;
  }
  return lowestAt;
}

function isOfEarlierLife(memory: LockMemory, thread: number, ticket: number): boolean {
  const state = Atomics.load(memory.views.i32, memory.threadAt(thread, LOCK_THREAD.STATE) >> 2);
  return (state & 3) === 0 || ((state >>> 2) & GENERATION_MASK) !== ticket >>> 20;
}
