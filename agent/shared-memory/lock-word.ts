/**
 * The lock word: the holder itself, in one word that the acquiring CAS sets, so that no thread can die between taking a lock and saying so.
 *
 * Runs on every thread.
 *
 *     bit 0       WAITERS     somebody may be parked at the word: who releases must notify
 *     bit 1       DIED        the last holder's thread ended holding it: the next one is told, and clears the bit
 *     bits 2-11   thread + 1  the holder's entry in lock memory; 0: nobody holds it
 *     bits 12-31  generation  of that entry, its low twenty bits: a word of an earlier life is a dead thread's
 */
import { LOCK_THREAD, type LockMemory } from './lock-memory.ts';

export const WAITERS = 1;
export const DIED = 2;
export const FLAGS = 3;
const THREAD_MASK = 0x3ff;
const GENERATION_BITS = 0xfffff;

/** The part of the word that names a holder; never zero. */
export function holderWord(thread: number, generation: number): number {
  return ((generation & GENERATION_BITS) << 12) | ((thread + 1) << 2);
}

/** The holder's entry; -1 when nobody holds it. */
export function threadOf(word: number): number {
  return ((word >>> 2) & THREAD_MASK) - 1;
}

export function generationOf(word: number): number {
  return word >>> 12;
}

/** True where the word names a life of its entry that is over: as sure as the entry's state word, which grows before the entry is used again. */
export function isOfDeadThread(memory: LockMemory, word: number): boolean {
  const thread = threadOf(word);
  if (thread < 0) return false;
  const state = Atomics.load(memory.views.i32, memory.threadAt(thread, LOCK_THREAD.STATE) >> 2);
  return (state & 3) === 0 || ((state >>> 2) & GENERATION_BITS) !== generationOf(word);
}
