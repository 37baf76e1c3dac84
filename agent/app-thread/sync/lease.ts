/**
 * A lease: one acquisition of one lock, until it is released. It is also a link of the list of the locks that its thread holds.
 *
 * Runs on application threads; a lease never leaves its own.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import type { AsyncEntry } from './async-entry.ts';
import type { LocalLock } from './local-lock.ts';
import type { Lease } from './lock-options.ts';
import type { HeldPath } from './lock-order.ts';

/** What gives a lease back: each kind of lock, in each mode, its own way. */
export interface Releaser {
  readonly lock: LocalLock;
  readonly mode: LockMode;
  /** Throws where the lease is not held. */
  release(lease: HeldLease): void;
}

/** Bits of a lease's state; above them, its part. */
const HELD = 1;
const ABANDONED = 2;
const PART_SHIFT = 2;

/** Small, because each acquisition makes one. */
export class HeldLease implements Lease {
  readonly releaser: Releaser;
  /** The lock that was taken before this one by a blocking call of the same thread, and is still held. */
  outer: HeldLease | undefined;
  /** What the thread held in which order, up to and with this lock; absent where orders are not watched, and for asynchronous holders. */
  path: HeldPath | undefined;
  #state: number;

  constructor(releaser: Releaser, isAbandoned: boolean, outer: HeldLease | undefined, path: HeldPath | undefined) {
    this.releaser = releaser;
    this.outer = outer;
    this.path = path;
    this.#state = isAbandoned ? HELD | ABANDONED : HELD;
  }

  get abandoned(): boolean {
    return (this.#state & ABANDONED) !== 0;
  }

  /** False once it was released. */
  get isHeld(): boolean {
    return (this.#state & HELD) !== 0;
  }

  /** A number of the kind's own, below 2^28: the permit, say. */
  get part(): number {
    return this.#state >> PART_SHIFT;
  }

  set part(part: number) {
    this.#state = (this.#state & (HELD | ABANDONED)) | (part << PART_SHIFT);
  }

  /** It is over: the lock itself is released by whoever calls this. */
  end(): void {
    this.#state &= ~HELD;
  }

  /** It is held again, by another acquisition of the same lock (`LocalLock.transfer`). */
  revive(isAbandoned: boolean): void {
    this.#state = (this.#state & ~ABANDONED) | HELD | (isAbandoned ? ABANDONED : 0);
  }

  release(): void {
    this.releaser.release(this);
  }

  [Symbol.dispose](): void {
    if (this.isHeld) this.releaser.release(this);
  }
}

/** The lease of an asynchronous holder. */
export class AsyncLease extends HeldLease {
  /** What the agent sees of it. */
  entry: AsyncEntry | undefined;

  constructor(releaser: Releaser, isAbandoned: boolean) {
    super(releaser, isAbandoned, undefined, undefined);
  }
}
