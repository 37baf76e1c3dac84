/** What patches tell of items, held against a plain model: whatever comes, and however often, the cell says what is so and each item is told of once. */
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { QueueItem, TrackedQueue } from '../../../../agent/app-thread/queues/tracked-queue.ts';
import { featureBits } from '../../../../agent/config/feature-bits.ts';
import { HEADER } from '../../../../agent/shared-memory/layout.ts';
import { lookUpName } from '../../../../agent/shared-memory/names.ts';
import { QUEUE_CELL } from '../../../../agent/shared-memory/queue-cells.ts';
import { ids, unregister } from '../fake-api.ts';
import { Model } from './queue-model.ts';
import { activate, MS, Tracked } from './tracked.ts';

let tracked: Tracked;

beforeEach(() => {
  tracked = new Tracked();
});

afterEach(unregister);

type Command =
  | {
      readonly do: 'arrives' | 'starts' | 'refused' | 'turnedAway' | 'cleared' | 'close';
      readonly queue: number;
    }
  | { readonly do: 'begins'; readonly item: number }
  | { readonly do: 'gaveUp'; readonly item: number }
  | { readonly do: 'ends'; readonly item: number; readonly outcome: 'done' | 'failed' | 'aborted' }
  | {
      readonly do: 'limits';
      readonly queue: number;
      readonly threads: number;
      readonly limit: number;
      readonly capacity: number;
    }
  | { readonly do: 'pass'; readonly ms: number };

const queue = fc.nat(1);
const item = fc.nat(30);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('arrives', 'starts', 'refused', 'turnedAway', 'cleared', 'close'),
      queue,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('begins', 'gaveUp'), item }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('ends'), item, outcome: fc.constantFrom('done', 'failed', 'aborted') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('limits'),
      queue,
      threads: fc.nat(9),
      limit: fc.nat(9),
      capacity: fc.nat(9),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.integer({ min: 1, max: 30 }) }) },
) as fc.Arbitrary<Command>;

function obey(one: Command, model: Model, queues: readonly TrackedQueue[], items: [QueueItem, TrackedQueue][]): void {
  switch (one.do) {
    case 'arrives': {
      const to = queues[one.queue] as TrackedQueue;
      items.push([to.arrives(), to]);
      model.items.push({ state: 'waiting', atNs: tracked.nowNs, beganNs: 0 });
      model.counts.arrivals++;
      return;
    }
    case 'starts': {
      const to = queues[one.queue] as TrackedQueue;
      items.push([to.starts(), to]);
      model.items.push({ state: 'serving', atNs: tracked.nowNs, beganNs: tracked.nowNs });
      model.counts.arrivals++;
      model.waits = { ...model.waits, count: model.waits.count + 1 };
      return;
    }
    case 'turnedAway': {
      const to = queues[one.queue] as TrackedQueue;
      to.turnedAway(to.stands());
      model.counts.rejections++;
      return;
    }
    case 'cleared':
      queues[one.queue]?.cleared();
      for (const [at, [, of]] of items.entries()) {
        const known = model.items[at];
        if (of !== queues[one.queue] || known?.state !== 'waiting') continue;
        model.counts.aborts++;
        model.leave(known, tracked.nowNs - known.atNs);
      }
      return;
    case 'refused':
      queues[one.queue]?.refused();
      model.counts.rejections++;
      return;
    case 'close':
      queues[one.queue]?.close();
      model.limits[one.queue] = { threads: 0, limit: 0, capacity: 0 };
      return;
    case 'limits':
      queues[one.queue]?.setThreads(one.threads, one.limit);
      queues[one.queue]?.setCapacity(one.capacity);
      model.limits[one.queue] = one;
      return;
    case 'pass':
      model.busyNs += model.active * one.ms * MS;
      tracked.nowNs += one.ms * MS;
      return;
    default:
      ofItem(one, model, items);
  }
}

function ofItem(one: Extract<Command, { item: number }>, model: Model, items: [QueueItem, TrackedQueue][]): void {
  const [told, of] = items[one.item] ?? [];
  const known = model.items[one.item];
  if (told === undefined || of === undefined || known === undefined) return;
  const waitedNs = (known.state === 'waiting' ? tracked.nowNs : known.beganNs) - known.atNs;
  if (one.do === 'begins') {
    of.begins(told);
    if (known.state !== 'waiting') return;
    Object.assign(known, { state: 'serving', beganNs: tracked.nowNs });
    model.waits = { count: model.waits.count + 1, sumNs: model.waits.sumNs + waitedNs };
    return;
  }
  if (one.do === 'gaveUp') of.gaveUp(told);
  else of.ends(told, one.outcome);
  if (known.state === 'over' || (one.do === 'gaveUp' && known.state === 'serving')) return;
  if (known.state === 'waiting' || (one.do === 'ends' && one.outcome === 'aborted')) model.counts.aborts++;
  else {
    model.counts.completions++;
    if (one.do === 'ends' && one.outcome === 'failed') model.counts.errors++;
  }
  if (known.state === 'serving')
    model.services = {
      count: model.services.count + 1,
      sumNs: model.services.sumNs + tracked.nowNs - known.beganNs,
    };
  model.leave(known, waitedNs);
}

function compare(model: Model): void {
  const { counts, limits, waiting } = model;
  const sum = (of: 'threads' | 'limit' | 'capacity'): number => limits.reduce((all, one) => all + one[of], 0);
  expect({
    arrivals: tracked.word(QUEUE_CELL.ARRIVALS),
    completions: tracked.word(QUEUE_CELL.COMPLETIONS),
    rejections: tracked.word(QUEUE_CELL.REJECTIONS),
    aborts: tracked.word(QUEUE_CELL.ABORTS),
    errors: tracked.word(QUEUE_CELL.ERRORS),
    size: tracked.word(QUEUE_CELL.SIZE),
    oldest: tracked.double(QUEUE_CELL.OLDEST_SINCE_NS),
    active: tracked.word(QUEUE_CELL.ACTIVE),
    threads: tracked.word(QUEUE_CELL.THREADS),
    limit: tracked.word(QUEUE_CELL.LIMIT),
    capacity: tracked.word(QUEUE_CELL.CAPACITY),
    waits: tracked.histogram(QUEUE_CELL.WAITS),
    services: tracked.histogram(QUEUE_CELL.SERVICES),
    records: tracked.told.length,
  }).toEqual({
    ...counts,
    size: waiting.length,
    oldest: waiting[0] ?? 0,
    active: model.active,
    threads: sum('threads'),
    limit: sum('limit'),
    capacity: sum('capacity'),
    waits: model.waits,
    services: model.services,
    records: model.records,
  });
  const untilNs = tracked.double(QUEUE_CELL.BUSY_UNTIL_NS);
  const busyNs = tracked.double(QUEUE_CELL.BUSY_NS) + model.active * (tracked.nowNs - untilNs);
  expect(busyNs).toBe(model.busyNs);
}

test('two queues of one name, whatever is told of their items', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      tracked = new Tracked();
      const queues = [tracked.queue('jobs', 'task_queue'), tracked.queue('jobs', 'task_queue')];
      const model = new Model();
      const items: [QueueItem, TrackedQueue][] = [];
      for (const one of commands) {
        obey(one, model, queues, items);
        compare(model);
      }
    }),
    { numRuns: 300 },
  );
});

describe('a cell', () => {
  test('is one a name and kind, however many queues bear them', () => {
    for (let i = 0; i < 3; i++) {
      tracked.queue('jobs', 'task_queue');
      tracked.queue('jobs', 'pool');
      tracked.queue('others', 'pool');
    }
    expect(tracked.cells().map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'jobs task_queue',
      'jobs pool',
      'others pool',
    ]);
  });

  test('that is not to be had leaves the queue uncounted, and nothing throws', () => {
    for (let cell = 0; cell < 4096; cell++) tracked.memory.i32[tracked.memory.queueCellAt(cell) >> 2] = 1;
    const jobs = tracked.queue('jobs', 'pool');
    const one = jobs.arrives();
    jobs.setThreads(1, 2);
    jobs.begins(one);
    tracked.nowNs += 100 * MS;
    jobs.ends(one, 'done');
    jobs.gaveUp(jobs.arrives());
    jobs.refused();
    jobs.close();
    expect(tracked.told).toEqual([]);
    expect(tracked.memory.i32[HEADER.QUEUES_DROPPED >> 2]).toBe(1);
  });
});

describe('a task of a pool', () => {
  test('in a sampled trace has a span of its own, which its work is part of, and is told of however short it was', () => {
    const span = ids();
    activate(span);
    const jobs = tracked.queue('piscina@work.js', 'pool');
    const one = jobs.arrives('app.js:7');
    expect(one.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(jobs.contextOf(one)).toEqual({ ...span, spanId: one.spanId });
    tracked.nowNs += 2;
    jobs.begins(one, 12);
    tracked.nowNs += 5;
    jobs.ends(one, 'failed');
    expect(tracked.told).toEqual([
      {
        nameNumber: expect.any(Number),
        kind: 'pool',
        outcome: 'failed',
        workerThreadId: 12,
        siteNumber: expect.any(Number),
        submittedNs: one.submittedNs,
        waitNs: 2,
        serviceNs: 5,
        context: span,
        spanId: one.spanId,
        isAlone: true,
      },
    ]);
    expect(lookUpName(tracked.memory, tracked.told[0]?.nameNumber ?? 0)).toBe('piscina@work.js');
    expect(lookUpName(tracked.memory, tracked.told[0]?.siteNumber ?? 0)).toBe('app.js:7');
  });

  test('in one that is not sampled has none, and its work is part of what submitted it', () => {
    const span = ids(0);
    activate(span);
    const jobs = tracked.queue('piscina@work.js', 'pool');
    const one = jobs.arrives();
    expect(one.spanId).toBeUndefined();
    expect(jobs.contextOf(one)).toEqual(span);
    jobs.begins(one);
    jobs.ends(one, 'done');
    expect(tracked.told).toEqual([]);
  });

  test('beyond fifty of one span has none, and is told of if it waited long', () => {
    activate(ids());
    const jobs = tracked.queue('piscina@work.js', 'pool');
    const items = Array.from({ length: 52 }, () => jobs.arrives());
    expect(items.filter(({ spanId }) => spanId !== undefined)).toHaveLength(50);
    tracked.nowNs += 30 * MS;
    for (const one of items) jobs.gaveUp(one);
    expect(tracked.told).toHaveLength(52);
    expect(tracked.told.at(-1)).toMatchObject({ outcome: 'aborted', waitNs: 30 * MS, serviceNs: 0, spanId: undefined });
  });
});

test('an item of another queue has no span of its own, also in a sampled trace', () => {
  activate(ids());
  const jobs = tracked.queue('fastq@app.js:1', 'task_queue');
  const one = jobs.arrives();
  expect(one.spanId).toBeUndefined();
  jobs.begins(one);
  jobs.ends(one, 'done');
  expect(tracked.told).toEqual([]);
});

test('features are looked at one by one', () => {
  tracked.off = featureBits(['pools']);
  expect([tracked.tracker.isOff('pools'), tracked.tracker.isOff('queues')]).toEqual([true, false]);
  tracked.off = featureBits(['queues', 'locks']);
  expect([tracked.tracker.isOff('pools'), tracked.tracker.isOff('queues')]).toEqual([false, true]);
});
