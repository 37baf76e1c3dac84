/**
 * One way to take a lock: its acquisitions, blocking or not, and their leases. What takes it, waits for it and gives it back is in the subclasses: `MutexCore`,
 * whose fast path is a single compare and exchange, and `LockSide`.
 *
 * Runs on application threads. One object a thread, lock and mode.
 */
import { GridwatchError } from '../../errors.ts';
import type { LockMode } from '../../shared-memory/async-locks.ts';
import { AsyncEntry } from './async-entry.ts';
import type { Contended } from './contended.ts';
import type { HeldLease, Releaser } from './lease.ts';
import type { LocalLock } from './local-lock.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type Lease,
  optionError,
  shown,
  signalOf,
  timeoutOf,
} from './lock-options.ts';
import { perturb } from './perturbed.ts';
import { AsyncScope, asyncOrderOf } from './scoped-order.ts';

/** What `tryAcquire` would wait. */
const TRIED: AcquireOptions = { timeoutMs: 0 };

export abstract class LockAccess implements Contended, Releaser {
  readonly lock: LocalLock;
  readonly mode: LockMode;
  readonly isQueue = false;
  holder = 0;
  /** Whether the last attempt that succeeded found the lock abandoned. */
  protected isAbandoned = false;

  constructor(lock: LocalLock, mode: LockMode) {
    this.lock = lock;
    this.mode = mode;
  }

  abstract readonly parkAt: number;
  abstract readonly parkValue: number;
  abstract attempt(hasOthers: boolean, isAsync: boolean): boolean;
  abstract isFree(): boolean;
  abstract bury(): boolean;
  abstract passOn(): void;
  abstract acquire(options: AcquireOptions | undefined): Lease;
  abstract release(lease: HeldLease): void;
  /** Takes the lock if it is to be had, without a claim to it otherwise. */
  protected abstract tryAtOnce(): boolean;
  /** Counts an acquisition, of which this is the lease. */
  protected abstract count(lease: HeldLease): void;
  /** An attempt, or a wait, has come to nothing: takes back what it has left. */
  protected leave(): void {}

  tryAcquire(): Lease | undefined {
    if (perturb !== undefined) perturb('acquire');
    if (this.tryAtOnce()) return this.open(TRIED);
    this.leave();
    return undefined;
  }

  async acquireAsync(options: AcquireAsyncOptions | undefined, activity: number): Promise<HeldLease> {
    const timeoutMs = timeoutOf(options);
    const signal = signalOf(options);
    signal?.throwIfAborted();
    if (perturb !== undefined) perturb('acquire');
    const { queue } = this.lock;
    /* Not past those who wait already. */
    const isBounded = signal !== undefined || timeoutMs !== Number.POSITIVE_INFINITY;
    const order = isBounded ? undefined : asyncOrderOf(this.lock, this.mode);
    if (queue.size === 0 && this.tryAtOnce()) {
      order?.tell();
      return this.openAsync(activity, undefined);
    }
    try {
      return await queue.wait(this, { timeoutMs, signal }, (entry) => {
        order?.tell();
        return this.openAsync(activity, entry);
      });
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  withLease<T>(fn: (lease: Lease) => T, options: AcquireOptions | undefined): T {
    checkCallback(fn);
    const lease = this.acquire(options);
    try {
      return fn(lease);
    } finally {
      lease[Symbol.dispose]();
    }
  }

  async withLeaseAsync<T>(fn: (lease: Lease) => T | Promise<T>, options: AcquireAsyncOptions | undefined): Promise<T> {
    checkCallback(fn);
    const activities = this.lock.thread.recording?.activities;
    const activity = activities?.next() ?? 0;
    const lease = await this.acquireAsync(options, activity);
    try {
      if (activities === undefined) return await fn(lease);
      const scope = new AsyncScope(activity, lease, activities.scope);
      return await activities.runAs(scope, () => fn(lease));
    } finally {
      lease[Symbol.dispose]();
    }
  }

  /** Releases the newest lease that this thread has of this lock and mode. */
  releaseHeld(): void {
    const { held } = this.lock.thread;
    const lease = held?.releaser === this ? held : this.lock.findHeld(this);
    if (lease === undefined) throw this.notHeld();
    this.release(lease);
  }

  /** The lease of an attempt that has just succeeded. */
  protected open(options: AcquireOptions | undefined): HeldLease {
    const lease = this.lock.open(this, this.isAbandoned, options);
    this.count(lease);
    return lease;
  }

  /** The lease of an asynchronous attempt that has just succeeded. */
  openAsync(activity: number, entry: AsyncEntry | undefined): HeldLease {
    const { lock } = this;
    const lease = lock.openAsync(this, this.isAbandoned);
    const observer = lock.thread.recording;
    entry?.hold(activity);
    lease.entry = entry ?? (observer && AsyncEntry.held(observer, lock, this.mode, activity));
    this.count(lease);
    return lease;
  }

  protected get title(): string {
    const { kind, name } = this.lock;
    return name === '' ? `the ${kind}` : `the ${kind} '${name}'`;
  }

  protected reentry(): string {
    return `this thread has ${this.title} already, and would wait for itself: these locks are not reentrant. Take it once, in the caller, or use tryAcquire`;
  }

  protected notHeld(): GridwatchError {
    return new GridwatchError(
      'ERR_GRIDWATCH_LOCK_NOT_HELD',
      `${this.title} is not held by this lease and thread: release it once, on the thread that has acquired it; withLock and using do`,
    );
  }
}

/** Before the lock is taken: what cannot be called needs none. */
function checkCallback(fn: unknown): void {
  if (typeof fn !== 'function') throw optionError(`what runs with the lock held must be a function, not ${shown(fn)}`);
}
