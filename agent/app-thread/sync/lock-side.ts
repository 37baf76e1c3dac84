/**
 * One way to take a lock that has several: its acquisitions, blocking or not, and their leases. What is particular to a kind and mode is in its subclass.
 *
 * Runs on application threads. One object a thread, lock and mode.
 */
import { GridwatchError } from '../../errors.ts';
import type { LockMode } from '../../shared-memory/async-locks.ts';
import { BLOCK, LOCK_THREAD } from '../../shared-memory/lock-memory.ts';
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { useNotify } from '../../shared-memory/lock-wake.ts';
import { isOfDeadThread } from '../../shared-memory/lock-word.ts';
import type { Place } from '../../shared-memory/rw-lock-words.ts';
import { AsyncEntry } from './async-entry.ts';
import type { Contended } from './contended.ts';
import type { HeldLease, Releaser } from './lease.ts';
import type { LocalLock } from './local-lock.ts';
import { type AcquireAsyncOptions, type AcquireOptions, type Lease, signalOf, timeoutOf } from './lock-options.ts';
import { perturb } from './perturbed.ts';
import { answerAsk } from './wait-report.ts';
import { waitBlocking } from './waiting.ts';

const ACQUISITIONS = BLOCK.ACQUISITIONS >> 2;
const SHARED_ACQUISITIONS = BLOCK.SHARED_ACQUISITIONS >> 2;

/** Whether the thread that a holder word names has ended. Asks the kernel: for who waits. */
export function isGone({ thread: { memory } }: LocalLock, word: number): boolean {
  return isOfDeadThread(memory, word) || isHolderGone(memory, word);
}

export abstract class LockSide implements Contended, Releaser {
  readonly lock: LocalLock;
  readonly mode: LockMode;
  readonly isQueue = false;
  holder = 0;
  /** Where the last attempt that failed has said to park. */
  protected readonly place: Place = { index: 0, value: 0 };
  /** Of the last attempt that succeeded: whether the lock was abandoned, and which part of it was taken. */
  protected isAbandoned = false;
  protected part = 0;
  #asyncWaits = 0;

  constructor(lock: LocalLock, mode: LockMode) {
    this.lock = lock;
    this.mode = mode;
    useNotify(lock.thread.atomics.notify);
  }

  abstract attempt(hasOthers: boolean, isAsync: boolean): boolean;
  abstract isFree(): boolean;
  abstract bury(): boolean;
  abstract passOn(): void;
  /** Gives the lock, or the part of it, back; false where this thread does not have it. */
  protected abstract giveBack(part: number): boolean;
  /** Whether a blocking wait could never end, as what it is for is this thread's own. */
  protected abstract isOwn(): boolean;
  /** Somebody waits, as far as it can be seen before the release. */
  protected abstract hasWaiters(): boolean;
  /** Takes back what attempts have left, when nobody on this thread waits here any longer. */
  protected withdraw(): void {}

  get parkAt(): number {
    return this.place.index;
  }

  get parkValue(): number {
    return this.place.value;
  }

  acquire(options: AcquireOptions | undefined): Lease {
    const timeoutMs = timeoutOf(options);
    if (perturb !== undefined) perturb('acquire');
    if (this.attempt(false, false)) return this.#open();
    if (this.isOwn()) {
      this.#leave();
      throw new GridwatchError('ERR_GRIDWATCH_LOCK_REENTRY', this.reentry());
    }
    try {
      waitBlocking(this, timeoutMs);
    } catch (error) {
      this.#leave();
      throw error;
    }
    return this.#open();
  }

  tryAcquire(): Lease | undefined {
    if (perturb !== undefined) perturb('acquire');
    /* As who does not block: it has no claim to pass those who wait. */
    if (this.isFree() && this.attempt(false, true)) return this.#open(true);
    this.#leave();
    return undefined;
  }

  async acquireAsync(options: AcquireAsyncOptions | undefined, activity: number): Promise<Lease> {
    const timeoutMs = timeoutOf(options);
    const signal = signalOf(options);
    signal?.throwIfAborted();
    if (perturb !== undefined) perturb('acquire');
    const { queue } = this.lock;
    /* Not past those who wait already. */
    if (queue.size === 0 && this.isFree() && this.attempt(false, true)) return this.#openAsync(activity, undefined);
    this.#asyncWaits++;
    try {
      return await queue.wait(this, { timeoutMs, signal }, (entry) => {
        this.#asyncWaits--;
        return this.#openAsync(activity, entry);
      });
    } catch (error) {
      this.#asyncWaits--;
      this.#leave();
      throw error;
    }
  }

  withLease<T>(fn: (lease: Lease) => T, options: AcquireOptions | undefined): T {
    const lease = this.acquire(options);
    try {
      return fn(lease);
    } finally {
      lease[Symbol.dispose]();
    }
  }

  async withLeaseAsync<T>(fn: (lease: Lease) => T | Promise<T>, options: AcquireAsyncOptions | undefined): Promise<T> {
    const activities = this.lock.thread.recording?.activities;
    const activity = activities?.next() ?? 0;
    const lease = await this.acquireAsync(options, activity);
    try {
      return await (activities === undefined ? fn(lease) : activities.run(activity, () => fn(lease)));
    } finally {
      lease[Symbol.dispose]();
    }
  }

  /** Releases the newest lease that this thread has of this lock and mode. */
  releaseHeld(): void {
    const lease = this.lock.findHeld(this);
    if (lease === undefined) throw this.notHeld();
    this.release(lease);
  }

  release(lease: HeldLease): void {
    const { lock } = this;
    if (!lease.isHeld) throw this.notHeld();
    lock.close(lease);
    if (!this.hasWaiters()) {
      if (!this.giveBack(lease.part)) throw this.notHeld();
      return;
    }
    answerAsk(lock);
    lock.thread.tell(LOCK_THREAD.PENDING, lock.id);
    const hadIt = this.giveBack(lease.part);
    lock.thread.tell(LOCK_THREAD.PENDING, 0);
    if (!hadIt) throw this.notHeld();
  }

  protected get title(): string {
    const { kind, name } = this.lock;
    return name === '' ? `the ${kind}` : `the ${kind} '${name}'`;
  }

  protected reentry(): string {
    return `this thread has ${this.title} already: it would wait for itself`;
  }

  protected notHeld(): GridwatchError {
    return new GridwatchError('ERR_GRIDWATCH_LOCK_NOT_HELD', `${this.title} is not held by this lease and thread`);
  }

  /** An attempt, or a wait, has come to nothing. Whoever else of this thread waits tries again, as what is withdrawn may have been theirs as well. */
  #leave(): void {
    if (this.#asyncWaits === 0) this.withdraw();
  }

  #open(hasTried = false): HeldLease {
    const lease = this.lock.open(this, this.isAbandoned, hasTried);
    return this.#count(lease);
  }

  #openAsync(activity: number, entry: AsyncEntry | undefined): HeldLease {
    const { lock } = this;
    const lease = lock.openAsync(this, this.isAbandoned);
    const observer = lock.thread.recording;
    if (entry !== undefined) entry.hold(activity);
    lease.entry = entry ?? (observer && AsyncEntry.held(observer, lock, this.mode, activity));
    return this.#count(lease);
  }

  #count(lease: HeldLease): HeldLease {
    const { words } = this.lock;
    if (this.mode === 'exclusive') words[ACQUISITIONS] = ((words[ACQUISITIONS] as number) + 1) | 0;
    else Atomics.add(words, SHARED_ACQUISITIONS, 1);
    lease.part = this.part;
    return lease;
  }
}
