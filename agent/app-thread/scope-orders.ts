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
/** Callbacks in one another, beyond which no order is told. */
const MAX_DEPTH = 8;
/** Acquisitions a second that a thread looks at for orders to tell: each costs it some tens of microseconds, for the stack. The others are told when they happen again. */
const LOOKS = 200;

/** A lock that is asked for, and how. */
export interface Taken {
  readonly ref: LockRef;
  readonly className: LockScope['className'];
  /** An activity waits for it; otherwise the thread blocks. */
  readonly isAsync: boolean;
}

/** An order that the agent does not know yet. */
export interface NewOrder {
  readonly outer: LockScope;
  readonly gates: readonly number[];
  readonly key: string;
}

const NONE: readonly NewOrder[] = [];

export class ScopeOrders {
  readonly #observer: LockObserver;
  readonly #told = new Set<string>();
  #looks = LOOKS;
  #secondNs = 0;

  constructor(observer: LockObserver) {
    this.#observer = observer;
  }

  /** Those in which a lock is taken by what runs in `scope`. */
  newOrders(scope: Activity | undefined, taken: Taken): readonly NewOrder[] {
    const scopes = heldScopes(scope);
    if (scopes.length === 0 || scopes.length > MAX_DEPTH || taken.className === undefined) return NONE;
    const held = scopes.map(({ ref }) => gateOf(ref));
    const inner = gateOf(taken.ref);
    const hasSeveral = held.indexOf(inner) !== held.lastIndexOf(inner);
    held.push(...this.#observer.idsHeldByThread());
    const orders: NewOrder[] = [];
    for (const outer of scopes) {
      const { ref, className } = outer;
      const own = gateOf(ref);
      if (className === undefined || isSameLock(ref, taken.ref)) continue;
      /* A third promise lock of that class may be the gate of the two: nothing in a record could say so. */
      if (own === inner && hasSeveral) continue;
      const gates = held.filter((gate) => gate !== inner && gate !== own);
      const [from, to] = className === taken.className ? [ref.lockId, taken.ref.lockId] : [className, taken.className];
      const key = `${from} ${ref.mode} ${to} ${taken.ref.mode} ${taken.isAsync} ${gates.join(' ')}`;
      if (!this.#told.has(key)) orders.push({ outer, gates: [...new Set(gates)], key });
    }
    return orders.length > 0 && this.#mayLook() ? orders : NONE;
  }

  /** It was given: tells those orders whose outer lock is held still. What a callback begins and does not await may get its lock after the callback's end. */
  tell(orders: readonly NewOrder[], taken: Taken, stackNumber: number, context: TraceIds | undefined): void {
    const { ref: inner, isAsync } = taken;
    for (const { outer, gates, key } of orders) {
      if (!outer.isHeld || this.#told.has(key)) continue;
      if (this.#told.size >= MAX_ORDERS) this.#told.clear();
      this.#told.add(key);
      const atNs = this.#observer.nowNs();
      this.#observer.recordOrder({ outer: outer.ref, inner, gates, stackNumber, atNs, context, isAsync });
    }
  }

  #mayLook(): boolean {
    const nowNs = this.#observer.nowNs();
    if (nowNs - this.#secondNs >= 1e9) {
      this.#secondNs = nowNs;
      this.#looks = LOOKS;
    }
    return this.#looks-- > 0;
  }
}

/** A lock as gates name it: its id, or minus the number of its class. */
export function gateOf({ lockId, classNumber }: LockRef): number {
  return lockId > 0 ? lockId : -classNumber;
}

/** A Web Lock in two modes has two ids: of those only the class is known. */
function isSameLock(one: LockRef, other: LockRef): boolean {
  const areWebLocks = one.kind === 'web_lock' && other.kind === 'web_lock';
  return areWebLocks ? one.classNumber === other.classNumber : one.lockId === other.lockId;
}
