/**
 * Sets of locks, as small numbers that are the same on every thread: what a thread holds at an access, and what all accesses to a cell had in common.
 *
 * Runs on application threads. Sets are only ever added, and a program has few: one for each combination of locks that it holds at once.
 */
import { RaceItem, type RaceMemory } from './race-memory.ts';

/** The number of the set without any lock. */
export const NO_LOCKS = 0;
/** Locks of a set. A thread that holds more at once is not checked: to leave one out would make races of what is none. */
export const MAX_LOCKS = 16;

export class Locksets {
  readonly #memory: RaceMemory;
  readonly #numbers = new Map<string, number>();
  readonly #ids = new Map<number, readonly number[]>([[NO_LOCKS, []]]);
  readonly #common = new Map<string, number>();
  /** Most accesses are made under one lock, and mostly under the one of the last access. */
  #lastId = 0;
  #lastNumber = NO_LOCKS;

  constructor(memory: RaceMemory) {
    this.#memory = memory;
  }

  /** The number of a set of ids, each given once, in any order; undefined for one that is too large or finds no room. */
  of(ids: readonly number[]): number | undefined {
    if (ids.length === 0) return NO_LOCKS;
    if (ids.length > MAX_LOCKS) return undefined;
    const [only] = ids;
    if (ids.length === 1 && only === this.#lastId) return this.#lastNumber;
    const number = this.#find(ids.toSorted((a, b) => a - b));
    if (ids.length === 1 && only !== undefined && number !== undefined) {
      this.#lastId = only;
      this.#lastNumber = number;
    }
    return number;
  }

  #find(sorted: readonly number[]): number | undefined {
    const text = sorted.join();
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#memory.intern(RaceItem.LOCKSET, sorted, 0)?.at;
    if (number === undefined) return undefined;
    this.#numbers.set(text, number);
    this.#ids.set(number, sorted);
    return number;
  }

  /** The ids of a set, in ascending order. */
  idsOf(set: number): readonly number[] {
    let ids = this.#ids.get(set);
    if (ids === undefined) {
      ids = this.#memory.keyOf(RaceItem.LOCKSET, set);
      this.#ids.set(set, ids);
    }
    return ids;
  }

  /** The number of the set of locks that are in both; `NO_LOCKS` where they have none in common. */
  common(a: number, b: number): number {
    if (a === b) return a;
    if (a === NO_LOCKS || b === NO_LOCKS) return NO_LOCKS;
    const key = a < b ? `${a},${b}` : `${b},${a}`;
    let number = this.#common.get(key);
    if (number === undefined) {
      const other = new Set(this.idsOf(b));
      /* No room for a set that is part of one which found room: it is taken for the larger one, so that nothing is reported wrongly. */
      number = this.of(this.idsOf(a).filter((id) => other.has(id))) ?? a;
      this.#common.set(key, number);
    }
    return number;
  }
}
