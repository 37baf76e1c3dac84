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

/** Orders a thread remembers; beyond, none is told that was not told before. */
const MAX_ORDERS = 4096;

/** A lock that is asked for, and how. */
export interface Taken {
  readonly ref: LockRef;
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

  constructor(observer: LockObserver) {
    this.#observer = observer;
  }

  /** Those in which a lock is taken by what runs in `scope`. */
  newOrders(scope: Activity | undefined, taken: Taken): readonly NewOrder[] {
    const held = heldScopes(scope).filter(({ ref }) => !isSameLock(ref, taken.ref));
    if (held.length === 0) return [];
    const blocking = this.#observer.idsHeldByThread();
    return held.flatMap((outer) => {
      const beside = held.flatMap(({ ref }) => (isSameLock(ref, outer.ref) ? [] : [gateOf(ref)]));
      const gates = [...new Set([...beside, ...blocking])].filter((gate) => gate !== gateOf(taken.ref));
      const key = [nodeOf(outer.ref), nodeOf(taken.ref), taken.isAsync, ...gates].join(' ');
      return this.#told.has(key) ? [] : [{ outer, gates, key }];
    });
  }

  /** It was given: tells those orders whose outer lock is held still. What a callback begins and does not await may get its lock after the callback's end. */
  tell(orders: readonly NewOrder[], taken: Taken, stackNumber: number, context: TraceIds | undefined): void {
    const { ref: inner, isAsync } = taken;
    for (const { outer, gates, key } of orders) {
      if (!outer.isHeld || this.#told.has(key) || this.#told.size >= MAX_ORDERS) continue;
      this.#told.add(key);
      const atNs = this.#observer.nowNs();
      this.#observer.recordOrder({ outer: outer.ref, inner, gates, stackNumber, atNs, context, isAsync });
    }
  }
}

/** A lock as gates name it: its id, or minus the number of its class. */
export function gateOf({ lockId, classNumber }: LockRef): number {
  return lockId > 0 ? lockId : -classNumber;
}

/** Of locks without a block only the class is known. */
function isSameLock(one: LockRef, other: LockRef): boolean {
  return gateOf(one) === gateOf(other);
}

function nodeOf(ref: LockRef): string {
  return `${ref.mode} ${gateOf(ref)}`;
}
