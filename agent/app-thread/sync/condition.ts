/**
 * A condition: threads give a mutex up, wait until another thread says that something has changed, and have the mutex again.
 *
 * Runs on application threads. How the words stand for it is in `condition-words.ts`; each wait has an entry of its own there.
 */
import { GridwatchError } from '../../errors.ts';
import {
  CONDITION,
  CONDITION_BYTES,
  enterCondition,
  entryAt,
  leaveCondition,
  MAX_CONDITION_WAITERS,
  NOTIFIED,
  notifyEvery,
  notifyOldest,
  sweepCondition,
  takeNotification,
  WAITING,
} from '../../shared-memory/condition-words.ts';
import { BLOCK } from '../../shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../shared-memory/lock-memory.ts';
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { ASYNC_WAITERS } from '../../shared-memory/lock-wake.ts';
import { FLAGS } from '../../shared-memory/lock-word.ts';
import type { Contended } from './contended.ts';
import { AsyncLease, type HeldLease } from './lease.ts';
import { LocalLock } from './local-lock.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type LockHandle,
  type LockOptions,
  lockOptionsOf,
  optionError,
  shown,
  signalOf,
  timeoutOf,
} from './lock-options.ts';
import type { Mutex } from './mutex.ts';
import type { MutexCore } from './mutex-core.ts';
import { type LockShape, openHandle, openLock } from './open-lock.ts';
import { isTimeout, waitBlocking } from './waiting.ts';

const SHARED_ACQUISITIONS = BLOCK.SHARED_ACQUISITIONS >> 2;
const UNHEARD = BLOCK.UNHEARD >> 2;

const SHAPE: LockShape = { kind: 'condition', bytes: CONDITION_BYTES, numberA: 0, numberB: 0 };

export interface ConditionOptions extends LockOptions {}

/** What a wait has come to, besides its being notified. */
export interface Awakening {
  /** Whether the mutex that the thread has again was abandoned meanwhile: as `Lease.abandoned`. */
  readonly abandoned: boolean;
}

/**
 * Lets threads wait for a change of what a mutex guards. Whoever makes the change notifies, best while it has the mutex.
 *
 * Each notification wakes one waiter, the one that has waited longest; it is given to nobody who comes later, and is not kept when nobody waits. A waiter
 * looks again after it has woken, as another thread may have had the mutex first.
 *
 * The lease of the mutex ends when the wait begins, and is held again when the wait ends, however it ends.
 *
 * @example
 * using lease = mutex.acquire();
 * while (queue.isEmpty) changed.wait(mutex);
 */
export class Condition {
  /** Bytes that a condition takes in a buffer of the program's. */
  static readonly BYTES: number = CONDITION_BYTES;
  readonly #lock: LocalLock;

  /**
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_OPTION`, `ERR_GRIDWATCH_LOCK_KIND` when the name or the memory is another lock's,
   * `ERR_GRIDWATCH_LOCK_MEMORY`, `ERR_GRIDWATCH_SYNC_ORIGIN`, `ERR_GRIDWATCH_TOO_MANY_THREADS`
   */
  constructor(options?: string | ConditionOptions);
  constructor(options?: string | ConditionOptions | LocalLock) {
    this.#lock = options instanceof LocalLock ? options : openLock(SHAPE, lockOptionsOf(options));
  }

  /** The condition of a handle that another thread has sent. */
  static from(handle: LockHandle): Condition {
    return made(openHandle(SHAPE, handle));
  }

  /** What other threads get at this condition by: to be sent in a message, or as `workerData`. */
  get handle(): LockHandle {
    return this.#lock.handle;
  }

  /** Its class: the name that it was given, or after the place of its construction, `Condition@file:line`. */
  get name(): string {
    return this.#lock.name;
  }

  /**
   * Gives up the mutex, which this thread has by a blocking call, waits to be notified, and acquires the mutex again. `timeoutMs` bounds the wait for the
   * notification, not the one for the mutex.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_NOT_HELD` when the thread does not have the mutex so; `ERR_GRIDWATCH_LOCK_TIMEOUT` after `timeoutMs`, with
   * the mutex held again; `ERR_GRIDWATCH_LOCK_MEMORY` when more than 1024 wait; `ERR_GRIDWATCH_DEADLOCK` when the agent ends the wait: where it was the
   * wait for the mutex, the mutex is not held
   */
  wait(mutex: Mutex, options?: AcquireOptions): Awakening {
    const timeoutMs = timeoutOf(options);
    const lock = this.#lock;
    const lease = heldBlocking(lock, mutex);
    const waiter = new ConditionWaiter(lock, lease.releaser.lock.id);
    lease.release();
    try {
      waitBlocking(waiter, timeoutMs);
    } catch (error) {
      if (!waiter.leave(isTimeout(error))) throw isTimeout(error) ? timeoutError(lock, timeoutMs) : error;
    } finally {
      lease.releaser.lock.transfer(mutex.acquire() as HeldLease, lease);
    }
    return this.#heard(lease);
  }

  /**
   * As `wait`, without blocking the thread: for a mutex that was acquired asynchronously. The process stays alive while the wait lasts.
   *
   * Rejects with the time-out's error, or the signal's reason, once the mutex is held again.
   */
  async waitAsync(mutex: Mutex, options?: AcquireAsyncOptions): Promise<Awakening> {
    const timeoutMs = timeoutOf(options);
    const signal = signalOf(options);
    signal?.throwIfAborted();
    const lock = this.#lock;
    const lease = heldAsync(lock, mutex);
    const core = lease.releaser as MutexCore;
    /* The callback that holds the mutex goes on holding it after the wait. */
    const activity = lease.entry?.certainActivity ?? 0;
    const waiter = new ConditionWaiter(lock, lease.releaser.lock.id);
    lease.release();
    try {
      await lock.queue.wait(waiter, { timeoutMs, signal }, (entry) => entry?.close());
    } catch (error) {
      if (!waiter.leave(isTimeout(error))) throw isTimeout(error) ? timeoutError(lock, timeoutMs) : error;
    } finally {
      lease.releaser.lock.transfer(await core.acquireAsync(undefined, activity), lease);
    }
    return this.#heard(lease);
  }

  /** Wakes the waiter that has waited longest; false when nobody waits, and the notification is lost. */
  notifyOne(): boolean {
    const { words, thread, id } = this.#lock;
    thread.tell(LOCK_THREAD.PENDING, id);
    const isHeard = notifyOldest(words, 0, thread.memory);
    thread.tell(LOCK_THREAD.PENDING, 0);
    if (!isHeard) Atomics.add(words, UNHEARD, 1);
    return isHeard;
  }

  /** Wakes all that wait now; their number. */
  notifyAll(): number {
    const { words, thread, id } = this.#lock;
    thread.tell(LOCK_THREAD.PENDING, id);
    const count = notifyEvery(words, 0, thread.memory);
    thread.tell(LOCK_THREAD.PENDING, 0);
    if (count === 0) Atomics.add(words, UNHEARD, 1);
    return count;
  }

  #heard({ abandoned }: HeldLease): Awakening {
    Atomics.add(this.#lock.words, SHARED_ACQUISITIONS, 1);
    return { abandoned };
  }
}

function timeoutError({ name }: LocalLock, timeoutMs: number): GridwatchError {
  const what = name === '' ? 'the condition' : `the condition '${name}'`;
  return new GridwatchError('ERR_GRIDWATCH_LOCK_TIMEOUT', `${what} was not notified within ${timeoutMs} ms`);
}

/** The lease by which this thread has a mutex, by a blocking call. */
function heldBlocking({ thread }: LocalLock, mutex: Mutex): HeldLease {
  const { handle } = mutexOf(mutex);
  for (let lease = thread.held; lease !== undefined; lease = lease.outer)
    if (lease.releaser.lock.handle === handle) return lease;
  throw notHeld(mutex);
}

/** The same, by an asynchronous one. */
function heldAsync({ thread }: LocalLock, mutex: Mutex): AsyncLease {
  const { handle } = mutexOf(mutex);
  for (const lease of thread.pinned)
    if (lease.releaser.lock.handle === handle && lease instanceof AsyncLease) return lease;
  throw notHeld(mutex);
}

function mutexOf(mutex: Mutex): Mutex {
  if (typeof mutex?.acquireAsync !== 'function')
    throw optionError(`a condition waits with the Mutex itself, not ${shown(mutex)}`);
  return mutex;
}

function notHeld({ name }: Mutex): GridwatchError {
  const what = name === '' ? 'the mutex' : `the mutex '${name}'`;
  return new GridwatchError(
    'ERR_GRIDWATCH_LOCK_NOT_HELD',
    `${what} is not held by this thread: wait() takes one held by a blocking call, waitAsync() one held by an asynchronous call`,
  );
}

/** One wait, and its entry. */
class ConditionWaiter implements Contended {
  readonly lock: LocalLock;
  readonly mode = 'shared';
  readonly isQueue = false;
  readonly holder = 0;
  readonly parkAt: number;
  readonly parkValue: number;
  readonly #entry: number;

  constructor(lock: LocalLock, mutexId: number) {
    const { words, thread } = lock;
    this.lock = lock;
    words[CONDITION.MUTEX >> 2] = mutexId;
    this.#entry = enterCondition(words, 0, thread.word);
    if (this.#entry < 0)
      throw new GridwatchError('ERR_GRIDWATCH_LOCK_MEMORY', `more than ${MAX_CONDITION_WAITERS} wait at one condition`);
    this.parkAt = entryAt(0, this.#entry) >> 2;
    this.parkValue = thread.word | WAITING;
  }

  attempt(_hasOthers: boolean, isAsync: boolean): boolean {
    const { words, thread } = this.lock;
    if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);
    return takeNotification(words, 0, thread.word, this.#entry);
  }

  isFree(): boolean {
    return (Atomics.load(this.lock.words, this.parkAt) & NOTIFIED) !== 0;
  }

  /** What a thread that has ended was notified of is given on. */
  bury(): boolean {
    const { words, thread } = this.lock;
    const dead = new Set<number>();
    for (let entry = 0; entry < MAX_CONDITION_WAITERS; entry++) {
      const word = Atomics.load(words, entryAt(0, entry) >> 2) & ~FLAGS;
      if (word !== 0 && word !== thread.word && isHolderGone(thread.memory, word)) dead.add(word);
    }
    for (const word of dead) sweepCondition(words, 0, thread.memory, word);
    return dead.size > 0;
  }

  passOn(): void {}

  /** Ends the wait. True when it was notified meanwhile, and may keep that; else what it was notified of is given on. */
  leave(mayKeep: boolean): boolean {
    const { words, thread } = this.lock;
    if (!leaveCondition(words, 0, thread.word, this.#entry)) return false;
    if (!mayKeep) notifyOldest(words, 0, thread.memory);
    return mayKeep;
  }
}

/** Outside of the class: one that names itself is called otherwise once it is joined with others. */
function made(lock: unknown): Condition {
  const create = Condition as new (lock: unknown) => Condition;
  return new create(lock);
}
