/**
 * The state of one cell of guarded data, after Eraser (Savage et al., "Eraser: A Dynamic Data Race Detector for Multithreaded Programs", TOCS 1997,
 * section 2.2): one word, and what an access makes of it.
 *
 * Runs on application threads; pure.
 *
 *     0                      virgin       nobody has touched it
 *     holder word | 1        exclusive    one thread has: it may be initialising it, so it needs no lock
 *     set << 2    | 2        shared       several threads have, and only read since there were several: refined, never reported
 *     set << 2    | 3        modified     several threads have, and written: refined; a race when no lock is left
 *
 * Invariants
 * E1  A set only loses locks, until a thread that is alone again takes the cell for its own.
 * E2  A cell that one thread has touched, or that nobody has written since a second one came, is no race.
 */
import { FLAGS } from './lock-word.ts';
import { type Locksets, NO_LOCKS } from './locksets.ts';

export const CellPhase = { VIRGIN: 0, EXCLUSIVE: 1, SHARED: 2, MODIFIED: 3 } as const;
export type CellPhase = (typeof CellPhase)[keyof typeof CellPhase];

export function phaseOf(state: number): CellPhase {
  return (state & FLAGS) as CellPhase;
}

export function exclusiveTo(holderWord: number): number {
  return (holderWord & ~FLAGS) | CellPhase.EXCLUSIVE;
}

/** The one thread of an exclusive cell: its holder word. */
export function exclusiveOwner(state: number): number {
  return state & ~FLAGS;
}

/** The locks that all accesses had in common, for a cell that is shared or modified. */
export function locksetOf(state: number): number {
  return state >>> 2;
}

/** The state after an access of a thread that holds `lockset`. */
export function afterAccess(
  state: number,
  holderWord: number,
  isWrite: boolean,
  lockset: number,
  locksets: Pick<Locksets, 'common'>,
): number {
  const phase = phaseOf(state);
  if (phase === CellPhase.VIRGIN) return exclusiveTo(holderWord);
  if (phase === CellPhase.EXCLUSIVE) {
    if (exclusiveOwner(state) === (holderWord & ~FLAGS)) return state;
    return (lockset << 2) | (isWrite ? CellPhase.MODIFIED : CellPhase.SHARED);
  }
  const left = locksets.common(locksetOf(state), lockset);
  return (left << 2) | (isWrite ? CellPhase.MODIFIED : phase);
}

/** Whether the accesses so far were a race. */
export function isRace(state: number): boolean {
  return phaseOf(state) === CellPhase.MODIFIED && locksetOf(state) === NO_LOCKS;
}
