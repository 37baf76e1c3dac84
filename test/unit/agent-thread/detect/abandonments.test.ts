/** Abandoned locks that the agent did not find itself: told once each, and never those it has told already. */
import { beforeEach, expect, test } from 'vitest';
import { Abandonments } from '../../../../agent/agent-thread/detect/abandonments.ts';
import type { KnownLock } from '../../../../agent/agent-thread/model/lock-index.ts';
import { BLOCK, viewsOf } from '../../../../agent/shared-memory/lock-block.ts';

let locks: KnownLock[];
let told: number[];
let abandonments: Abandonments;

beforeEach(() => {
  locks = [lock(1)];
  told = [];
  abandonments = new Abandonments({
    locks: { [Symbol.iterator]: () => locks.values() },
    onAbandoned: ({ id }) => told.push(id),
  });
});

function lock(id: number): KnownLock {
  return { id, views: viewsOf(new SharedArrayBuffer(2048)), blockAt: 0 } as unknown as KnownLock;
}

function abandon({ views }: KnownLock): void {
  Atomics.add(views.i32, BLOCK.ABANDONMENTS >> 2, 1);
}

test('a lock that a waiter found abandoned is told once, and once more when it was abandoned again', () => {
  const [first] = locks as [KnownLock];
  abandonments.look();
  abandon(first);
  abandonments.look();
  abandonments.look();
  expect(told).toEqual([1]);
  abandon(first);
  abandonments.look();
  expect(told).toEqual([1, 1]);
});

test('one that the agent has taken from a dead thread itself is not', () => {
  const [first] = locks as [KnownLock];
  abandonments.look();
  abandon(first);
  abandonments.swept(first);
  abandonments.look();
  expect(told).toEqual([]);
});

test('one that was abandoned before there was an agent thread is not; one that is new and abandoned is', () => {
  const [first] = locks as [KnownLock];
  abandon(first);
  abandonments.look();
  expect(told).toEqual([]);
  const second = lock(2);
  abandon(second);
  locks.push(second);
  abandonments.look();
  expect(told).toEqual([2]);
});

test('one that was abandoned before the first look is told by the first agent thread, and not by one that follows it', () => {
  const [first] = locks as [KnownLock];
  abandon(first);
  for (const isRestarted of [false, true])
    new Abandonments({ locks, onAbandoned: ({ id }) => told.push(id), isRestarted }).look();
  expect(told).toEqual([1]);
});
