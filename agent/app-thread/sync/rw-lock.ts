/**
 * A readers-writer lock: many readers at a time, or one writer, any thread.
 *
 * Runs on application threads. How the words stand for it is in `rw-lock-words.ts`; a reader writes but its own thread's word.
 */
import { BLOCK } from '../../shared-memory/lock-memory.ts';
import { ASYNC_WAITERS } from '../../shared-memory/lock-wake.ts';
import { FLAGS, generationOf, holderWord, threadOf, WAITERS } from '../../shared-memory/lock-word.ts';
import {
  Entry,
  isWriting,
  leaveRead,
  leaveWrite,
  MAX_READS,
  RW_LOCK_BYTES,
  readerAt,
  readsOf,
  sweepRwLock,
  tryRead,
  tryWrite,
  withdrawWriter,
} from '../../shared-memory/rw-lock-words.ts';
import type { LocalLock } from './local-lock.ts';
import { type LockShape, openHandle, openLock } from './lock-base.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type Lease,
  type LockHandle,
  type LockOptions,
  lockOptionsOf,
  optionError,
} from './lock-options.ts';
import { isGone, LockSide } from './lock-side.ts';

const WORD = BLOCK.WORD >> 2;

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
    const create = RwLock as new (sides: unknown) => RwLock;
    return new create(sidesOf(openHandle(SHAPE, handle)));
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

/** By the lock that they are of: every `RwLock` of this thread for one lock has the same. */
const known = new WeakMap<LocalLock, Sides>();

function sidesOf(lock: LocalLock): Sides {
  let sides = known.get(lock);
  if (sides === undefined) known.set(lock, (sides = new Sides(lock)));
  return sides;
}

class Sides {
  readonly read: ReadSide;
  readonly write: WriteSide;

  constructor(lock: LocalLock) {
    this.read = new ReadSide(lock);
    this.write = new WriteSide(lock);
  }
}

/** Takes out those whose threads have ended: the writer, and the readers. */
function buryAll(lock: LocalLock): boolean {
  const { words, thread } = lock;
  let has = false;
  const look = (word: number): void => {
    if (threadOf(word) < 0 || word === thread.word || !isGone(lock, word)) return;
    sweepRwLock(words, 0, word);
    has = true;
  };
  look(Atomics.load(words, WORD) & ~FLAGS);
  for (let reader = 0, high = thread.memory.threadsHigh; reader < high; reader++) {
    const word = Atomics.load(words, readerAt(0, reader) >> 2);
    if ((word & MAX_READS) !== 0) look(holderWord(reader, generationOf(word)));
  }
  return has;
}

class ReadSide extends LockSide {
  constructor(lock: LocalLock) {
    super(lock, 'shared');
  }

  attempt(_hasOthers: boolean, isAsync: boolean): boolean {
    const { words, thread } = this.lock;
    if (readsOf(words, 0, thread.word) === MAX_READS) throw optionError(`${this.title} is read by too many at once`);
    if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);
    const entry = tryRead(words, 0, thread.word, !isAsync, this.place);
    this.isAbandoned = entry === Entry.IN_ABANDONED;
    if (entry !== Entry.OUT) return true;
    this.holder = this.place.value & ~FLAGS;
    return false;
  }

  isFree(): boolean {
    const { words, thread } = this.lock;
    const word = Atomics.load(words, WORD);
    return threadOf(word) < 0 || (word & ~FLAGS) === thread.word || readsOf(words, 0, thread.word) > 0;
  }

  bury(): boolean {
    return buryAll(this.lock);
  }

  /** All who are kept out are woken at once: nobody is woken in another's place. */
  passOn(): void {}

  protected giveBack(): boolean {
    const { words, thread } = this.lock;
    return leaveRead(words, 0, thread.word);
  }

  protected isOwn(): boolean {
    const { words, thread } = this.lock;
    return isWriting(words, 0, thread.word);
  }

  protected hasWaiters(): boolean {
    return threadOf(this.lock.words[WORD] as number) >= 0;
  }
}

class WriteSide extends LockSide {
  constructor(lock: LocalLock) {
    super(lock, 'exclusive');
  }

  attempt(_hasOthers: boolean, isAsync: boolean): boolean {
    const { words, thread } = this.lock;
    if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);
    const entry = tryWrite(words, 0, thread.memory, thread.word, this.place);
    this.isAbandoned = entry === Entry.IN_ABANDONED;
    if (entry !== Entry.OUT) return true;
    const { index, value } = this.place;
    this.holder = index === WORD ? value & ~FLAGS : this.#readerAt(index);
    return false;
  }

  isFree(): boolean {
    const { words, thread } = this.lock;
    const word = Atomics.load(words, WORD);
    if (threadOf(word) >= 0 && (word & ~FLAGS) !== thread.word) return false;
    for (let reader = 0, high = thread.memory.threadsHigh; reader < high; reader++)
      if (Atomics.load(words, readerAt(0, reader) >> 2) !== 0) return false;
    return true;
  }

  bury(): boolean {
    return buryAll(this.lock);
  }

  passOn(): void {}

  protected giveBack(): boolean {
    const { words, thread } = this.lock;
    return leaveWrite(words, 0, thread.word);
  }

  protected isOwn(): boolean {
    const { words, thread } = this.lock;
    return isWriting(words, 0, thread.word) || readsOf(words, 0, thread.word) > 0;
  }

  protected override reentry(): string {
    return `this thread reads or writes ${this.title} already: it would wait for itself`;
  }

  protected hasWaiters(): boolean {
    return ((this.lock.words[WORD] as number) & WAITERS) !== 0;
  }

  /** Lets readers in again that a writer has held off which does not come. */
  protected override withdraw(): void {
    const { words, thread } = this.lock;
    if ((Atomics.load(words, WORD) & ~FLAGS) === thread.word) withdrawWriter(words, 0, thread.word);
  }

  /** The holder word of the thread whose reader word stands there. */
  #readerAt(index: number): number {
    const { words, thread } = this.lock;
    for (let reader = 0, high = thread.memory.threadsHigh; reader < high; reader++)
      if (readerAt(0, reader) >> 2 === index) return holderWord(reader, generationOf(words[index] as number));
    return 0;
  }
}
