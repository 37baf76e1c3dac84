/** The spool: bounded by size over all its queues, oldest out first, every loss reported. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Batch, Spool } from '../../../../agent/agent-thread/telemetry/spool.ts';

function batch(sizeBytes: number, more: Partial<Batch> = {}): Batch {
  return { body: new Uint8Array(sizeBytes), records: 1, isReplaceable: false, isInFlight: false, ...more };
}

function setUp(maxBytes: number) {
  const dropped: Batch[] = [];
  const spool = new Spool((_queue, lost) => dropped.push(lost), maxBytes);
  return { spool, dropped };
}

describe('the spool', () => {
  test('keeps the order of each queue', () => {
    const { spool } = setUp(100);
    const queue = spool.openQueue();
    const [one, two] = [batch(1), batch(2)];
    queue.add(one);
    queue.add(two);
    expect(queue.first).toBe(one);
    queue.remove(one);
    expect(queue.first).toBe(two);
    expect(spool.sizeBytes).toBe(2);
    queue.clear();
    expect(spool.sizeBytes).toBe(0);
  });

  test('drops the oldest of all queues first, and says so', () => {
    const { spool, dropped } = setUp(100);
    const [traces, logs] = [spool.openQueue(), spool.openQueue()];
    const [oldest, older, newest] = [batch(40), batch(40), batch(60)];
    logs.add(oldest);
    traces.add(older);
    traces.add(newest);
    expect(dropped).toEqual([oldest]);
    expect(logs.first).toBeUndefined();
    expect(traces.first).toBe(older);
  });

  test('never drops what is on its way', () => {
    const { spool, dropped } = setUp(100);
    const queue = spool.openQueue();
    const sending = batch(60);
    queue.add(sending);
    sending.isInFlight = true;
    queue.add(batch(30));
    queue.add(batch(30));
    expect(queue.first).toBe(sending);
    expect(dropped).toHaveLength(1);
  });

  test('does not take what is larger than itself', () => {
    const { spool, dropped } = setUp(100);
    const queue = spool.openQueue();
    queue.add(batch(101));
    expect(queue.first).toBeUndefined();
    expect(dropped).toHaveLength(1);
  });

  test('cumulative metrics take the place of older ones, and losing them is no loss', () => {
    const { spool, dropped } = setUp(100);
    const queue = spool.openQueue();
    const latest = batch(70, { isReplaceable: true });
    queue.add(batch(50, { isReplaceable: true }));
    queue.add(latest);
    expect(queue.first).toBe(latest);
    spool.openQueue().add(batch(90));
    expect(queue.first).toBeUndefined();
    expect(dropped).toEqual([]);
  });
});

test('its size is that of what it holds, and never beyond the limit', () => {
  const step = fc.record({
    queue: fc.nat({ max: 2 }),
    act: fc.constantFrom('add', 'add', 'remove'),
    sizeBytes: fc.integer({ min: 1, max: 120 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { spool, dropped } = setUp(300);
      const queues = [spool.openQueue(), spool.openQueue(), spool.openQueue()];
      let added = 0;
      let removed = 0;
      for (const { queue: index, act, sizeBytes } of steps) {
        const queue = queues[index];
        const { first } = queue ?? {};
        if (act === 'add') {
          queue?.add(batch(sizeBytes));
          added++;
        } else if (first !== undefined) {
          queue?.remove(first);
          removed++;
        }
        expect(spool.sizeBytes).toBeLessThanOrEqual(300);
      }
      let left = 0;
      let leftBytes = 0;
      const sizeBytes = spool.sizeBytes;
      for (const queue of queues) {
        for (let { first } = queue; first !== undefined; { first } = queue) {
          left++;
          leftBytes += first.body.length;
          queue.remove(first);
        }
      }
      expect(sizeBytes).toBe(leftBytes);
      expect(spool.sizeBytes).toBe(0);
      expect(left + removed + dropped.length).toBe(added);
    }),
  );
});
