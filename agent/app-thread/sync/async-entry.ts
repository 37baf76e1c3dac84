/**
 * What the agent sees of one asynchronous wait or hold: an entry of the thread's table (`async-locks.ts`), kept true while the wait becomes a hold.
 *
 * Runs on application threads, where there is an agent.
 */
import { type AsyncLock, AsyncLockState, type LockMode } from '../../shared-memory/async-locks.ts';
import type { LockObserver } from '../lock-observer.ts';
import type { LocalLock } from './local-lock.ts';
import type { SyncStack } from './sync-stack.ts';

export class AsyncEntry {
  readonly #observer: LockObserver;
  readonly #entry: number;
  #lock: AsyncLock;

  private constructor(observer: LockObserver, lock: AsyncLock) {
    this.#observer = observer;
    this.#lock = lock;
    this.#entry = observer.asyncLocks.open(lock);
  }

  /** The activity whose code runs begins to wait. */
  static waiting(
    observer: LockObserver,
    lock: LocalLock,
    mode: LockMode,
    sinceNs: number,
    isTimed: boolean,
  ): AsyncEntry {
    const current = observer.activities?.current ?? 0;
    return new AsyncEntry(observer, {
      ...describe(lock, mode, sinceNs),
      state: AsyncLockState.WAITING,
      activity: current === 0 ? (observer.activities?.next() ?? 0) : current,
      isCertain: current !== 0,
      isTimed,
      context: observer.activeTraceIds(),
    });
  }

  /** A lock is held that did not have to be waited for. `activity`: the callback that it was taken for; 0 for none. */
  static held(observer: LockObserver, lock: LocalLock, mode: LockMode, activity: number): AsyncEntry {
    const parentActivity = observer.activities?.current ?? 0;
    return new AsyncEntry(observer, {
      ...describe(lock, mode, observer.nowNs()),
      ...holder(observer, activity, parentActivity),
    });
  }

  /** The activity that is sure to hold the lock; 0 where none is. */
  get certainActivity(): number {
    return this.#lock.isCertain ? this.#lock.activity : 0;
  }

  /** Where and in which span the wait was begun, once it is known. */
  describe({ siteNumber, stackNumber }: SyncStack): void {
    this.#write({ ...this.#lock, siteNumber, stackNumber });
  }

  /** The wait is over, and the lock held. */
  hold(activity: number): void {
    const { activity: waiter, isCertain } = this.#lock;
    const held = holder(this.#observer, activity, isCertain ? waiter : 0);
    this.#write({ ...this.#lock, ...held, sinceNs: this.#observer.nowNs() });
  }

  close(): void {
    if (this.#entry >= 0) this.#observer.asyncLocks.close(this.#entry);
  }

  #write(lock: AsyncLock): void {
    this.#lock = lock;
    if (this.#entry >= 0) this.#observer.asyncLocks.write(this.#entry, lock);
  }
}

/** Without a callback of its own, the activity that has acquired a lock need not be the one that releases it. */
function holder(
  observer: LockObserver,
  activity: number,
  parentActivity: number,
): Pick<AsyncLock, 'state' | 'activity' | 'parentActivity' | 'isCertain'> {
  const isCertain = activity !== 0;
  const other = parentActivity === 0 ? (observer.activities?.next() ?? 0) : parentActivity;
  return { state: AsyncLockState.HELD, activity: isCertain ? activity : other, parentActivity, isCertain };
}

function describe(lock: LocalLock, mode: LockMode, sinceNs: number): AsyncLock {
  return {
    state: AsyncLockState.WAITING,
    activity: 0,
    parentActivity: 0,
    lockId: lock.id,
    kind: lock.kind,
    mode,
    isCertain: false,
    sinceNs,
    classNumber: 0,
    siteNumber: 0,
    stackNumber: 0,
    instanceNumber: 0,
    context: undefined,
  };
}
