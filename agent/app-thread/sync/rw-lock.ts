/**
 * A readers-writer lock: many readers at a time, or one writer, any thread.
 *
 * Runs on application threads. What it does is in `rw-lock-sides.ts`.
 */
import { RW_LOCK_BYTES } from '../../shared-memory/rw-lock-words.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type Lease,
  type LockHandle,
  type LockOptions,
  lockOptionsOf,
} from './lock-options.ts';
import { type LockShape, openHandle, openLock } from './open-lock.ts';
import { Sides, sidesOf } from './rw-lock-sides.ts';

const SHAPE: LockShape = { kind: 'rwlock', bytes: RW_LOCK_BYTES, numberA: 0, numberB: 0 };

export interface RwLockOptions extends LockOptions {}

/**
 * A lock that many readers have at a time, or one writer. A writer that waits holds off new readers, so that it comes in when those have left who are in.
 *
 * A thread that blocks for a read while it reads already comes in at once. There is no upgrade: `acquireWrite` on a thread that reads is an error, since
 * it would wait for itself; an asynchronous upgrade inside of a read waits for ever, which the agent reports as a deadlock.
 *
 * A thread that ends while it writes leaves the lock *abandoned*: all who come in are told, until another has begun to write. One that ends while it
 * reads is only taken out.
 *
 * @example
 * const table = new RwLock('routes');
 * {
 *   using lease = table.acquireRead();
 *   look();
 * }
 */
export class RwLock {
  /** Bytes that an RwLock takes in a buffer of the program's. */
  static readonly BYTES: number = RW_LOCK_BYTES;
  readonly #sides: Sides;

  /**
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_OPTION`, `ERR_GRIDWATCH_LOCK_KIND` when the name or the memory is another lock's,
   * `ERR_GRIDWATCH_LOCK_MEMORY`, `ERR_GRIDWATCH_SYNC_ORIGIN`, `ERR_GRIDWATCH_TOO_MANY_THREADS`
   */
  constructor(options?: string | RwLockOptions);
  constructor(options?: string | RwLockOptions | Sides) {
    this.#sides = options instanceof Sides ? options : sidesOf(openLock(SHAPE, lockOptionsOf(options)));
  }

  /** The RwLock of a handle that another thread has sent. */
  static from(handle: LockHandle): RwLock {
    return made(sidesOf(openHandle(SHAPE, handle)));
  }

  /** What other threads get at this lock by: to be sent in a message, or as `workerData`. */
  get handle(): LockHandle {
    return this.#sides.read.lock.handle;
  }

  /** Its class: the name that it was given, or after the place of its construction, `RwLock@file:line`. */
  get name(): string {
    return this.#sides.read.lock.name;
  }

  /**
   * Comes in as a reader, blocking the thread while a writer is in or waits.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_TIMEOUT` after `timeoutMs`; `ERR_GRIDWATCH_LOCK_REENTRY` when this thread writes;
   * `ERR_GRIDWATCH_DEADLOCK` when the agent ends the wait to resolve a deadlock
   */
  acquireRead(options?: AcquireOptions): Lease {
    return this.#sides.read.acquire(options);
  }

  /**
   * Comes in as the writer, blocking the thread while anybody else is in.
   *
   * @throws GridwatchError as `acquireRead`; `ERR_GRIDWATCH_LOCK_REENTRY` when this thread reads or writes, by whichever call
   */
  acquireWrite(options?: AcquireOptions): Lease {
    return this.#sides.write.acquire(options);
  }

  /** Comes in as a reader if no writer is in or waits; undefined otherwise. */
  tryAcquireRead(): Lease | undefined {
    return this.#sides.read.tryAcquire();
  }

  /** Comes in as the writer if nobody is in; undefined otherwise. */
  tryAcquireWrite(): Lease | undefined {
    return this.#sides.write.tryAcquire();
  }

  /** As `acquireRead`, without blocking the thread. The process stays alive while the wait lasts. Rejects with the time-out's error, or the signal's reason. */
  acquireReadAsync(options?: AcquireAsyncOptions): Promise<Lease> {
    return this.#sides.read.acquireAsync(options, 0);
  }

  /** As `acquireWrite`, without blocking the thread; while another activity of this thread reads or writes it waits for that one. */
  acquireWriteAsync(options?: AcquireAsyncOptions): Promise<Lease> {
    return this.#sides.write.acquireAsync(options, 0);
  }

  /**
   * Releases the newest read of this thread.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_NOT_HELD` when it has none
   */
  releaseRead(): void {
    this.#sides.read.releaseHeld();
  }

  /**
   * Releases the write of this thread.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_NOT_HELD` when it has none
   */
  releaseWrite(): void {
    this.#sides.write.releaseHeld();
  }

  /** Runs `fn` as a reader, and leaves however `fn` ends. */
  withRead<T>(fn: (lease: Lease) => T, options?: AcquireOptions): T {
    return this.#sides.read.withLease(fn, options);
  }

  /** Runs `fn` as the writer, and leaves however `fn` ends. */
  withWrite<T>(fn: (lease: Lease) => T, options?: AcquireOptions): T {
    return this.#sides.write.withLease(fn, options);
  }

  /** Runs `fn` as a reader until what it returns is settled. */
  withReadAsync<T>(fn: (lease: Lease) => T | Promise<T>, options?: AcquireAsyncOptions): Promise<T> {
    return this.#sides.read.withLeaseAsync(fn, options);
  }

  /** Runs `fn` as the writer until what it returns is settled. */
  withWriteAsync<T>(fn: (lease: Lease) => T | Promise<T>, options?: AcquireAsyncOptions): Promise<T> {
    return this.#sides.write.withLeaseAsync(fn, options);
  }
}

/** Outside of the class: one that names itself is called otherwise once it is joined with others. */
function made(sides: unknown): RwLock {
  const create = RwLock as new (sides: unknown) => RwLock;
  return new create(sides);
}
