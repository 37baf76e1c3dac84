/**
 * A lease: one acquisition of one lock, until it is released. It is also a link of the list of the locks that its thread holds.
 *
 * Runs on application threads; a lease never leaves its own.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import type { AsyncEntry } from './async-entry.ts';
import type { LocalLock } from './local-lock.ts';
import type { HeldPath } from './lock-order.ts';

/**
 * One acquisition of a lock. It ends with `release()`, or at the end of the block that declares it with `using`.
 *
 * @example
 * {
 *   using lease = mutex.acquire();
 *   if (lease.abandoned) repair();
 * } // released here
 */
export interface Lease extends Disposable {
  /**
   * The thread that held the lock before ended without releasing it: what the lock guards may be half changed. The next holder is told, once.
   */
  readonly abandoned: boolean;
  /**
   * Releases the lock.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_NOT_HELD` when it was released before.
   */
  release(): void;
}

/** What gives a lease back: each kind of lock its own way. */
export interface Releaser {
  release(lease: HeldLease): void;
}

export class HeldLease implements Lease {
  readonly lock: LocalLock;
  readonly mode: LockMode;
  readonly abandoned: boolean;
  /** The lock that was taken before this one by the same thread, and is still held. */
  outer: HeldLease | undefined;
  /** What the thread held in which order, up to and with this lock; absent where orders are not watched. */
  path: HeldPath | undefined;
  /** When it was acquired, for one hold in so many as `holdWeight` says; 0 for the others. */
  sampledNs = 0;
  holdWeight = 0;
  /** False once it was released. */
  isHeld = true;
  /** In the list of its thread: it was taken by a blocking call. */
  isListed = false;
  /** What the agent sees of an asynchronous holder. */
  entry: AsyncEntry | undefined;
  /** A number of the kind's own: the permit, say. */
  part = 0;
  readonly #releaser: Releaser;

  constructor(releaser: Releaser, lock: LocalLock, mode: LockMode, abandoned: boolean) {
    this.#releaser = releaser;
    this.lock = lock;
    this.mode = mode;
    this.abandoned = abandoned;
  }

  release(): void {
    this.#releaser.release(this);
  }

  [Symbol.dispose](): void {
    if (this.isHeld) this.#releaser.release(this);
  }
}
