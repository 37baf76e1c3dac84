/** Queues without the agent: what is told of them, to whom. */
import { afterEach, describe, expect, it } from 'vitest';
import { type OverItem, type QueueCounts, standaloneQueues } from '../../../../agent/app-thread/queues/standalone.ts';
import { TrackedQueue } from '../../../../agent/app-thread/queues/tracked-queue.ts';
import { ids } from '../fake-api.ts';
import { activate } from './tracked.ts';

class Sink {
  isOn = true;
  thresholdNs = 1e12;
  readonly waits: [QueueCounts, number][] = [];
  readonly services: [QueueCounts, number][] = [];
  readonly over: OverItem[] = [];

  waited(queue: QueueCounts, durationNs: number): void {
    this.waits.push([queue, durationNs]);
  }

  served(queue: QueueCounts, durationNs: number): void {
    this.services.push([queue, durationNs]);
  }

  ended(item: OverItem): void {
    this.over.push(item);
  }
}

function make(sink: Sink): NonNullable<ReturnType<typeof standaloneQueues>> {
  return standaloneQueues(sink) ?? expect.unreachable('no memory');
}

afterEach(() => activate(undefined));

describe('counts', () => {
  it('are those of all queues of one name, as they are now', () => {
    const sink = new Sink();
    const { tracker, counts } = make(sink);
    const [one, other] = [1, 2].map(() => new TrackedQueue(tracker, { name: 'lib@a.js', kind: 'pool' }));
    one?.setThreads(2, 4);
    one?.setCapacity(10);
    other?.setThreads(1, 1);
    const items = [one?.arrives(), one?.arrives(), other?.arrives()];
    expect(counts).toEqual([
      {
        name: 'lib@a.js',
        kind: 'pool',
        arrivals: 3,
        completions: 0,
        rejections: 0,
        aborts: 0,
        size: 3,
        capacity: 10,
        active: 0,
        threads: 3,
        limit: 5,
        oldestSinceNs: items[0]?.submittedNs,
      },
    ]);
    const [first, second, third] = items;
    if (first === undefined || second === undefined || third === undefined) expect.unreachable();
    one?.begins(first);
    one?.gaveUp(second);
    other?.begins(third);
    expect(counts[0]).toMatchObject({ size: 0, active: 2, aborts: 1, oldestSinceNs: 0 });
    one?.ends(first, 'done');
    other?.ends(third, 'failed');
    one?.refused();
    expect(counts[0]).toMatchObject({ active: 0, completions: 2, rejections: 1 });
    expect(sink.waits.map(([queue]) => queue)).toEqual([counts[0], counts[0]]);
    expect(sink.services.map(([queue]) => queue)).toEqual([counts[0], counts[0]]);
    for (const [, durationNs] of [...sink.waits, ...sink.services]) expect(durationNs).toBeGreaterThanOrEqual(0);
  });

  it('of two sinks stand apart', () => {
    const [one, other] = [make(new Sink()), make(new Sink())];
    new TrackedQueue(one.tracker, { name: 'q', kind: 'task_queue' }).arrives();
    expect(one.counts).toHaveLength(1);
    expect(other.counts).toHaveLength(0);
  });
});

describe('items that are over', () => {
  it('are told past the threshold, which may change', () => {
    const sink = new Sink();
    const queue = new TrackedQueue(make(sink).tracker, { name: 'lib@a.js', kind: 'task_queue' });
    const serve = (): void => {
      const item = queue.arrives('b.js:7');
      queue.begins(item);
      queue.ends(item, 'done');
    };
    serve();
    expect(sink.over).toEqual([]);
    sink.thresholdNs = 0;
    serve();
    expect(sink.over).toMatchObject([{ name: 'lib@a.js', kind: 'task_queue', outcome: 'done', site: 'b.js:7' }]);
  });

  it('are told of pools in a sampled trace, however long they waited', () => {
    const sink = new Sink();
    const queue = new TrackedQueue(make(sink).tracker, { name: 'lib', kind: 'pool' });
    const serve = (traceFlags: number): void => {
      activate(ids(traceFlags));
      const item = queue.starts();
      queue.ends(item, 'failed');
    };
    serve(0);
    expect(sink.over).toEqual([]);
    serve(1);
    expect(sink.over).toMatchObject([{ outcome: 'failed', waitNs: 0, site: '', context: { traceFlags: 1 } }]);
  });
});

it('is off when its sink is', () => {
  const sink = new Sink();
  const { tracker } = make(sink);
  expect(tracker.isOff('queues')).toBe(false);
  sink.isOn = false;
  expect([tracker.isOff('queues'), tracker.isOff('pools')]).toEqual([true, true]);
});
