/**
 * In which orders locks are taken in callbacks that hold others, whatever their kinds: each order is told to the agent once.
 *
 * Runs on application threads, one object a thread, in its observer. What is held outside of any callback is the outer lock of no order told here: nothing
 * says who holds it. A lock that the thread itself holds by a blocking call is a gate all the same.
 */

import type { LockRef } from '../shared-memory/lock-records.ts';
import type { TraceIds } from '../shared-memory/registry.ts';
import type { Activity } from './activity.ts';
import type { LockObserver } from './lock-observer.ts';
import { heldScopes, type LockScope } from './lock-scope.ts';

/** Orders a thread remembers. A program that makes ever new locks has ever new orders: then it begins anew, and tells again what it has told. */
const MAX_ORDERS = 4096;
/** Orders a thread tells in a second: each costs it some tens of microseconds, for the stack. What is too much is told when it happens again. */
const TOLD_A_SECOND = 200;

/** A lock that is asked for, and how. */
export interface Taken {
  readonly ref: LockRef;
  readonly className: string | number;
  /** An activity waits for it; otherwise the thread blocks. */
  readonly isAsync: boolean;
}

/** An order that the agent does not know yet. */
export interface NewOrder {
  readonly outer: LockScope;
  readonly gates: readonly number[];
  readonly key: string;
}

export class ScopeOrders {
  readonly #observer: LockObserver;
  readonly #told = new Set<string>();
  #left = TOLD_A_SECOND;
  #secondNs = 0;

  constructor(observer: LockObserver) {
    this.#observer = observer;
  }

  /** Those in which a lock is taken by what runs in `scope`. */
  newOrders(scope: Activity | undefined, taken: Taken): readonly NewOrder[] {
    const held = heldScopes(scope).filter(({ ref }) => !isSameLock(ref, taken.ref));
    if (held.length === 0) return [];
    const all = [...held.map(({ ref }) => gateOf(ref)), ...this.#observer.idsHeldByThread()];
    const inner = gateOf(taken.ref);
    const hasSeveral = all.indexOf(inner) !== all.lastIndexOf(inner);
    const orders = held.flatMap((outer) => {
      const { ref } = outer;
      /* A third promise lock of that class may be the gate of the two: nothing in a record could say so. */
      if (gateOf(ref) === inner && hasSeveral) return [];
      const gates = [...new Set(all)].filter((gate) => gate !== inner && gate !== gateOf(ref));
      const isOfOneClass = outer.className === taken.className;
      const nodes = isOfOneClass ? [ref.lockId, taken.ref.lockId] : [outer.className, taken.className];
      const key = [...nodes, ref.mode, taken.ref.mode, taken.isAsync, ...gates].join(' ');
      return this.#told.has(key) ? [] : [{ outer, gates, key }];
    });
    return orders.length === 0 || this.#areTooMany() ? [] : orders;
  }

  /** It was given: tells those orders whose outer lock is held still. What a callback begins and does not await may get its lock after the callback's end. */
  tell(orders: readonly NewOrder[], taken: Taken, stackNumber: number, context: TraceIds | undefined): void {
    const { ref: inner, isAsync } = taken;
    for (const { outer, gates, key } of orders) {
      if (!outer.isHeld || this.#told.has(key)) continue;
      if (this.#told.size >= MAX_ORDERS) this.#told.clear();
      this.#told.add(key);
      this.#left--;
      const atNs = this.#observer.nowNs();
      this.#observer.recordOrder({ outer: outer.ref, inner, gates, stackNumber, atNs, context, isAsync });
    }
  }

  #areTooMany(): boolean {
    const nowNs = this.#observer.nowNs();
    if (nowNs - this.#secondNs >= 1e9) {
      this.#secondNs = nowNs;
      this.#left = TOLD_A_SECOND;
    }
    return this.#left <= 0;
  }
}

/** A lock as gates name it: its id, or minus the number of its class. */
export function gateOf({ lockId, classNumber }: LockRef): number {
  return lockId > 0 ? lockId : -classNumber;
}

/** A promise lock is an object of its thread's; of a Web Lock, whose name is that of one lock in two modes, only the class is known. */
function isSameLock(one: LockRef, other: LockRef): boolean {
  return one.kind === 'promise' ? one.lockId === other.lockId : gateOf(one) === gateOf(other);
}
