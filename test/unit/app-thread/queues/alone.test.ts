/** Which tasks had their worker for themselves: of the others nobody can say what they have used. */
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { QueueItem } from '../../../../agent/app-thread/queues/tracked-queue.ts';
import { ids, unregister } from '../fake-api.ts';
import { activate, Tracked } from './tracked.ts';

let tracked: Tracked;

beforeEach(() => {
  tracked = new Tracked();
});

afterEach(unregister);

describe('who has a worker for itself', () => {
  test('is told of each task, also beside tasks of other workers', () => {
    activate(ids());
    const jobs = tracked.queue('piscina@work.js', 'pool');
    const [one, two, three] = [jobs.arrives(), jobs.arrives(), jobs.arrives()];
    jobs.begins(one, 1);
    jobs.begins(two, 2);
    jobs.ends(one, 'done');
    jobs.begins(three, 1);
    jobs.ends(three, 'failed');
    jobs.ends(two, 'done');
    expect(tracked.told.map(({ isAlone }) => isAlone)).toEqual([true, true, true]);
  });

  test('is nobody who is served on no worker, or on one that is not known', () => {
    activate(ids());
    const jobs = tracked.queue('piscina@work.js', 'pool');
    const items = [jobs.arrives(), jobs.arrives()];
    for (const item of items) jobs.begins(item);
    for (const item of items) jobs.ends(item, 'done');
    jobs.gaveUp(jobs.arrives());
    expect(tracked.told.map(({ isAlone }) => isAlone)).toEqual([false, false, false]);
  });

  test('is also who is handed a free worker before the last one is told of its end', () => {
    activate(ids());
    const jobs = tracked.queue('piscina@work.js', 'pool');
    const items = [jobs.arrives(), jobs.arrives(), jobs.arrives()] as const;
    jobs.begins(items[0], 1, true);
    for (const at of [0, 1] as const) {
      jobs.begins(items[at + 1] as QueueItem, 1, true);
      jobs.ends(items[at], 'done');
    }
    jobs.ends(items[2], 'done');
    expect(tracked.told.map(({ isAlone }) => isAlone)).toEqual([true, true, true]);
  });

  test('is none of several that a worker had at once, nor who comes before the last of them was told of its end', () => {
    activate(ids());
    const jobs = tracked.queue('piscina@work.js', 'pool');
    const [one, two, three, four] = [jobs.arrives(), jobs.arrives(), jobs.arrives(), jobs.arrives()];
    jobs.begins(one, 1, true);
    jobs.begins(two, 1);
    jobs.ends(two, 'done');
    jobs.begins(three, 1, true);
    jobs.ends(one, 'done');
    jobs.ends(three, 'done');
    jobs.begins(four, 1, true);
    jobs.ends(four, 'done');
    expect(tracked.told.map(({ isAlone }) => isAlone)).toEqual([false, false, false, true]);
  });

  test('in any order, also beside tasks of no trace: exactly who never had a second one beside it', () => {
    const step = fc.record({
      begins: fc.boolean(),
      worker: fc.integer({ min: 1, max: 3 }),
      which: fc.nat(5),
      isSampled: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const run = new Tracked();
        const jobs = run.queue('piscina@work.js', 'pool');
        const running: { item: QueueItem; worker: number; isAlone: boolean }[] = [];
        const expected: boolean[] = [];
        for (const { begins, worker, which, isSampled } of steps) {
          if (begins) {
            activate(isSampled ? ids() : undefined);
            const made = jobs.arrives();
            jobs.begins(made, worker);
            const beside = running.filter((other) => other.worker === worker);
            for (const other of beside) other.isAlone = false;
            running.push({ item: made, worker, isAlone: beside.length === 0 });
          } else {
            const [over] = running.splice(which % Math.max(1, running.length), 1);
            if (over === undefined) continue;
            jobs.ends(over.item, 'done');
            if (over.item.spanId !== undefined) expected.push(over.isAlone);
          }
        }
        expect(run.told.map(({ isAlone }) => isAlone)).toEqual(expected);
      }),
    );
  });
});
