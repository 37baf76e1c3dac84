/** A thread that is stopped has the mark, and only that one. */
import { beforeEach, expect, test } from 'vitest';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import {
  attachSlot,
  claimSlot,
  markTerminated,
  readSlot,
  releaseSlot,
  type SlotClaim,
} from '../../../agent/shared-memory/registry.ts';

let memory: ControlMemory;
beforeEach(() => {
  memory = ControlMemory.create(0);
});

function claim(): SlotClaim {
  const identity = { parentThreadId: 0, name: '', file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
  return claimSlot(memory, identity) as SlotClaim;
}

test('the thread that is stopped is found by its id', () => {
  for (const threadId of [0, 2, 3]) attachSlot(memory, claim(), threadId, 1000 + threadId);
  markTerminated(memory, 3);
  expect([0, 1, 2].map((slot) => readSlot(memory, slot)?.isTerminated)).toEqual([false, false, true]);
});

test.each([-1, 0, 99, Number.NaN])('an id of %d stops nobody', (threadId) => {
  attachSlot(memory, claim(), 0, 1000);
  attachSlot(memory, claim(), 2, 1002);
  claim();
  markTerminated(memory, threadId);
  expect([0, 1, 2].map((slot) => readSlot(memory, slot)?.isTerminated)).toEqual([false, false, false]);
});

test('the next life of a slot begins without it', () => {
  claim();
  const life = claim();
  attachSlot(memory, life, 2, 1002);
  markTerminated(memory, 2);
  releaseSlot(memory, life);
  const next = claim();
  expect(next.slot).toBe(life.slot);
  expect(readSlot(memory, next.slot)?.isTerminated).toBe(false);
});
