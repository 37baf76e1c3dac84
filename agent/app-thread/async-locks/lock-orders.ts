/**
 * In which orders the activities of a thread take locks: each order of two classes is told once, with the place where the inner one was taken.
 *
 * Runs on application threads, when a lock was given to who holds another.
 */
import type { LockRef } from '../../shared-memory/lock-records.ts';
import type { LockObserver } from '../lock-observer.ts';
import type { Hold } from './tracked-lock.ts';

/** Orders a thread remembers; beyond, none is told that was not told before. */
const MAX_ORDERS = 4096;

export class LockOrders {
  readonly #observer: LockObserver;
  readonly #told = new Set<string>();

  constructor(observer: LockObserver) {
    this.#observer = observer;
  }

  /** `stackNumber` looks up where the lock was asked for. */
  learn(hold: Hold, stackNumber: () => number): void {
    const held: LockRef[] = [];
    for (let outer = hold.outer; outer !== undefined; outer = outer.outer) held.push(refOf(outer));
    const inner = refOf(hold);
    for (const [at, outer] of held.entries()) {
      if (outer.classNumber === inner.classNumber) continue;
      const gates = held.slice(at + 1).map(({ classNumber }) => -classNumber);
      const key = `${outer.classNumber} ${inner.classNumber} ${outer.mode} ${inner.mode} ${gates.join(' ')}`;
      if (this.#told.has(key) || this.#told.size >= MAX_ORDERS) continue;
      this.#told.add(key);
      this.#observer.recordOrder({
        outer,
        inner,
        gates,
        stackNumber: stackNumber(),
        atNs: this.#observer.nowNs(),
        context: this.#observer.activeTraceIds(),
      });
    }
  }
}

/** A hold as records name it. */
export function refOf({ lock }: Hold): LockRef {
  return { lockId: lock.id, classNumber: lock.lockClass.number, kind: lock.lockClass.kind, mode: lock.mode };
}
