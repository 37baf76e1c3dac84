/** Items that were submitted by the work on items of the same queue: what is told of them is what a starved pool is known by. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setLockLink } from '../../../../agent/app-thread/lock-link.ts';
import { setMessageLink } from '../../../../agent/app-thread/message-link.ts';
import { TrackedQueue } from '../../../../agent/app-thread/queues/tracked-queue.ts';
import { queueTracker } from '../../../../agent/app-thread/queues/trackers.ts';
import { QUEUE_CELL, scanQueueCells } from '../../../../agent/shared-memory/queue-cells.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';

let tracking: LockTracking;
let queue: TrackedQueue;

beforeEach(() => {
  tracking = new LockTracking();
  const { recorder, observer } = tracking;
  setLockLink(new SharedArrayBuffer(8), {
    recorder,
    config: observer.config,
    tell: () => {},
    beforeWait: () => {},
    atomics: Atomics,
    blockListeners: [],
  });
  queue = make();
});

afterEach(() => {
  setLockLink(new SharedArrayBuffer(8), undefined);
  setMessageLink(undefined);
});

function make(): TrackedQueue {
  const tracker = queueTracker();
  if (tracker === undefined) throw new Error('there is no agent here');
  return new TrackedQueue(tracker, { name: 'queue', kind: 'pool' });
}

function selfWaiting(): number {
  let found = Number.NaN;
  scanQueueCells(tracking.memory, (at) => {
    found = tracking.memory.i32[(at + QUEUE_CELL.SELF_WAITING) >> 2] as number;
  });
  return found;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('work on this thread', () => {
  it('that submits to its own queue counts while something of that waits, however late it was submitted', async () => {
    const outer = queue.arrives();
    queue.begins(outer);
    expect(selfWaiting()).toBe(0);
    const inner = await queue.run(outer, async () => {
      await turn();
      return [queue.arrives(), queue.arrives()] as const;
    });
    expect(selfWaiting()).toBe(1);
    queue.begins(inner[0]);
    expect(selfWaiting()).toBe(1);
    queue.gaveUp(inner[1]);
    expect(selfWaiting()).toBe(0);
  });

  it('that ends counts no longer, whatever of it waits', () => {
    const outer = queue.arrives();
    queue.begins(outer);
    const inner = queue.run(outer, () => queue.arrives());
    queue.ends(outer, 'done');
    expect(selfWaiting()).toBe(0);
    queue.begins(inner);
    queue.ends(inner, 'done');
    expect(selfWaiting()).toBe(0);
  });

  it('does not count for another queue of the same name, nor for work outside of it', () => {
    const outer = queue.arrives();
    queue.begins(outer);
    queue.run(outer, () => make().arrives());
    queue.arrives();
    expect(selfWaiting()).toBe(0);
  });
});

describe('work on a worker', () => {
  it('counts when the message of that worker is served, and of no other', () => {
    let serving = -1;
    setMessageLink({
      postAs: (_, fn) => fn(),
      runWith: (_, fn) => fn(),
      runTask: (_, fn) => fn(),
      received: () => undefined,
      servingThreadId: () => serving,
    });
    const [first, second] = [queue.arrives(), queue.arrives()];
    queue.begins(first, 5);
    queue.begins(second, 6);
    serving = 7;
    queue.arrives();
    expect(selfWaiting()).toBe(0);
    serving = 5;
    queue.arrives();
    expect(selfWaiting()).toBe(1);
    serving = 6;
    const last = queue.arrives();
    expect(selfWaiting()).toBe(2);
    queue.begins(last, 8);
    expect(selfWaiting()).toBe(1);
    queue.ends(first, 'done');
    expect(selfWaiting()).toBe(0);
    serving = 5;
    queue.arrives();
    expect(selfWaiting()).toBe(0);
  });
});
