/**
 * A semaphore: so many permits, each with one holder at a time, any thread.
 *
 * Runs on application threads. How the words stand for it is in `semaphore-words.ts`.
 */
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { ASYNC_WAITERS } from '../../shared-memory/lock-wake.ts';
import { FLAGS, threadOf, WAITERS } from '../../shared-memory/lock-word.ts';
import {
  freePermit,
  MAX_PERMITS,
  passOn,
  permitAt,
  SEMAPHORE,
  semaphoreBytes,
  sweepSemaphore,
  tryPermit,
} from '../../shared-memory/semaphore-words.ts';
import type { LocalLock } from './local-lock.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type Lease,
  type LockHandle,
  type LockOptions,
  lockOptionsOf,
  wholeNumber,
} from './lock-options.ts';
import { LockSide } from './lock-side.ts';
import { type LockShape, openHandle, openLock } from './open-lock.ts';

function shapeOf(permits: number): LockShape {
  return { kind: 'semaphore', bytes: semaphoreBytes(Math.max(1, permits)), numberA: permits, numberB: 0 };
}

export interface SemaphoreOptions extends LockOptions {
  /** How many may hold it at a time: from 1 to 1024. All users of one name must agree. */
  readonly permits: number;
}

/**
 * A lock that so many hold at a time, over all threads of the process. A thread may hold several permits. A permit is released by the thread that has it:
 * a semaphore is no signal from one thread to another, a `Condition` is.
 *
 * A thread that ends holding permits leaves them *abandoned*: who gets one of them next is told.
 *
 * @example
 * const connections = new Semaphore('connections', { permits: 8 });
 * await connections.withLockAsync(() => query());
 */
export class Semaphore {
  readonly #side: SemaphoreSide;

  /**
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_OPTION`, `ERR_GRIDWATCH_LOCK_KIND` when the name or the memory is another lock's, or has another number of
   * permits, `ERR_GRIDWATCH_LOCK_MEMORY`, `ERR_GRIDWATCH_SYNC_ORIGIN`, `ERR_GRIDWATCH_TOO_MANY_THREADS`
   */
  constructor(name: string, options: { readonly permits: number });
  constructor(options: SemaphoreOptions);
  constructor(given: string | SemaphoreOptions | SemaphoreSide, more?: { readonly permits: number }) {
    if (given instanceof SemaphoreSide) {
      this.#side = given;
      return;
    }
    const options = lockOptionsOf<Partial<SemaphoreOptions>>(
      typeof given === 'string' ? { ...more, name: given } : given,
    );
    const permits = wholeNumber('permits', options.permits, 1, MAX_PERMITS);
    this.#side = sideOf(openLock(shapeOf(permits), options));
  }

  /** Bytes that a semaphore of so many permits takes in a buffer of the program's. */
  static bytes(permits: number): number {
    return semaphoreBytes(wholeNumber('permits', permits, 1, MAX_PERMITS));
  }

  /** The semaphore of a handle that another thread has sent. */
  static from(handle: LockHandle): Semaphore {
    return made(sideOf(openHandle(shapeOf(-1), handle)));
  }

  /** What other threads get at this semaphore by: to be sent in a message, or as `workerData`. */
  get handle(): LockHandle {
    return this.#side.lock.handle;
  }

  /** Its class: the name that it was given, or after the place of its construction, `Semaphore@file:line`. */
  get name(): string {
    return this.#side.lock.name;
  }

  get permits(): number {
    return this.#side.lock.numberA;
  }

  /**
   * Acquires a permit, blocking the thread while there is none.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_TIMEOUT` after `timeoutMs`; `ERR_GRIDWATCH_LOCK_REENTRY` when this thread has all permits itself;
   * `ERR_GRIDWATCH_DEADLOCK` when the agent ends the wait to resolve a deadlock
   */
  acquire(options?: AcquireOptions): Lease {
    return this.#side.acquire(options);
  }

  /** Acquires a permit if there is one; undefined otherwise. */
  tryAcquire(): Lease | undefined {
    return this.#side.tryAcquire();
  }

  /** As `acquire`, without blocking the thread. The process stays alive while the wait lasts. Rejects with the time-out's error, or the signal's reason. */
  acquireAsync(options?: AcquireAsyncOptions): Promise<Lease> {
    return this.#side.acquireAsync(options, 0);
  }

  /**
   * Releases the permit that this thread has acquired last.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_NOT_HELD` when it has none
   */
  release(): void {
    this.#side.releaseHeld();
  }

  /** Runs `fn` with a permit, and releases it however `fn` ends. */
  withLock<T>(fn: (lease: Lease) => T, options?: AcquireOptions): T {
    return this.#side.withLease(fn, options);
  }

  /** Runs `fn` with a permit until what it returns is settled. */
  withLockAsync<T>(fn: (lease: Lease) => T | Promise<T>, options?: AcquireAsyncOptions): Promise<T> {
    return this.#side.withLeaseAsync(fn, options);
  }
}

/** By the lock that they are of: every `Semaphore` of this thread for one lock has the same. */
const known = new WeakMap<LocalLock, SemaphoreSide>();

function sideOf(lock: LocalLock): SemaphoreSide {
  let side = known.get(lock);
  if (side === undefined) known.set(lock, (side = new SemaphoreSide(lock)));
  return side;
}

class SemaphoreSide extends LockSide {
  /** Where this thread looks first: apart from the others, so that they seldom try for the same permit. */
  readonly #from: number;

  constructor(lock: LocalLock) {
    super(lock, lock.numberA === 1 ? 'exclusive' : 'shared');
    this.#from = lock.thread.thread % lock.numberA;
  }

  attempt(hasOthers: boolean, isAsync: boolean): boolean {
    const { words, thread } = this.lock;
    if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);
    const taken = tryPermit(words, 0, thread.word, this.place, this.#from);
    if (taken === undefined) {
      this.holder = this.#holderOf(this.#from);
      return false;
    }
    this.isAbandoned = taken.abandoned;
    this.part = taken.permit;
    if (hasOthers) passOn(words, 0);
    return true;
  }

  isFree(): boolean {
    for (let permit = 0; permit < this.lock.numberA; permit++) if (this.#holderOf(permit) === 0) return true;
    return false;
  }

  bury(): boolean {
    const { lock } = this;
    const dead = new Set<number>();
    for (let permit = 0; permit < lock.numberA; permit++) {
      const word = this.#holderOf(permit);
      if (word !== 0 && word !== lock.thread.word && !dead.has(word) && isHolderGone(lock.thread.memory, word))
        dead.add(word);
    }
    for (const word of dead) sweepSemaphore(lock.words, 0, word);
    return dead.size > 0;
  }

  passOn(): void {
    passOn(this.lock.words, 0);
  }

  protected giveBack(permit: number): boolean {
    return freePermit(this.lock.words, 0, this.lock.thread.word, permit);
  }

  protected isOwn(): boolean {
    for (let permit = 0; permit < this.lock.numberA; permit++)
      if (this.#holderOf(permit) !== this.lock.thread.word) return false;
    return true;
  }

  protected override reentry(): string {
    return `this thread has all permits of ${this.title}: it would wait for itself. Release one first, or give it more permits`;
  }

  protected hasWaiters(): boolean {
    return ((this.lock.words[SEMAPHORE.EVENTS >> 2] as number) & WAITERS) !== 0;
  }

  #holderOf(permit: number): number {
    const word = Atomics.load(this.lock.words, permitAt(0, permit) >> 2);
    return threadOf(word) < 0 ? 0 : word & ~FLAGS;
  }
}

/** Outside of the class: one that names itself is called otherwise once it is joined with others. */
function made(side: unknown): Semaphore {
  const create = Semaphore as unknown as new (side: unknown) => Semaphore;
  return new create(side);
}
