/**
 * A mutex: one holder at a time, any thread.
 *
 * Runs on application threads. The lock word is the holder (`lock-word.ts`), set by the acquiring CAS, so that a thread that ends holding the lock leaves
 * one that says so.
 *
 * Invariants
 * M1  The word names a holder from its CAS until that holder's, or, for a dead one, that of whoever buries it: nobody acquires in between.
 * M2  Nobody parks unless the word has WAITERS, set while somebody holds it; who clears it by a release notifies.
 * M3  Who has parked, and acquires, sets WAITERS: others may still be parked, and the release that woke it has cleared it.
 * M4  DIED stands only in a word that names nobody, and goes with the CAS of who is told.
 */
import { GridwatchError } from '../../errors.ts';
import { BLOCK, EXCLUSIVE_BLOCK_BYTES, LOCK_THREAD } from '../../shared-memory/lock-memory.ts';
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { DIED, FLAGS, isOfDeadThread, WAITERS } from '../../shared-memory/lock-word.ts';
import { AsyncEntry } from './async-entry.ts';
import type { Contended } from './contended.ts';
import type { HeldLease, Lease, Releaser } from './lease.ts';
import type { LocalLock } from './local-lock.ts';
import { type LockHandle, type LockShape, openHandle, openLock } from './lock-base.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type LockOptions,
  lockOptionsOf,
  signalOf,
  timeoutOf,
} from './lock-options.ts';
import { perturb } from './perturbed.ts';
import { answerAsk } from './wait-report.ts';
import { waitBlocking } from './waiting.ts';
import { ASYNC_WAITERS, wakeAsync } from './wake.ts';

const WORD = BLOCK.WORD >> 2;
const ACQUISITIONS = BLOCK.ACQUISITIONS >> 2;
const ABANDONMENTS = BLOCK.ABANDONMENTS >> 2;

const SHAPE: LockShape = { kind: 'mutex', bytes: EXCLUSIVE_BLOCK_BYTES, numberA: 0, numberB: 0 };

export interface MutexOptions extends LockOptions {}

/**
 * A lock that one holder has at a time, over all threads of the process.
 *
 * `new Mutex('orders')` is the same lock in every thread. Without a name a mutex is new, and known to whoever is sent its `handle`. A thread that ends
 * holding it leaves it *abandoned*: the next holder gets it and is told.
 *
 * @example
 * const orders = new Mutex('orders');
 * {
 *   using lease = orders.acquire({ timeoutMs: 500 });
 *   total[0] += 1;
 * }
 */
export class Mutex {
  /** Bytes that a mutex takes in a buffer of the program's. */
  static readonly BYTES: number = EXCLUSIVE_BLOCK_BYTES;
  readonly #core: MutexCore;

  /**
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_OPTION`, `ERR_GRIDWATCH_LOCK_KIND` when the name or the memory is another lock's,
   * `ERR_GRIDWATCH_LOCK_MEMORY`, `ERR_GRIDWATCH_SYNC_ORIGIN`, `ERR_GRIDWATCH_TOO_MANY_THREADS`
   */
  constructor(options?: string | MutexOptions);
  constructor(options?: string | MutexOptions | MutexCore) {
    this.#core = options instanceof MutexCore ? options : coreOf(openLock(SHAPE, lockOptionsOf(options)));
  }

  /** The mutex of a handle that another thread has sent. */
  static from(handle: LockHandle): Mutex {
    const create = Mutex as new (core: unknown) => Mutex;
    return new create(coreOf(openHandle(SHAPE, handle)));
  }

  /** What other threads get at this mutex by: to be sent in a message, or as `workerData`. */
  get handle(): LockHandle {
    return this.#core.lock.handle;
  }

  /** Its class; '' for none. */
  get name(): string {
    return this.#core.lock.name;
  }

  /**
   * Acquires the mutex, blocking the thread while another has it. What the wait lasts is measured from the call to the acquisition.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_TIMEOUT` after `timeoutMs`; `ERR_GRIDWATCH_LOCK_REENTRY` when this thread has it, by whichever call;
   * `ERR_GRIDWATCH_DEADLOCK` when the agent ends the wait to resolve a deadlock
   */
  acquire(options?: AcquireOptions): Lease {
    return this.#core.acquire(options);
  }

  /** Acquires the mutex if nobody has it; undefined otherwise. */
  tryAcquire(): Lease | undefined {
    return this.#core.tryAcquire();
  }

  /**
   * Acquires the mutex without blocking the thread. The process stays alive while the wait lasts. What waits on one thread is served in order; among threads
   * there is none.
   *
   * Rejects with `ERR_GRIDWATCH_LOCK_TIMEOUT`, or with the signal's reason.
   */
  acquireAsync(options?: AcquireAsyncOptions): Promise<Lease> {
    return this.#core.acquireAsync(options, 0);
  }

  /**
   * Releases the mutex that this thread has.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_NOT_HELD` when it has not
   */
  release(): void {
    this.#core.releaseHeld();
  }

  /** Runs `fn` with the mutex held, and releases it however `fn` ends. */
  withLock<T>(fn: (lease: Lease) => T, options?: AcquireOptions): T {
    const lease = this.#core.acquire(options);
    try {
      return fn(lease);
    } finally {
      lease[Symbol.dispose]();
    }
  }

  /** Runs `fn` with the mutex held until what it returns is settled; waits for the mutex as `acquireAsync` does. */
  async withLockAsync<T>(fn: (lease: Lease) => T | Promise<T>, options?: AcquireAsyncOptions): Promise<T> {
    const core = this.#core;
    const activities = core.lock.thread.recording?.activities;
    const activity = activities?.next() ?? 0;
    const lease = await core.acquireAsync(options, activity);
    try {
      return await (activities === undefined ? fn(lease) : activities.run(activity, () => fn(lease)));
    } finally {
      lease[Symbol.dispose]();
    }
  }
}

/** By the lock that they are of: every `Mutex` of this thread for one lock has the same. */
const cores = new WeakMap<LocalLock, MutexCore>();

function coreOf(lock: LocalLock): MutexCore {
  let core = cores.get(lock);
  if (core === undefined) cores.set(lock, (core = new MutexCore(lock)));
  return core;
}

class MutexCore implements Contended, Releaser {
  readonly lock: LocalLock;
  readonly mode = 'exclusive';
  readonly isQueue = false;
  readonly parkAt: number = WORD;
  parkValue = 0;
  holder = 0;
  /** Whether the last attempt that succeeded found the lock abandoned. */
  #isAbandoned = false;

  constructor(lock: LocalLock) {
    this.lock = lock;
  }

  acquire(options: AcquireOptions | undefined): Lease {
    const timeoutMs = options === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options);
    const { lock } = this;
    if (perturb !== undefined) perturb('acquire');
    if (Atomics.compareExchange(lock.words, WORD, 0, lock.thread.word) === 0) return this.#open(false);
    return this.#acquireSlow(timeoutMs);
  }

  #acquireSlow(timeoutMs: number): Lease {
    if ((Atomics.load(this.lock.words, WORD) & ~FLAGS) === this.lock.thread.word)
      throw new GridwatchError('ERR_GRIDWATCH_LOCK_REENTRY', `this thread has ${this.#title} already`);
    if (this.attempt(false, false)) return this.#open(this.#isAbandoned);
    waitBlocking(this, timeoutMs);
    return this.#open(this.#isAbandoned);
  }

  tryAcquire(): Lease | undefined {
    const { words, thread } = this.lock;
    if (perturb !== undefined) perturb('acquire');
    if (Atomics.compareExchange(words, WORD, 0, thread.word) === 0) return this.#open(false);
    return this.isFree() && this.attempt(false, false) ? this.#open(this.#isAbandoned) : undefined;
  }

  async acquireAsync(options: AcquireAsyncOptions | undefined, activity: number): Promise<Lease> {
    const timeoutMs = timeoutOf(options);
    const signal = signalOf(options);
    signal?.throwIfAborted();
    if (perturb !== undefined) perturb('acquire');
    const { queue } = this.lock;
    /* Not past those who wait already. */
    if (queue.size === 0 && this.isFree() && this.attempt(false, false)) return this.#openAsync(activity, undefined);
    return queue.wait(this, { timeoutMs, signal }, (entry) => this.#openAsync(activity, entry));
  }

  #open(isAbandoned: boolean): HeldLease {
    const { lock } = this;
    lock.words[ACQUISITIONS] = ((lock.words[ACQUISITIONS] as number) + 1) | 0;
    return lock.open(this, isAbandoned);
  }

  #openAsync(activity: number, entry: AsyncEntry | undefined): HeldLease {
    const { lock } = this;
    lock.words[ACQUISITIONS] = ((lock.words[ACQUISITIONS] as number) + 1) | 0;
    const lease = lock.openAsync(this, this.#isAbandoned);
    const observer = lock.thread.recording;
    if (entry !== undefined) entry.hold(activity);
    lease.entry = entry ?? (observer && AsyncEntry.held(observer, lock, 'exclusive', activity));
    return lease;
  }

  releaseHeld(): void {
    const { held } = this.lock.thread;
    const lease = held?.releaser === this ? held : this.lock.findHeld(this);
    if (lease === undefined) throw this.#notHeld();
    this.release(lease);
  }

  release(lease: HeldLease): void {
    const { lock } = this;
    if (!lease.isHeld) throw this.#notHeld();
    lock.close(lease);
    const { word } = lock.thread;
    if (Atomics.compareExchange(lock.words, WORD, word, 0) !== word) this.#releaseSlow(word);
  }

  /** Somebody waits. */
  #releaseSlow(word: number): void {
    const { lock } = this;
    const { words, thread } = lock;
    answerAsk(lock);
    thread.tell(LOCK_THREAD.PENDING, lock.id);
    const seen = Atomics.compareExchange(words, WORD, word | WAITERS, 0);
    if (seen !== (word | WAITERS)) throw this.#notHeld();
    wakeAsync(lock);
    thread.atomics.notify(words, WORD, 1);
    thread.tell(LOCK_THREAD.PENDING, 0);
  }

  isFree(): boolean {
    return (Atomics.load(this.lock.words, WORD) & ~FLAGS) === 0;
  }

  attempt(hasOthers: boolean, isAsync: boolean): boolean {
    const { words, thread } = this.lock;
    /* Before WAITERS: the release that clears it sees this, too. */
    if (isAsync) Atomics.store(words, ASYNC_WAITERS, 1);
    for (;;) {
      const seen = Atomics.load(words, WORD);
      if ((seen & ~FLAGS) === 0) {
        const next = thread.word | (seen & WAITERS) | (hasOthers ? WAITERS : 0);
        if (Atomics.compareExchange(words, WORD, seen, next) !== seen) continue;
        this.#isAbandoned = (seen & DIED) !== 0;
        return true;
      }
      const waited = seen | WAITERS;
      if (seen !== waited && Atomics.compareExchange(words, WORD, seen, waited) !== seen) continue;
      this.parkValue = waited;
      this.holder = seen & ~FLAGS;
      return false;
    }
  }

  bury(): boolean {
    const { words, thread } = this.lock;
    const seen = Atomics.load(words, WORD);
    if ((seen & ~FLAGS) === 0) return false;
    if (!isOfDeadThread(thread.memory, seen) && !isHolderGone(thread.memory, seen)) return false;
    if (Atomics.compareExchange(words, WORD, seen, DIED | (seen & WAITERS)) !== seen) return false;
    Atomics.add(words, ABANDONMENTS, 1);
    return true;
  }

  passOn(): void {
    this.lock.thread.atomics.notify(this.lock.words, WORD, 1);
  }

  get #title(): string {
    return this.lock.name === '' ? 'the mutex' : `the mutex '${this.lock.name}'`;
  }

  #notHeld(): GridwatchError {
    return new GridwatchError('ERR_GRIDWATCH_LOCK_NOT_HELD', `${this.#title} is not held by this lease and thread`);
  }
}
