/**
 * What all `Mutex` objects of a thread for one lock share: how it acquires, releases and waits, in its two forms.
 *
 * Runs on application threads. The words and their invariants: `shared-memory/mutex-words.ts`, `shared-memory/fair-words.ts`.
 */
import { GridwatchError } from '../../errors.ts';
import { buryTickets, callNext, giveUpTicket, leaveFair, tryTakeFair } from '../../shared-memory/fair-words.ts';
import { BLOCK } from '../../shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../shared-memory/lock-memory.ts';
import { isHolderGone, isThreadGone } from '../../shared-memory/lock-threads.ts';
import { ASYNC_WAITERS, wakeAsyncWaiters } from '../../shared-memory/lock-wake.ts';
import { FLAGS } from '../../shared-memory/lock-word.ts';
import { bury, isFree, leaveWaited, Take, tryTake } from '../../shared-memory/mutex-words.ts';
import type { HeldLease } from './lease.ts';
import type { LocalLock } from './local-lock.ts';
import { LockAccess } from './lock-access.ts';
import { type AcquireOptions, type Lease, timeoutOf } from './lock-options.ts';
import { perturb } from './perturbed.ts';
import { answerAsk } from './wait-report.ts';
import { waitBlocking } from './waiting.ts';

const WORD = BLOCK.WORD >> 2;

export class MutexCore extends LockAccess {
  parkAt: number = WORD;
  parkValue = 0;

  constructor(lock: LocalLock) {
    super(lock, 'exclusive');
  }

  acquire(options: AcquireOptions | undefined): Lease {
    const timeoutMs = options === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options);
    const { lock } = this;
    if (perturb !== undefined) perturb('acquire');
    if (Atomics.compareExchange(lock.words, WORD, 0, lock.thread.word) !== 0)
      return this.#acquireSlow(timeoutMs, options);
    lock.countAcquisition();
    return lock.open(this, false, options);
  }

  #acquireSlow(timeoutMs: number, options: AcquireOptions | undefined): Lease {
    this.holder = Atomics.load(this.lock.words, WORD) & ~FLAGS;
    if (this.holder === this.lock.thread.word) throw new GridwatchError('ERR_GRIDWATCH_LOCK_REENTRY', this.reentry());
    /* Abandoned, or just released: that is no wait. */
    if (this.holder !== 0 || !this.tryAtOnce()) waitBlocking(this, timeoutMs);
    return this.open(options);
  }

  release(lease: HeldLease): void {
    const { lock } = this;
    if (!lease.isHeld) throw this.notHeld();
    lock.close(lease);
    const { word } = lock.thread;
    if (Atomics.compareExchange(lock.words, WORD, word, 0) !== word) this.#releaseSlow(word);
  }

  /** Somebody waits. */
  #releaseSlow(word: number): void {
    const { lock } = this;
    answerAsk(lock);
    lock.thread.tell(LOCK_THREAD.PENDING, lock.id);
    if (!this.giveUp(word)) throw this.notHeld();
    wakeAsyncWaiters(lock.words, 0);
    this.wake();
    lock.thread.tell(LOCK_THREAD.PENDING, 0);
  }

  isFree(): boolean {
    return isFree(this.lock.words);
  }

  attempt(hasOthers: boolean, isAsync: boolean): boolean {
    const { words, thread } = this.lock;
    /* Before WAITERS: the release that clears it sees this, too. */
    if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);
    return this.took(tryTake(words, thread.word, hasOthers, this));
  }

  bury(): boolean {
    return bury(this.lock.words, (word) => isHolderGone(this.lock.thread.memory, word));
  }

  /** Nothing: its last attempt has failed, so whoever has the lock will wake another one. */
  passOn(): void {}

  /** The lock was given up: wakes one that is blocked. */
  protected wake(): void {
    this.lock.thread.atomics.notify(this.lock.words, WORD, 1);
  }

  protected tryAtOnce(): boolean {
    const { words, thread } = this.lock;
    if (Atomics.compareExchange(words, WORD, 0, thread.word) === 0) return this.took(Take.TAKEN);
    return this.isFree() && this.attempt(false, false);
  }

  protected count(): void {
    this.lock.countAcquisition();
  }

  /** Gives the word up, though it has WAITERS. */
  protected giveUp(word: number): boolean {
    return leaveWaited(this.lock.words, word);
  }

  protected took(take: Take): boolean {
    this.isAbandoned = take === Take.ABANDONED;
    return take !== Take.HELD;
  }
}

/** Blocked threads are served in the order of their tickets. */
class FairMutexCore extends MutexCore {
  override attempt(hasOthers: boolean, isAsync: boolean): boolean {
    if (isAsync) return super.attempt(hasOthers, isAsync);
    const { words, thread } = this.lock;
    return this.took(tryTakeFair(words, thread.memory, thread.word, this));
  }

  /** From zero only: a free word with WAITERS is kept for the one whose turn it is. */
  protected override tryAtOnce(): boolean {
    const { words, thread } = this.lock;
    return this.took(Atomics.compareExchange(words, WORD, 0, thread.word) === 0 ? Take.TAKEN : Take.HELD);
  }

  protected override giveUp(word: number): boolean {
    return leaveFair(this.lock.words, word);
  }

  override bury(): boolean {
    const { words, thread } = this.lock;
    const { memory } = thread;
    const isBuried = super.bury();
    if (!isFree(words)) return isBuried;
    /* What a release began and did not end, because its thread died, or the one that it woke. */
    buryTickets(words, memory, (other) => isThreadGone(memory, other));
    this.wake();
    return isBuried;
  }

  /** Its ticket may have been called: then it is the next one's turn. */
  override passOn(): void {
    giveUpTicket(this.lock.words, this.lock.thread.word);
    this.wake();
  }

  protected override wake(): void {
    const { words, thread } = this.lock;
    const at = callNext(words, thread.memory);
    if (at >= 0) thread.atomics.notify(words, at, 1);
  }
}

/** By the lock that they are of: every `Mutex` of this thread for one lock has the same. */
const cores = new WeakMap<LocalLock, MutexCore>();

export function coreOf(lock: LocalLock): MutexCore {
  let core = cores.get(lock);
  if (core === undefined) {
    core = lock.numberA === FAIR ? new FairMutexCore(lock) : new MutexCore(lock);
    cores.set(lock, core);
  }
  return core;
}

/** The first number of a fair mutex's block; that of another is zero. */
export const FAIR = 1;
