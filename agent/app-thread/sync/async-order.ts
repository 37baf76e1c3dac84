/**
 * The orders in which the callbacks of `withLockAsync` and its like take locks: each is told to the agent once, with the stack of the inner acquisition.
 *
 * Runs on application threads, and does something only inside of such a callback, where there is an agent. What is taken by a bare `acquireAsync` may be
 * the inner lock of an order and never the outer one: nothing says who holds it.
 *
 * An order is told when the inner lock was given, of those outer ones that are still held by then: what a callback begins and does not await may get its lock
 * after the callback's end. Of a wait that is bounded none is told: it gives up by itself.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import type { LockRef } from '../../shared-memory/lock-records.ts';
import type { Activity } from '../activity.ts';
import type { LockObserver } from '../lock-observer.ts';
import type { HeldLease } from './lease.ts';
import type { LocalLock } from './local-lock.ts';
import { captureStack } from './sync-stack.ts';

/** Orders a thread remembers; beyond, none is told that was not told before. */
const MAX_ORDERS = 4096;

const told = new WeakMap<LockObserver, Set<string>>();

/** A callback that runs while a lock is held for it. */
export class AsyncScope implements Activity {
  readonly activity: number;
  readonly ref: LockRef;
  readonly outer: AsyncScope | undefined;
  readonly #lease: HeldLease;

  constructor(activity: number, ref: LockRef, lease: HeldLease, outer: Activity | undefined) {
    this.activity = activity;
    this.ref = ref;
    this.outer = outer instanceof AsyncScope ? outer : undefined;
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

export function refOf({ id, kind }: LocalLock, mode: LockMode): LockRef {
  return { lockId: id, classNumber: 0, kind, mode };
}

/** The order in which a lock is asked for now; undefined where nothing is held, or all of it is known. */
export function asyncOrderOf(lock: LocalLock, mode: LockMode): AsyncOrder | undefined {
  const observer = lock.thread.recording;
  const scope = observer?.activities?.scope;
  return observer !== undefined && scope instanceof AsyncScope ? newOrder(observer, scope, lock, mode) : undefined;
}

function newOrder(observer: LockObserver, scope: AsyncScope, lock: LocalLock, mode: LockMode): AsyncOrder | undefined {
  const inner = refOf(lock, mode);
  const held: AsyncScope[] = [];
  for (let outer: AsyncScope | undefined = scope; outer !== undefined; outer = outer.outer)
    if (outer.isHeld && outer.ref.lockId !== inner.lockId) held.push(outer);
  const blocking: number[] = [];
  for (let { held: lease } = lock.thread; lease !== undefined; lease = lease.outer)
    blocking.push(lease.releaser.lock.id);
  const known = knownOf(observer);
  const orders = held.flatMap((outer) => {
    const gates = [...held.flatMap(({ ref }) => (ref.lockId === outer.ref.lockId ? [] : [ref.lockId])), ...blocking];
    const key = [keyOf(outer.ref), keyOf(inner), ...gates].join(' ');
    return known.has(key) ? [] : [{ outer, gates, key }];
  });
  if (orders.length === 0) return undefined;
  const { stackNumber } = captureStack(observer);
  const context = observer.activeTraceIds();
  return {
    tell: () => {
      for (const { outer, gates, key } of orders) {
        if (!outer.isHeld || known.has(key) || known.size >= MAX_ORDERS) continue;
        known.add(key);
        const atNs = observer.nowNs();
        observer.recordOrder({ outer: outer.ref, inner, gates, stackNumber, atNs, context, isAsync: true });
      }
    },
  };
}

function knownOf(observer: LockObserver): Set<string> {
  let known = told.get(observer);
  if (known === undefined) told.set(observer, (known = new Set()));
  return known;
}

function keyOf({ lockId, mode }: LockRef): string {
  return mode === 'shared' ? `-${lockId}` : `${lockId}`;
}
