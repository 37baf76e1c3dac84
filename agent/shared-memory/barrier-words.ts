/**
 * The words of a barrier: how many have arrived, in which round, in one word, so that exactly one arrival is the last.
 *
 * Runs on every thread: those that arrive, and the agent thread when it sweeps for a dead one. Nothing here waits.
 *
 *     STATE       bits 0-10 arrived in this round; bit 11 broken; bits 12-31 round. Those who have arrived park here     W: every thread, by CAS
 *     BROKEN_AT   16 words: round + 1 of the last round that was broken, by its lowest four bits                         W: who resets
 *     ARRIVALS    512 words, one a lock thread: the thread's generation << 12 | 1 + round % 4095, while it waits         W: that thread
 *
 * Invariants
 * B1  A round ends by the one CAS that makes its arrivals zero and its number one more: the last arrival's (tripped), or a reset's (broken).
 * B2  A broken round is only left by a reset, which writes it into BROKEN_AT before: who arrived in it and comes late still sees that it was broken
 *     (sixteen broken rounds later at most).
 * B3  A thread says in ARRIVALS that it is in a round before it is counted: who knows it dead, and finds it in the round that goes on, breaks that round.
 * B4  Who ends or breaks a round notifies after it.
 */
import { BLOCK } from './lock-block.ts';
import { wake, wakeAsyncWaiters } from './lock-wake.ts';
import { generationOf, holderWord, threadOf } from './lock-word.ts';

/** Byte offsets in a block: of the kind's words, and of its own area. */
export const BARRIER = {
  STATE: 8,
  /** On a line of the kind's own area: nobody but who resets or comes late looks there. */
  BROKEN_AT: 2560,
  ARRIVALS: 2624,
} as const;
export const BARRIER_BYTES = 4672;
export const MAX_PARTIES = 1024;

const ARRIVED_MASK = 0x7ff;
const BROKEN = 0x800;
const ROUND_SHIFT = 12;
const ROUND_MASK = 0xfffff;

const roundOf = (state: number): number => state >>> ROUND_SHIFT;

function arrivalIndex(blockAt: number, thread: number): number {
  return (blockAt + BARRIER.ARRIVALS + thread * 4) >> 2;
}

function arrivalWord(me: number, round: number): number {
  return (generationOf(me) << 12) | (1 + (round % 4095));
}

export interface Arrival {
  readonly round: number;
  /** How many came before. */
  readonly index: number;
  /** It was the last: the round is over. */
  readonly isLast: boolean;
}

/** Arrives; undefined when the barrier is broken. */
export function arrive(i32: Int32Array, blockAt: number, me: number): Arrival | undefined {
  const at = (blockAt + BARRIER.STATE) >> 2;
  const parties = i32[(blockAt + BLOCK.NUMBER_A) >> 2] as number;
  for (;;) {
    const state = Atomics.load(i32, at);
    if ((state & BROKEN) !== 0) return undefined;
    const round = roundOf(state);
    const index = state & ARRIVED_MASK;
    const isLast = index + 1 >= parties;
    if (!isLast) Atomics.store(i32, arrivalIndex(blockAt, threadOf(me)), arrivalWord(me, round));
    const next = isLast ? ((round + 1) & ROUND_MASK) << ROUND_SHIFT : state + 1;
    if (Atomics.compareExchange(i32, at, state, next) !== state) continue;
    if (isLast) wakeBarrier(i32, blockAt);
    return { round, index, isLast };
  }
}

export function isBroken(i32: Int32Array, blockAt: number): boolean {
  return (Atomics.load(i32, (blockAt + BARRIER.STATE) >> 2) & BROKEN) !== 0;
}

/** The holder word of a thread that is in a round; 0 when it is in none. */
export function arrivalOf(i32: Int32Array, blockAt: number, thread: number): number {
  const arrival = Atomics.load(i32, arrivalIndex(blockAt, thread));
  return arrival === 0 ? 0 : holderWord(thread, generationOf(arrival));
}

/** How a round stands for one who arrived in it; `goes on` comes with the value to park at. */
export function roundState(i32: Int32Array, blockAt: number, round: number): 'tripped' | 'broken' | number {
  const state = Atomics.load(i32, (blockAt + BARRIER.STATE) >> 2);
  if (roundOf(state) === round) return (state & BROKEN) === 0 ? state : 'broken';
  return i32[(blockAt + BARRIER.BROKEN_AT + (round & 15) * 4) >> 2] === round + 1 ? 'broken' : 'tripped';
}

/** To be called when no one of the thread waits here any longer. */
export function leaveBarrier(i32: Int32Array, blockAt: number, me: number): void {
  Atomics.store(i32, arrivalIndex(blockAt, threadOf(me)), 0);
}

/** Breaks a round that goes on; false when it is over, or broken already. */
export function breakRound(i32: Int32Array, blockAt: number, round: number): boolean {
  const at = (blockAt + BARRIER.STATE) >> 2;
  for (let state = Atomics.load(i32, at); ; ) {
    if (roundOf(state) !== round || (state & BROKEN) !== 0) return false;
    const seen = Atomics.compareExchange(i32, at, state, state | BROKEN);
    if (seen === state) {
      wakeBarrier(i32, blockAt);
      return true;
    }
    state = seen;
  }
}

/** Breaks the round that goes on, if anybody has arrived in it, and begins a new one. */
export function resetBarrier(i32: Int32Array, blockAt: number): void {
  const at = (blockAt + BARRIER.STATE) >> 2;
  for (let state = Atomics.load(i32, at); ; state = Atomics.load(i32, at)) {
    const round = roundOf(state);
    if ((state & (BROKEN | ARRIVED_MASK)) === 0) return;
    if ((state & BROKEN) === 0 && !breakRound(i32, blockAt, round)) continue;
    Atomics.store(i32, (blockAt + BARRIER.BROKEN_AT + (round & 15) * 4) >> 2, round + 1);
    const broken = Atomics.load(i32, at);
    if (roundOf(broken) !== round) return;
    const next = ((round + 1) & ROUND_MASK) << ROUND_SHIFT;
    if (Atomics.compareExchange(i32, at, broken, next) !== broken) continue;
    wakeBarrier(i32, blockAt);
    return;
  }
}

export function wakeBarrier(i32: Int32Array, blockAt: number): void {
  wake(i32, (blockAt + BARRIER.STATE) >> 2);
  wakeAsyncWaiters(i32, blockAt);
}

/** Breaks the round that goes on when a dead thread is in it; how many locks it has abandoned. */
export function sweepBarrier(i32: Int32Array, blockAt: number, dead: number): number {
  const at = arrivalIndex(blockAt, threadOf(dead));
  const arrival = Atomics.load(i32, at);
  if (arrival === 0 || generationOf(arrival) !== generationOf(dead)) return 0;
  const round = roundOf(Atomics.load(i32, (blockAt + BARRIER.STATE) >> 2));
  const isIn = arrival === arrivalWord(dead, round);
  const hasBroken = isIn && breakRound(i32, blockAt, round);
  if (hasBroken) Atomics.add(i32, (blockAt + BLOCK.ABANDONMENTS) >> 2, 1);
  /* After the break, because who dies in between leaves it for the next who sweeps. */
  Atomics.compareExchange(i32, at, arrival, 0);
  return hasBroken ? 1 : 0;
}
