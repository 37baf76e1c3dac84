/**
 * A barrier: a round of so many parties, of which none goes on before the last has come.
 *
 * Runs on application threads. How the words stand for it is in `barrier-words.ts`.
 */
import { GridwatchError } from '../../errors.ts';
import {
  type Arrival,
  arrivalOf,
  arrive,
  BARRIER,
  BARRIER_BYTES,
  breakRound,
  isBroken,
  leaveBarrier,
  MAX_PARTIES,
  resetBarrier,
  roundState,
  sweepBarrier,
} from '../../shared-memory/barrier-words.ts';
import { BLOCK } from '../../shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../shared-memory/lock-memory.ts';
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { ASYNC_WAITERS } from '../../shared-memory/lock-wake.ts';
import type { Contended } from './contended.ts';
import type { LocalLock } from './local-lock.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type LockHandle,
  type LockOptions,
  lockOptionsOf,
  signalOf,
  timeoutOf,
  wholeNumber,
} from './lock-options.ts';
import { type LockShape, openHandle, openLock } from './open-lock.ts';
import { isTimeout, waitBlocking } from './waiting.ts';

const SHARED_ACQUISITIONS = BLOCK.SHARED_ACQUISITIONS >> 2;

function shapeOf(parties: number): LockShape {
  return { kind: 'barrier', bytes: BARRIER_BYTES, numberA: parties, numberB: 0 };
}

export interface BarrierOptions extends LockOptions {
  /** How many make a round: from 1 to 1024. All users of one name must agree. */
  readonly parties: number;
}

/**
 * Lets so many parties wait for one another, round after round, over all threads of the process.
 *
 * A party that gives up (time-out, abort) or whose thread ends while it waits breaks the round, if that is not complete before it is known: all who wait,
 * and all who come, get `ERR_GRIDWATCH_BARRIER_BROKEN`, until `reset()`. Of a thread that ends before it comes the barrier knows nothing: a `timeoutMs` does.
 *
 * @example
 * const phase = new Barrier('phase', { parties: 4 });
 * for (const part of parts) {
 *   compute(part);
 *   phase.wait();
 * }
 */
export class Barrier {
  /** Bytes that a barrier takes in a buffer of the program's. */
  static readonly BYTES: number = BARRIER_BYTES;
  readonly #party: Party;

  /**
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_OPTION`, `ERR_GRIDWATCH_LOCK_KIND` when the name or the memory is another lock's, or has another number of
   * parties, `ERR_GRIDWATCH_LOCK_MEMORY`, `ERR_GRIDWATCH_SYNC_ORIGIN`, `ERR_GRIDWATCH_TOO_MANY_THREADS`
   */
  constructor(name: string, options: { readonly parties: number });
  constructor(options: BarrierOptions);
  constructor(given: string | BarrierOptions | Party, more?: { readonly parties: number }) {
    if (given instanceof Party) {
      this.#party = given;
      return;
    }
    const options = lockOptionsOf<Partial<BarrierOptions>>(
      typeof given === 'string' ? { ...more, name: given } : given,
    );
    const parties = wholeNumber('parties', options.parties, 1, MAX_PARTIES);
    this.#party = partyOf(openLock(shapeOf(parties), options));
  }

  /** The barrier of a handle that another thread has sent. */
  static from(handle: LockHandle): Barrier {
    return made(partyOf(openHandle(shapeOf(-1), handle)));
  }

  /** What other threads get at this barrier by: to be sent in a message, or as `workerData`. */
  get handle(): LockHandle {
    return this.#party.lock.handle;
  }

  /** Its class: the name that it was given, or after the place of its construction, `Barrier@file:line`. */
  get name(): string {
    return this.#party.lock.name;
  }

  get parties(): number {
    return this.#party.lock.numberA;
  }

  /** The round was broken, and the barrier not reset since. */
  get isBroken(): boolean {
    return isBroken(this.#party.lock.words, 0);
  }

  /**
   * Arrives, and blocks the thread until all parties have. What it gives back is the place of the arrival: 0 is the first, `parties - 1` the last, which
   * has not waited.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_TIMEOUT` after `timeoutMs`, which breaks the round; `ERR_GRIDWATCH_BARRIER_BROKEN` when another party has
   * broken it, or `reset()` was called; `ERR_GRIDWATCH_DEADLOCK` when the agent ends the wait
   */
  wait(options?: AcquireOptions): number {
    return this.#party.wait(timeoutOf(options));
  }

  /** As `wait`, without blocking the thread. The process stays alive while the wait lasts. An abort breaks the round as a time-out does. */
  async waitAsync(options?: AcquireAsyncOptions): Promise<number> {
    const timeoutMs = timeoutOf(options);
    const signal = signalOf(options);
    signal?.throwIfAborted();
    return this.#party.waitAsync(timeoutMs, signal);
  }

  /** Begins a new round. Whoever waits in the one that goes on gets `ERR_GRIDWATCH_BARRIER_BROKEN`. */
  reset(): void {
    this.#party.waking((words) => resetBarrier(words, 0));
  }
}

/** By the lock that they are of: every `Barrier` of this thread for one lock has the same. */
const known = new WeakMap<LocalLock, Party>();

function partyOf(lock: LocalLock): Party {
  let party = known.get(lock);
  if (party === undefined) known.set(lock, (party = new Party(lock)));
  return party;
}

/** This thread at one barrier. */
class Party {
  readonly lock: LocalLock;
  /** Waits of this thread that go on. */
  #inside = 0;

  constructor(lock: LocalLock) {
    this.lock = lock;
  }

  wait(timeoutMs: number): number {
    const arrival = this.#enter();
    try {
      if (!arrival.isLast) waitBlocking(new RoundWait(this.lock, arrival.round), timeoutMs);
    } catch (error) {
      this.#giveUp(arrival, error);
    } finally {
      this.#leave();
    }
    return this.#passed(arrival);
  }

  async waitAsync(timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    const arrival = this.#enter();
    const { queue } = this.lock;
    try {
      if (!arrival.isLast)
        await queue.wait(new RoundWait(this.lock, arrival.round), { timeoutMs, signal }, (entry) => entry?.close());
    } catch (error) {
      this.#giveUp(arrival, error);
    } finally {
      this.#leave();
    }
    return this.#passed(arrival);
  }

  /** Does what may end a round, and says meanwhile that others are to be woken. */
  waking<T>(act: (words: Int32Array) => T): T {
    const { words, thread, id } = this.lock;
    thread.tell(LOCK_THREAD.PENDING, id);
    const result = act(words);
    thread.tell(LOCK_THREAD.PENDING, 0);
    return result;
  }

  #enter(): Arrival {
    const { thread } = this.lock;
    this.#inside++;
    const arrival = this.waking((words) => arrive(words, 0, thread.word));
    if (arrival !== undefined) return arrival;
    this.#leave();
    throw brokenError(this.lock);
  }

  /** A wait has failed: breaks the round, unless it was over before. */
  #giveUp({ round }: Arrival, error: unknown): void {
    const { words } = this.lock;
    if (this.waking(() => breakRound(words, 0, round))) throw error;
    if (roundState(words, 0, round) === 'tripped') return;
    throw isTimeout(error) ? brokenError(this.lock) : error;
  }

  #leave(): void {
    const { words, thread } = this.lock;
    if (--this.#inside === 0) leaveBarrier(words, 0, thread.word);
  }

  #passed({ index }: Arrival): number {
    Atomics.add(this.lock.words, SHARED_ACQUISITIONS, 1);
    return index;
  }
}

function brokenError({ name }: LocalLock): GridwatchError {
  const what = name === '' ? 'the barrier' : `the barrier '${name}'`;
  return new GridwatchError(
    'ERR_GRIDWATCH_BARRIER_BROKEN',
    `${what} is broken: a party gave up or ended, or it was reset; call reset() once, when no party is in the round, before it is used again`,
  );
}

/** One wait for a round to be over. */
class RoundWait implements Contended {
  readonly lock: LocalLock;
  readonly mode = 'shared';
  readonly isQueue = false;
  readonly holder = 0;
  readonly parkAt: number = BARRIER.STATE >> 2;
  parkValue = 0;
  readonly #round: number;

  constructor(lock: LocalLock, round: number) {
    this.lock = lock;
    this.#round = round;
  }

  attempt(_hasOthers: boolean, isAsync: boolean): boolean {
    const { words } = this.lock;
    if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);
    const state = roundState(words, 0, this.#round);
    if (state === 'broken') throw brokenError(this.lock);
    if (state === 'tripped') return true;
    this.parkValue = state;
    return false;
  }

  isFree(): boolean {
    return typeof roundState(this.lock.words, 0, this.#round) !== 'number';
  }

  /** Breaks the round when a thread that is in it has ended. */
  bury(): boolean {
    const { words, thread } = this.lock;
    let has = false;
    for (let other = 0, high = thread.memory.threadsHigh; other < high; other++) {
      const word = arrivalOf(words, 0, other);
      if (word === 0 || word === thread.word || !isHolderGone(thread.memory, word)) continue;
      sweepBarrier(words, 0, word);
      has = true;
    }
    return has;
  }

  passOn(): void {}
}

/** Outside of the class: one that names itself is called otherwise once it is joined with others. */
function made(party: unknown): Barrier {
  const create = Barrier as unknown as new (party: unknown) => Barrier;
  return new create(party);
}
