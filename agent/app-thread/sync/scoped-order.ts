/**
 * The callbacks of `withLockAsync` and its like as scopes that hold a lock, and the orders in which what runs in such a scope, or in one of another kind of
 * lock, takes locks of `gridwatch/sync` (`scope-orders.ts`).
 *
 * Runs on application threads, and does something only inside of such a callback, where there is an agent. What is taken by a bare `acquireAsync` may be
 * the inner lock of an order and never the outer one: nothing says who holds it.
 *
 * An order is told when the inner lock was given, of those outer ones that are still held by then. Of an asynchronous wait that is bounded none is told: it
 * gives up by itself.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import type { LockRef } from '../../shared-memory/lock-records.ts';
import type { Activity } from '../activity.ts';
import { enclosingScope, type LockScope } from '../lock-scope.ts';
import type { HeldLease } from './lease.ts';
import type { LocalLock } from './local-lock.ts';
import { captureStack } from './sync-stack.ts';

/** A callback that runs while a lock is held for it. */
export class AsyncScope implements LockScope {
  readonly activity: number;
  readonly parentActivity: number;
  readonly ref: LockRef;
  readonly className: string;
  outer: LockScope | undefined;
  readonly #lease: HeldLease;

  constructor(activity: number, lease: HeldLease, caller: Activity | undefined) {
    const { lock, mode } = lease.releaser;
    this.activity = activity;
    this.parentActivity = caller?.activity ?? 0;
    this.ref = refOf(lock, mode);
    this.className = classOf(lock);
    this.outer = enclosingScope(caller);
    this.#lease = lease;
  }

  get isHeld(): boolean {
    return this.#lease.isHeld;
  }
}

/** Orders that are not known yet, of a lock that was asked for. */
export interface AsyncOrder {
  /** The lock was given. */
  tell(): void;
}

function refOf({ id, kind }: LocalLock, mode: LockMode): LockRef {
  return { lockId: id, classNumber: 0, kind, mode };
}

/** One without a name is a class of its own. */
function classOf({ kind, name, id }: LocalLock): string {
  return `${kind} ${name === '' ? id : name}`;
}

/** The orders in which a lock is asked for now; undefined where nothing is held, or all of them are known. */
export function asyncOrderOf(lock: LocalLock, mode: LockMode): AsyncOrder | undefined {
  const observer = lock.thread.recording;
  const scope = observer?.activities?.scope;
  if (observer === undefined || scope === undefined) return undefined;
  const { scopeOrders } = observer;
  const taken = { ref: refOf(lock, mode), className: classOf(lock), isAsync: true };
  const orders = scopeOrders.newOrders(scope, taken);
  if (orders.length === 0) return undefined;
  const { stackNumber } = captureStack(observer);
  const context = observer.activeTraceIds();
  return { tell: () => scopeOrders.tell(orders, taken, stackNumber, context) };
}

/** A lock was acquired by a blocking call: tells the orders in which that was. */
export function tellBlockingOrder(lock: LocalLock, mode: LockMode): void {
  const observer = lock.thread.recording;
  const scope = observer?.activities?.scope;
  if (observer === undefined || scope === undefined) return;
  const taken = { ref: refOf(lock, mode), className: classOf(lock), isAsync: false };
  const orders = observer.scopeOrders.newOrders(scope, taken);
  if (orders.length === 0) return;
  observer.scopeOrders.tell(orders, taken, captureStack(observer).stackNumber, observer.activeTraceIds());
}
