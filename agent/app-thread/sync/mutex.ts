/**
 * A mutex: one holder at a time, any thread. What a program sees of it.
 *
 * Runs on application threads.
 */
import { FAIR_BLOCK_BYTES } from '../../shared-memory/fair-words.ts';
import { EXCLUSIVE_BLOCK_BYTES } from '../../shared-memory/lock-block.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type Lease,
  type LockHandle,
  type LockOptions,
  lockOptionsOf,
  optionError,
} from './lock-options.ts';
import { coreOf, FAIR, MutexCore } from './mutex-core.ts';
import { type LockShape, openHandle, openLock } from './open-lock.ts';

const PLAIN: LockShape = { kind: 'mutex', bytes: EXCLUSIVE_BLOCK_BYTES, numberA: 0, numberB: 0 };
const FAIR_SHAPE: LockShape = { kind: 'mutex', bytes: FAIR_BLOCK_BYTES, numberA: FAIR, numberB: 0 };
const EITHER: LockShape = { ...PLAIN, numberA: -1 };

export interface MutexOptions extends LockOptions {
  /**
   * Blocked threads get the mutex in the order in which they came. Without it whoever comes when it is free gets it, which is several times as fast under
   * contention, and a waiter may be overtaken many times. Asynchronous waiters compete with the first of the blocked threads. All who use one
   * mutex by its name must say the same. Default `false`.
   */
  readonly fair?: boolean | undefined;
}

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
  /** The same, of a fair one. */
  static readonly FAIR_BYTES: number = FAIR_BLOCK_BYTES;
  readonly #core: MutexCore;

  /**
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_OPTION`, `ERR_GRIDWATCH_LOCK_KIND` when the name or the memory is another lock's,
   * `ERR_GRIDWATCH_LOCK_MEMORY`, `ERR_GRIDWATCH_SYNC_ORIGIN`, `ERR_GRIDWATCH_TOO_MANY_THREADS`
   */
  constructor(options?: string | MutexOptions);
  constructor(options?: string | MutexOptions | MutexCore) {
    this.#core = options instanceof MutexCore ? options : open(lockOptionsOf(options));
  }

  /** The mutex of a handle that another thread has sent. */
  static from(handle: LockHandle): Mutex {
    return made(coreOf(openHandle(EITHER, handle)));
  }

  /** What other threads get at this mutex by: to be sent in a message, or as `workerData`. */
  get handle(): LockHandle {
    return this.#core.lock.handle;
  }

  /** Its class: the name that it was given, or after the place of its construction, `Mutex@file:line`. */
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
    return this.#core.withLease(fn, options);
  }

  /** Runs `fn` with the mutex held until what it returns is settled; waits for the mutex as `acquireAsync` does. */
  withLockAsync<T>(fn: (lease: Lease) => T | Promise<T>, options?: AcquireAsyncOptions): Promise<T> {
    return this.#core.withLeaseAsync(fn, options);
  }
}

function open(options: MutexOptions): MutexCore {
  const { fair = false } = options;
  if (typeof fair !== 'boolean') throw optionError('fair must be true or false');
  return coreOf(openLock(fair ? FAIR_SHAPE : PLAIN, options));
}

/** Outside of the class: one that names itself is called otherwise once it is joined with others. */
function made(core: unknown): Mutex {
  const create = Mutex as new (core: unknown) => Mutex;
  return new create(core);
}
