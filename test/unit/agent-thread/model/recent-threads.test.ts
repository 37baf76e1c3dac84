/** Whose a slot was, and whose a `threadId` is, also after the thread's end. */
import { beforeEach, expect, test } from 'vitest';
import { type RecentThread, RecentThreads } from '../../../../agent/agent-thread/model/recent-threads.ts';

let living: Map<number, RecentThread>;
let threads: RecentThreads;

function thread(
  name: string,
  slot: number,
  generation: number,
  threadId: number,
  claimedNs = generation,
): RecentThread {
  return { claim: { slot, generation }, entry: { name, info: { threadId } }, osThreadId: 1000 + threadId, claimedNs };
}

function open(one: RecentThread): RecentThread {
  living.set(one.claim.slot, one);
  return one;
}

function end(one: RecentThread): void {
  living.delete(one.claim.slot);
  threads.end(one);
}

beforeEach(() => {
  living = new Map();
  threads = new RecentThreads(() => ({
    get: (slot) => living.get(slot),
    [Symbol.iterator]: () => living.values(),
  }));
});

test('a thread that lives is known by its slot, its generation and its id', () => {
  const worker = open(thread('worker-1', 3, 7, 12));
  expect(threads.ofClaim({ slot: 3, generation: 7 })).toBe(worker);
  expect(threads.ofSlotAt(3, 100)).toBe(worker);
  expect(threads.ofThreadId(12)).toBe(worker);
  expect(threads.ofClaim({ slot: 3, generation: 8 })).toBeUndefined();
  expect(threads.ofSlotAt(3, 6)).toBeUndefined();
  expect(threads.ofThreadId(13)).toBeUndefined();
});

test('one that has ended still is, also when another has its slot', () => {
  const first = open(thread('worker-1', 3, 7, 12, 10));
  end(first);
  const second = open(thread('worker-2', 3, 8, 13, 20));
  expect(threads.ofClaim({ slot: 3, generation: 7 })).toBe(first);
  expect(threads.ofClaim({ slot: 3, generation: 8 })).toBe(second);
  expect(threads.ofSlotAt(3, 15)).toBe(first);
  expect(threads.ofSlotAt(3, 20)).toBe(second);
  expect(threads.ofThreadId(12)).toBe(first);
});

test('of all that ended it remembers no more than its bounds, the last ones', () => {
  for (let id = 1; id <= 3000; id++) end(open(thread('worker-1', 3, id, id)));
  expect(threads.ofThreadId(3000)?.claim.generation).toBe(3000);
  expect(threads.ofThreadId(1)).toBeUndefined();
  expect(threads.ofClaim({ slot: 3, generation: 2997 })).toBeDefined();
  expect(threads.ofClaim({ slot: 3, generation: 2996 })).toBeUndefined();
});
