/**
 * Counters by the name of a thread, which run on over all threads that bear the name one after the other.
 *
 * Runs on the agent thread. Plain sums; it must not lose what a forgotten name has counted and no reader was told of.
 */
import { NamesInTurn } from './names-in-turn.ts';

interface Totals {
  readonly sums: Float64Array;
  /** What was told last. */
  readonly told: Float64Array;
}

export class NameTotals {
  readonly #names: NamesInTurn<Totals>;

  /** `width`: how many counters each name has. */
  constructor(width: number) {
    this.#names = new NamesInTurn<Totals>({
      create: () => ({ sums: new Float64Array(width), told: new Float64Array(width) }),
      leave: ({ sums, told }, others) => {
        for (const [i, sum] of sums.entries()) others.sums[i] = (others.sums[i] as number) + sum - (told[i] as number);
      },
    });
  }

  /** A thread takes the name: what it counts is to be added to these. */
  take(name: string): Float64Array {
    return this.#names.take(name).sums;
  }

  /** The thread that bore the name has ended. */
  giveBack(name: string): void {
    this.#names.giveBack(name);
  }

  /** All names and their counters, which are told by this. */
  *tell(): Generator<readonly [name: string, sums: Float64Array]> {
    for (const [name, { sums, told }] of this.#names) {
      told.set(sums);
      yield [name, sums];
    }
  }
}
