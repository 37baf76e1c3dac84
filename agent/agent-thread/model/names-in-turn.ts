/**
 * What is kept under each name that threads bear one after the other.
 *
 * Runs on the agent thread. It must not grow with the number of names there ever were: of those nobody bears any more the 128 last ones are kept,
 * and what is left of the others is added to `_OTHER`, which no thread is called.
 */
import { OTHER } from '../telemetry/catalog.ts';

const MAX_ENDED_NAMES = 128;

export interface NamesInTurnSettings<T> {
  readonly create: () => T;
  /** Adds what nobody was told of yet to the others. */
  readonly leave: (oldest: T, others: T) => void;
}

export class NamesInTurn<T> {
  readonly #settings: NamesInTurnSettings<T>;
  readonly #live = new Map<string, T>();
  /** In the order in which their last threads ended. */
  readonly #ended = new Map<string, T>();
  #others: T | undefined;

  constructor(settings: NamesInTurnSettings<T>) {
    this.#settings = settings;
  }

  /** A thread takes the name, and goes on with what the last one has left. */
  take(name: string): T {
    const own = this.#live.get(name) ?? this.#ended.get(name) ?? this.#settings.create();
    this.#ended.delete(name);
    this.#live.set(name, own);
    return own;
  }

  /** What a live thread of that name has. */
  of(name: string): T | undefined {
    return this.#live.get(name);
  }

  /** The thread that bore the name has ended. */
  giveBack(name: string): void {
    const own = this.#live.get(name);
    if (own === undefined) return;
    this.#live.delete(name);
    this.#ended.set(name, own);
    for (const [oldestName, oldest] of this.#ended) {
      if (this.#ended.size <= MAX_ENDED_NAMES) return;
      this.#ended.delete(oldestName);
      this.#others ??= this.#settings.create();
      this.#settings.leave(oldest, this.#others);
    }
  }

  *[Symbol.iterator](): Generator<readonly [name: string, own: T]> {
    yield* this.#live;
    yield* this.#ended;
    if (this.#others !== undefined) yield [OTHER, this.#others];
  }
}
