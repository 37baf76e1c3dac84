/**
 * Counters by the name of a thread, which run on over all threads that bear the name one after the other.
 *
 * Runs on the agent thread. It must not grow with the number of names there ever were, nor lose what a forgotten one has counted: of the names nobody
 * bears any more the 128 last ones are kept, and what no reader has been told of the others goes to `_OTHER`.
 */
import { OTHER } from '../telemetry/catalog.ts';

const MAX_ENDED_NAMES = 128;

interface Totals {
  readonly sums: Float64Array;
  /** What was told last. */
  readonly told: Float64Array;
}

export class NameTotals {
  readonly #width: number;
  readonly #live = new Map<string, Totals>();
  /** In the order in which their last threads ended; `_OTHER` is none of them. */
  readonly #ended = new Map<string, Totals>();
  #others: Totals | undefined;

  /** `width`: how many counters each name has. */
  constructor(width: number) {
    this.#width = width;
  }

  /** A thread takes the name: what it counts is to be added to these. */
  take(name: string): Float64Array {
    if (name === OTHER) return this.#ofOthers().sums;
    const totals = this.#live.get(name) ?? this.#ended.get(name) ?? this.#empty();
    this.#ended.delete(name);
    this.#live.set(name, totals);
    return totals.sums;
  }

  /** The thread that bore the name has ended. */
  giveBack(name: string): void {
    const totals = this.#live.get(name);
    if (totals === undefined) return;
    this.#live.delete(name);
    this.#ended.set(name, totals);
    if (this.#ended.size > MAX_ENDED_NAMES) this.#forgetOldest();
  }

  /** All names and their counters, which are told by this. */
  *tell(): Generator<readonly [name: string, sums: Float64Array]> {
    for (const [name, { sums, told }] of [...this.#live, ...this.#ended]) {
      told.set(sums);
      yield [name, sums];
    }
    if (this.#others !== undefined) yield [OTHER, this.#others.sums];
  }

  #forgetOldest(): void {
    for (const [name, { sums, told }] of this.#ended) {
      this.#ended.delete(name);
      const others = this.#ofOthers();
      for (const [i, sum] of sums.entries()) others.sums[i] = (others.sums[i] as number) + sum - (told[i] as number);
      return;
    }
  }

  /** A thread that bears this very name counts with them. */
  #ofOthers(): Totals {
    return (this.#others ??= this.#empty());
  }

  #empty(): Totals {
    return { sums: new Float64Array(this.#width), told: new Float64Array(this.#width) };
  }
}
