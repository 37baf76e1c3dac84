/**
 * Asynchronous waits for a lock: a list of its waiters on this thread, and one `Atomics.waitAsync` for all of them, on the lock's generation.
 *
 * Runs on application threads, without blocking them. `Atomics.waitAsync` cannot be cancelled, does not keep a thread alive, and a waiter that gave up
 * would still swallow a `notify`: so a waiter that gives up only leaves the list, releases wake every thread that waits, and a timer keeps the thread
 * alive (`wait-timer.ts`).
 *
 * Invariants
 * Q1  There is at most one `waitAsync` a thread and lock, however many wait and give up.
 * Q2  It is armed before the attempt, and again before the next attempt when it has ended: a release after a failed attempt is never missed.
 * Q3  A waiter is settled once: by the attempt, the signal or the time-out that takes it out of the list, all on this thread.
 */
import { BLOCK } from '../../shared-memory/lock-block.ts';
import { endsSoon } from '../../shared-memory/wait-word.ts';
import { type Trace, takeTrace } from '../call-site.ts';
import { AsyncEntry } from './async-entry.ts';
import type { Contended } from './contended.ts';
import type { LocalLock } from './local-lock.ts';
import { LONG_WAIT_NS, Wait } from './wait-report.ts';
import { waitTimer } from './wait-timer.ts';
import { failure } from './waiting.ts';

const GENERATION = BLOCK.GENERATION >> 2;

export interface AsyncWaitOptions {
  /** Infinite for none. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** One wait of the list. */
class AsyncWaiter {
  readonly wait: Wait;
  readonly deadlineNs: number;
  readonly entry: AsyncEntry | undefined;
  /** Where it was begun, as long as nobody has asked. */
  readonly trace: Trace | undefined;
  isDescribed = false;
  readonly contended: Contended;
  readonly timeoutMs: number;
  /** Called with the lock acquired; what it throws is the wait's error. */
  readonly take: (entry: AsyncEntry | undefined) => void;
  readonly refuse: (error: unknown) => void;
  unlisten: () => void = () => {};

  constructor(
    contended: Contended,
    timeoutMs: number,
    take: (entry: AsyncEntry | undefined) => void,
    refuse: (error: unknown) => void,
  ) {
    const { lock, mode, isQueue } = contended;
    this.contended = contended;
    this.timeoutMs = timeoutMs;
    this.take = take;
    this.refuse = refuse;
    this.wait = new Wait(lock, mode);
    this.wait.holder = contended.holder;
    this.deadlineNs = this.wait.startNs + timeoutMs * 1e6;
    const observer = lock.thread.recording;
    if (observer === undefined || isQueue) return;
    this.entry = AsyncEntry.waiting(observer, lock, mode, this.wait.startNs, endsSoon(timeoutMs));
    this.trace = takeTrace();
    this.wait.context = observer.activeTraceIds();
  }

  /** The wait has become a long one. */
  describe(): void {
    const observer = this.wait.lock.thread.recording;
    this.isDescribed = true;
    if (observer !== undefined) this.entry?.describe(this.wait.describe(observer, this.trace));
  }
}

export class AsyncQueue {
  readonly #lock: LocalLock;
  /** By what they wait for: the first of each attempts. */
  readonly #waiters = new Map<Contended, Set<AsyncWaiter>>();
  #size = 0;
  #isArmed = false;

  constructor(lock: LocalLock) {
    this.#lock = lock;
  }

  get size(): number {
    return this.#size;
  }

  /** How many of them wait for this. */
  waitersFor(contended: Contended): number {
    return this.#waiters.get(contended)?.size ?? 0;
  }

  /**
   * Waits until `contended` is acquired; `take` then makes of it what the promise resolves to, at once. Rejects with the time-out's error or the
   * signal's reason.
   */
  wait<T>(
    contended: Contended,
    { timeoutMs, signal }: AsyncWaitOptions,
    take: (entry: AsyncEntry | undefined) => T,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiter = new AsyncWaiter(contended, timeoutMs, (entry) => resolve(take(entry)), reject);
      this.#add(waiter);
      if (signal !== undefined) this.#listen(waiter, signal);
      this.turn();
      if (timeoutMs === 0) this.#expire(waiter, Number.POSITIVE_INFINITY);
    });
  }

  /** Arms, then lets the first waiters attempt: after each notification, and when a waiter is added. */
  turn(): void {
    if (this.#size === 0) return;
    const ended = this.#arm();
    for (const waiters of this.#waiters.values()) this.#attempt(waiters);
    void ended?.then(() => {
      this.#isArmed = false;
      this.turn();
    });
  }

  /**
   * From time to time while there are waiters: what a waiter looks for after each slice. They attempt first: what was given up a moment ago is taken, so
   * that nobody is asked for it, and nobody's time is up before it.
   */
  tick(nowNs: number): void {
    /* Also whatever was lost with a thread that died while it released (P2). */
    this.turn();
    for (const [contended, waiters] of this.#waiters) {
      if (contended.bury()) this.turn();
      for (const waiter of waiters) {
        if (!waiter.isDescribed && nowNs - waiter.wait.startNs >= LONG_WAIT_NS) waiter.describe();
        this.#expire(waiter, nowNs);
      }
    }
  }

  /** When the first of the time-outs is; infinite for none. */
  nextDeadlineNs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const waiters of this.#waiters.values())
      for (const { deadlineNs } of waiters) if (deadlineNs < next) next = deadlineNs;
    return next;
  }

  /** Begins the one asynchronous wait; undefined while it goes on. */
  #arm(): Promise<unknown> | undefined {
    const { words, thread } = this.#lock;
    while (!this.#isArmed) {
      const result = thread.atomics.waitAsync(words, GENERATION, Atomics.load(words, GENERATION));
      if (!result.async) continue;
      this.#isArmed = true;
      return result.value;
    }
    return undefined;
  }

  #attempt(waiters: Set<AsyncWaiter>): void {
    for (const waiter of waiters) {
      const { contended, wait } = waiter;
      try {
        if (!contended.attempt(this.#size > 1, true)) {
          wait.holder = contended.holder;
          return;
        }
        this.#remove(waiter);
        if (!contended.isQueue) wait.acquiredAsync(waiter.trace);
        waiter.take(waiter.entry);
      } catch (error) {
        this.#fail(waiter, error);
      }
    }
  }

  #expire(waiter: AsyncWaiter, nowNs: number): void {
    if (nowNs < waiter.deadlineNs || !this.#has(waiter)) return;
    if (!waiter.contended.isQueue) waiter.wait.failed('timeout', waiter.trace);
    this.#fail(waiter, failure('timeout', waiter.contended, waiter.timeoutMs));
  }

  #listen(waiter: AsyncWaiter, signal: AbortSignal): void {
    const onAbort = (): void => {
      if (!this.#has(waiter)) return;
      if (!waiter.contended.isQueue) waiter.wait.failed('aborted', waiter.trace);
      this.#fail(waiter, signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    waiter.unlisten = () => signal.removeEventListener('abort', onAbort);
  }

  #fail(waiter: AsyncWaiter, error: unknown): void {
    this.#remove(waiter);
    waiter.entry?.close();
    waiter.refuse(error);
  }

  #has(waiter: AsyncWaiter): boolean {
    return this.#waiters.get(waiter.contended)?.has(waiter) === true;
  }

  #add(waiter: AsyncWaiter): void {
    const waiters = this.#waiters.get(waiter.contended) ?? new Set();
    this.#waiters.set(waiter.contended, waiters.add(waiter));
    this.#size++;
    waitTimer.add(this, waiter.deadlineNs);
  }

  #remove(waiter: AsyncWaiter): void {
    const waiters = this.#waiters.get(waiter.contended);
    if (waiters?.delete(waiter) !== true) return;
    waiter.unlisten();
    this.#size--;
    if (waiters.size === 0) this.#waiters.delete(waiter.contended);
    if (this.#size === 0) waitTimer.delete(this);
  }
}
