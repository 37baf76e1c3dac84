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

/** What gives a lease back: each kind of lock, in each mode, its own way. */
export interface Releaser {
  readonly lock: LocalLock;
  readonly mode: LockMode;
  /** Throws where the lease is not held. */
  release(lease: HeldLease): void;
}

/** When one of the holds that are measured began, and for how many it stands. */
export interface HoldSample {
  readonly sinceNs: number;
  readonly weight: number;
}

/** Small, because each acquisition makes one: what only some have hangs on it. */
export class HeldLease implements Lease {
  readonly releaser: Releaser;
  readonly abandoned: boolean;
  /** False once it was released. */
  isHeld = true;
  /** The lock that was taken before this one by a blocking call of the same thread, and is still held. */
  outer: HeldLease | undefined;
  /** What the thread held in which order, up to and with this lock; absent where orders are not watched, and for asynchronous holders. */
  path: HeldPath | undefined;
  /** Of a hold that is measured. */
  sample: HoldSample | undefined;
  /** Of an asynchronous holder: what the agent sees of it. */
  entry: AsyncEntry | undefined;
  /** A number of the kind's own: the permit, say. */
  part = 0;

  constructor(releaser: Releaser, abandoned: boolean, outer: HeldLease | undefined, path: HeldPath | undefined) {
    this.releaser = releaser;
    this.abandoned = abandoned;
    this.outer = outer;
    this.path = path;
    this.sample = undefined;
    this.entry = undefined;
  }

  release(): void {
    this.releaser.release(this);
  }

  [Symbol.dispose](): void {
    if (this.isHeld) this.releaser.release(this);
  }
}
