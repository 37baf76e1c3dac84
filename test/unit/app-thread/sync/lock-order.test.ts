/** The orders in which a thread takes its locks: each told once, and none of a lock that was only tried. */
import { beforeEach, expect, test } from 'vitest';
import type { LocalLock } from '../../../../agent/app-thread/sync/local-lock.ts';
import { HeldPath, OrderTrie } from '../../../../agent/app-thread/sync/lock-order.ts';
import type { LockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import type { LockOrderRecord } from '../../../../agent/shared-memory/lock-records.ts';

let told: string[];
let order: OrderTrie;
let root: HeldPath;

beforeEach(() => {
  told = [];
  const recording = {
    config: { stacks: 'off' },
    intern: () => 0,
    nowNs: () => 0,
    activeTraceIds: () => undefined,
    recordOrder: ({ outer, inner, gates }: LockOrderRecord) =>
      told.push(`${outer.lockId}>${inner.lockId} ${gates.join()}`),
  };
  order = new OrderTrie({ recording } as unknown as LockThread);
  root = new HeldPath({ lockId: 1, classNumber: 0, kind: 'mutex', mode: 'exclusive' }, undefined);
});

function take(outer: HeldPath | undefined, id: number, hasTried = false): HeldPath | undefined {
  return order.follow(outer, { id, kind: 'mutex' } as LocalLock, 'exclusive', hasTried);
}

test('an order is told once, with what else was held', () => {
  for (let round = 0; round < 3; round++) take(take(root, 2), 3);
  expect(told).toEqual(['1>2 ', '2>3 1', '1>3 2']);
});

test('a lock that was only tried is the inner one of no order, but the outer one of others', () => {
  for (let round = 0; round < 3; round++) take(take(root, 2, true), 3);
  expect(told).toEqual(['2>3 1', '1>3 2']);
});

test('an order that was tried before is told when the lock is waited for', () => {
  take(root, 2, true);
  take(root, 2);
  take(root, 2);
  expect(told).toEqual(['1>2 ']);
});
