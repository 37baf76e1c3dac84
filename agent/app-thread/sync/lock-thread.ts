/**
 * The calling thread as the locks of `gridwatch/sync` know it: its entry in lock memory, which is what stands in a lock word that it holds; its observer;
 * and the locks that it holds now.
 *
 * Runs on application threads, one object a thread and copy of the package, made at the thread's first lock. With the agent or without.
 */
import { GridwatchError } from '../../errors.ts';
import { Clock } from '../../shared-memory/clock.ts';
import { LOCK_THREAD, LockMemory } from '../../shared-memory/lock-memory.ts';
import { claimLockThread, startTicksOf } from '../../shared-memory/lock-threads.ts';
import { useNotify } from '../../shared-memory/lock-wake.ts';
import { osThreadId } from '../../shared-memory/os-thread.ts';
import { findLockLink, type LockLink, setLockLink } from '../lock-link.ts';
import { type LockObserver, lockObserver } from '../lock-observer.ts';
import type { AsyncLease, HeldLease } from './lease.ts';
import type { LocalLock } from './local-lock.ts';
import { OrderTrie } from './lock-order.ts';
import { perturbedAtomics } from './perturbed.ts';

const { getEnvironmentData, isMainThread, setEnvironmentData, threadId } =
  process.getBuiltinModule('node:worker_threads');

/** The key of the environment data under which workers find lock memory where no agent hands it to them. */
const ENVIRONMENT_KEY = 'gridwatch.locks';

export class LockThread {
  readonly memory: LockMemory;
  /** Its entry, and what stands in the words of the locks that it holds. */
  readonly thread: number;
  readonly word: number;
  readonly clock: Clock;
  /** Absent without the agent. */
  observer: LockObserver | undefined;
  /** The engine's own functions, whatever was made of the global ones. */
  atomics: Pick<typeof Atomics, 'wait' | 'waitAsync' | 'notify'> = Atomics;
  /** The last lock that was taken by a blocking call and is still held; the others hang on it. */
  held: HeldLease | undefined;
  readonly order: OrderTrie;
  /** The locks that are in use on this thread, by id. */
  readonly locks: Map<number, WeakRef<LocalLock>> = new Map();
  /** The leases of asynchronous holders: their locks must not be collected. */
  readonly pinned: Set<AsyncLease> = new Set();

  constructor(memory: LockMemory, link: LockLink) {
    const observer = lockObserver();
    const tid = osThreadId();
    const claim = claimLockThread(
      memory,
      {
        osThreadId: tid,
        threadId,
        startTicks: tid === 0 ? 0 : startTicksOf(String(tid)),
        agentSlot: observer === undefined ? 0 : observer.claim.slot + 1,
        agentGeneration: observer?.claim.generation ?? 0,
      },
      observer === undefined,
    );
    if (claim === undefined)
      throw new GridwatchError('ERR_GRIDWATCH_TOO_MANY_THREADS', 'more than 512 threads of this process use locks');
    this.memory = memory;
    this.thread = claim.thread;
    this.word = claim.word;
    this.clock = new Clock(memory.baseS);
    this.order = new OrderTrie(this);
    this.#observe(observer);
    link.listeners.add(() => this.#observe(lockObserver()));
  }

  /** The observer, where something is to be recorded now. */
  get recording(): LockObserver | undefined {
    const { observer } = this;
    return observer === undefined || observer.isOff ? undefined : observer;
  }

  /** Stores a word of this thread's entry. */
  tell(field: number, value: number): void {
    Atomics.store(this.memory.views.i32, this.memory.threadAt(this.thread, field) >> 2, value);
  }

  /** True once when the agent wants the wait for this lock to end, so that a deadlock does. */
  takeAbort(lockId: number): boolean {
    const at = this.memory.threadAt(this.thread, LOCK_THREAD.ABORT) >> 2;
    return Atomics.compareExchange(this.memory.views.i32, at, lockId, 0) === lockId;
  }

  /** Ids of the locks that this thread holds by blocking calls, oldest first. */
  heldIds(): number[] {
    const ids: number[] = [];
    for (let lease = this.held; lease !== undefined; lease = lease.outer) ids.unshift(lease.releaser.lock.id);
    return ids;
  }

  #observe(observer: LockObserver | undefined): void {
    this.observer = observer;
    this.atomics = perturbedAtomics(observer?.atomics ?? Atomics);
    useNotify(this.atomics.notify);
    if (observer === undefined) return;
    observer.idsHeldByThread = () => this.heldIds();
    this.tell(LOCK_THREAD.AGENT_GENERATION, observer.claim.generation);
    this.tell(LOCK_THREAD.AGENT_SLOT, observer.claim.slot + 1);
    for (const lock of this.locks.values()) lock.deref()?.adopt();
  }
}

let own: LockThread | undefined;

/** The calling thread. `brought`: lock memory that came with a handle, for a thread that found none. */
export function lockThread(brought?: SharedArrayBuffer): LockThread {
  if (own !== undefined) return own;
  const link = findLockLink() ?? linkFrom(brought);
  const memory = LockMemory.attach(link?.buffer);
  if (link === undefined || memory === undefined)
    throw new GridwatchError(
      'ERR_GRIDWATCH_SYNC_ORIGIN',
      "this worker does not know the locks of the process: import 'gridwatch/sync' on the main thread before the worker is started, or send it a lock's handle",
    );
  own = new LockThread(memory, link);
  return own;
}

/** Makes lock memory on the main thread if there is none, and leaves it where later workers look. */
export function offerLockMemory(): void {
  if (!isMainThread) return;
  if (findLockLink() === undefined) setLockLink(LockMemory.create().views.buffer, undefined);
  const buffer = findLockLink()?.buffer;
  if (buffer !== undefined) setEnvironmentData(ENVIRONMENT_KEY, buffer);
}

function linkFrom(brought: SharedArrayBuffer | undefined): LockLink | undefined {
  const found = [getEnvironmentData(ENVIRONMENT_KEY), brought].find((buffer) => LockMemory.attach(buffer));
  if (!(found instanceof SharedArrayBuffer)) return undefined;
  setLockLink(found, undefined);
  return findLockLink();
}
