/** The state of a guarded cell against Eraser as the paper has it, on plain sets. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { holderWord } from '../../../agent/shared-memory/lock-word.ts';
import { afterAccess, exclusiveTo, isRace, locksetOf, phaseOf } from '../../../agent/shared-memory/lockset-state.ts';
import { Locksets } from '../../../agent/shared-memory/locksets.ts';
import { RaceMemory } from '../../../agent/shared-memory/race-memory.ts';

interface Touched {
  readonly thread: number;
  readonly isWrite: boolean;
  readonly held: readonly number[];
}

/** Savage et al., figure 4: the phase, and the candidate set, which is all locks until a second thread comes. */
class PlainEraser {
  phase: 'virgin' | 'exclusive' | 'shared' | 'modified' = 'virgin';
  candidates: ReadonlySet<number> | undefined;
  #first = -1;

  touch({ thread, isWrite, held }: Touched): void {
    if (this.phase === 'virgin') {
      this.phase = 'exclusive';
      this.#first = thread;
      return;
    }
    if (this.phase === 'exclusive' && thread === this.#first) return;
    if (isWrite) this.phase = 'modified';
    else if (this.phase === 'exclusive') this.phase = 'shared';
    const before = this.candidates ?? new Set(held);
    this.candidates = new Set(held.filter((id) => before.has(id)));
  }

  get isRace(): boolean {
    return this.phase === 'modified' && this.candidates?.size === 0;
  }
}

const PHASES = ['virgin', 'exclusive', 'shared', 'modified'] as const;
const touched = fc.record({
  thread: fc.integer({ min: 0, max: 3 }),
  isWrite: fc.boolean(),
  held: fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
});

test('E1, E2: after any accesses the state is Eraser’s', () => {
  const locksets = new Locksets(RaceMemory.create());
  let races = 0;
  fc.assert(
    fc.property(fc.array(touched, { maxLength: 12 }), (accesses) => {
      const plain = new PlainEraser();
      let state = 0;
      for (const { thread, isWrite, held } of accesses) {
        plain.touch({ thread, isWrite, held });
        const lockset = locksets.of(held);
        if (lockset === undefined) expect.unreachable('no room');
        state = afterAccess(state, holderWord(thread, 0xfffff - thread), isWrite, lockset, locksets);
        expect(PHASES[phaseOf(state)]).toBe(plain.phase);
        if (plain.candidates !== undefined) expect(new Set(locksets.idsOf(locksetOf(state)))).toEqual(plain.candidates);
        expect(isRace(state)).toBe(plain.isRace);
      }
      if (plain.isRace) races++;
    }),
    { numRuns: 2000 },
  );
  expect(races).toBeGreaterThan(100);
});

test('a thread is told from an earlier one in the same entry', () => {
  const locksets = new Locksets(RaceMemory.create());
  const state = afterAccess(0, holderWord(5, 1), true, 0, locksets);
  expect(afterAccess(state, holderWord(5, 1), true, 0, locksets)).toBe(state);
  expect(isRace(afterAccess(state, holderWord(5, 2), true, 0, locksets))).toBe(true);
  expect(state).toBe(exclusiveTo(holderWord(5, 1) | 3));
});
