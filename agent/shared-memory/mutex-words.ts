/**
 * The words of a mutex: how its lock word (`lock-word.ts`) is taken, waited for, given up and taken from the dead.
 *
 * Runs on application threads; the agent thread buries. Nothing here waits. `words` is the block, from its first word on.
 *
 * Invariants
 * M1  A word that names a holder is changed by that holder alone, but for WAITERS, which anybody may set, and but for a dead holder's, which is buried.
 * M2  Nobody parks unless the word has WAITERS while somebody holds it; the release that clears it wakes one.
 * M3  Who may have left others parked (it was parked itself: the release that woke it has cleared WAITERS) takes the word with WAITERS.
 * M4  DIED stands only in a word that names nobody, and goes with the CAS that takes the word: one holder is told.
 */
import { BLOCK } from './lock-block.ts';
import { DIED, FLAGS, WAITERS } from './lock-word.ts';

const WORD = BLOCK.WORD >> 2;
const ABANDONMENTS = BLOCK.ABANDONMENTS >> 2;

/** What an attempt came to: it is held by another, taken, or taken from one that died. */
export const Take = { HELD: 0, TAKEN: 1, ABANDONED: 2 } as const;
export type Take = (typeof Take)[keyof typeof Take];

/** Where who is kept out parks: the index of a word, what it must still be, and who is in the way. */
export interface Place {
  parkAt: number;
  parkValue: number;
  holder: number;
}

/** Nobody holds it. */
export function isFree(words: Int32Array): boolean {
  return (Atomics.load(words, WORD) & ~FLAGS) === 0;
}

/** Takes the word for `me`, or sees to it that the holder will wake somebody. `hasOthers`: others may be parked whom nobody else will wake (M3). */
export function tryTake(words: Int32Array, me: number, hasOthers: boolean, place: Place): Take {
  for (;;) {
    const seen = Atomics.load(words, WORD);
    if ((seen & ~FLAGS) === 0) {
      const next = me | (seen & WAITERS) | (hasOthers ? WAITERS : 0);
      if (Atomics.compareExchange(words, WORD, seen, next) !== seen) continue;
      return (seen & DIED) === 0 ? Take.TAKEN : Take.ABANDONED;
    }
    const waited = seen | WAITERS;
    if (seen !== waited && Atomics.compareExchange(words, WORD, seen, waited) !== seen) continue;
    place.parkAt = WORD;
    place.parkValue = waited;
    place.holder = seen & ~FLAGS;
    return Take.HELD;
  }
}

/** Gives the word up where WAITERS is set: the caller then wakes one. False when `me` does not hold it. */
export function leaveWaited(words: Int32Array, me: number): boolean {
  return Atomics.compareExchange(words, WORD, me | WAITERS, 0) === (me | WAITERS);
}

/** Takes the word away from its holder if that is dead, and counts it; false when it lives, or was buried. */
export function bury(words: Int32Array, isDead: (word: number) => boolean): boolean {
  for (;;) {
    const seen = Atomics.load(words, WORD);
    if ((seen & ~FLAGS) === 0 || !isDead(seen)) return false;
    /* Once more where somebody has said meanwhile that it waits. */
    if (Atomics.compareExchange(words, WORD, seen, DIED | (seen & WAITERS)) !== seen) continue;
    Atomics.add(words, ABANDONMENTS, 1);
    return true;
  }
}
