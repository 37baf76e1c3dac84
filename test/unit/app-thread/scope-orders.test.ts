/** Which orders a thread tells, and how often: in a program that always makes new locks, too. */
import { beforeEach, expect, test } from 'vitest';
import type { LockObserver } from '../../../agent/app-thread/lock-observer.ts';
import type { LockScope } from '../../../agent/app-thread/lock-scope.ts';
import { ScopeOrders } from '../../../agent/app-thread/scope-orders.ts';
import type { LockOrderRecord } from '../../../agent/shared-memory/lock-records.ts';

let nowNs: number;
let told: LockOrderRecord[];
let orders: ScopeOrders;

beforeEach(() => {
  nowNs = 5e9;
  told = [];
  const observer: Pick<LockObserver, 'nowNs' | 'idsHeldByThread' | 'recordOrder'> = {
    nowNs: () => nowNs,
    idsHeldByThread: () => [],
    recordOrder: (order) => void told.push(order),
  };
  orders = new ScopeOrders(observer as LockObserver);
});

/** A lock of a block, held in a callback. */
function held(lockId: number, className: string, outer?: LockScope): LockScope {
  const ref = { lockId, classNumber: 0, kind: 'mutex', mode: 'exclusive' } as const;
  return { activity: lockId, parentActivity: 0, ref, className, isHeld: true, outer };
}

/** Takes a lock in a callback; whether that was told. */
function take(lockId: number, className: string, scope: LockScope): boolean {
  const before = told.length;
  const { ref } = held(lockId, className);
  const taken = { ref, className, isAsync: true };
  orders.tell(orders.newOrders(scope, taken), taken, 0, undefined);
  return told.length > before;
}

test('an order of two classes is told once, of whichever locks; of two locks of one class, each', () => {
  const [one, other] = [held(1, 'orders'), held(2, 'orders')];
  expect([take(11, 'rows', one), take(12, 'rows', one), take(13, 'rows', other)]).toEqual([true, false, false]);
  expect([take(2, 'orders', one), take(2, 'orders', one), take(3, 'orders', one)]).toEqual([true, false, true]);
});

test('a gate that was not there before makes an order another one', () => {
  const gate = held(9, 'gate');
  take(9, 'gate', held(8, 'other'));
  expect(take(2, 'rows', held(1, 'orders', gate))).toBe(true);
  expect(told.slice(1).map(({ outer, gates }) => [outer.lockId, gates])).toEqual([
    [1, [9]],
    [9, [1]],
  ]);
  expect(take(2, 'rows', held(1, 'orders'))).toBe(true);
  expect(told.at(-1)?.gates).toEqual([]);
});

test('none of a lock of which only the library is known, nor in too deep a nest', () => {
  expect(take(2, 'rows', { ...held(1, ''), className: undefined })).toBe(false);
  let scope = held(1, 'lock 1');
  for (let id = 2; id <= 8; id++) scope = held(id, `lock ${id}`, scope);
  expect([take(9, 'rows', scope), take(11, 'more rows', held(10, 'lock 10', scope))]).toEqual([true, false]);
});

test('more than a thread may tell in a second is told when it happens again', () => {
  const outer = held(1, 'orders');
  for (let id = 2; id < 1000; id++) take(id, `lock ${id}`, outer);
  const { length } = told;
  expect(length).toBeLessThan(998);
  nowNs += 1e9;
  expect([take(2, 'lock 2', outer), take(998, 'lock 998', outer)]).toEqual([false, true]);
});

test('what is looked at, and not told because its callback is over by then, counts as well', () => {
  const outer = held(1, 'orders');
  const { ref } = held(2, 'rows');
  const look = (): number => orders.newOrders(outer, { ref, className: 'rows', isAsync: true }).length;
  const looks = Array.from({ length: 1000 }, look);
  expect(looks[0]).toBe(1);
  expect(looks.at(-1)).toBe(0);
});

test('a program with ever new locks does not make it deaf: orders are then told again', () => {
  const outer = held(1, 'orders');
  expect(take(2, 'rows', outer)).toBe(true);
  for (let id = 10; id < 10_000; id++) {
    nowNs += 1e9;
    take(id, `lock ${id}`, outer);
  }
  expect([take(5, 'last', outer), take(2, 'rows', outer)]).toEqual([true, true]);
});
