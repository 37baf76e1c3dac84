/**
 * Locks that were found abandoned by somebody else: a waiter that saw its holder's thread gone took the lock from it, before the agent heard of that end.
 *
 * Runs on the agent thread, at each poll: a load for each lock. Who has ended is not known here.
 */
import { BLOCK } from '../../shared-memory/lock-block.ts';
import type { KnownLock } from '../model/lock-index.ts';

export interface AbandonmentsSettings {
  readonly locks: Iterable<KnownLock>;
  readonly onAbandoned: (lock: KnownLock) => void;
  /** There was an agent thread before this one. */
  readonly isRestarted?: boolean | undefined;
}

export class Abandonments {
  readonly #settings: AbandonmentsSettings;
  /** What was counted when it was told last; of a lock that nobody knows any more it is forgotten with it. */
  readonly #told = new WeakMap<KnownLock, number>();
  #hasLooked: boolean;

  constructor(settings: AbandonmentsSettings) {
    this.#settings = settings;
    this.#hasLooked = settings.isRestarted === false;
  }

  /** The agent has told of this lock itself. */
  swept(lock: KnownLock): void {
    this.#told.set(lock, countOf(lock));
  }

  /** What was counted before the first look of one that follows another was told by an agent thread before this one. */
  look(): void {
    for (const lock of this.#settings.locks) {
      const count = countOf(lock);
      if (count === (this.#told.get(lock) ?? 0)) continue;
      this.#told.set(lock, count);
      if (this.#hasLooked) this.#settings.onAbandoned(lock);
    }
    this.#hasLooked = true;
  }
}

function countOf({ views, blockAt }: KnownLock): number {
  return Atomics.load(views.i32, (blockAt + BLOCK.ABANDONMENTS) >> 2);
}
