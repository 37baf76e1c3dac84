/**
 * The series limits, held against a plain model: whatever names come, go and become busy, readers see what was counted, counters never go back, and
 * no family outgrows its share. The metrics are the agent's threads and a family of locks as TELEMETRY.md describes them.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ATTRIBUTES, METRICS, type MetricCatalog } from '../../../../agent/agent-thread/telemetry/catalog.ts';
import { MetricView } from '../../../../agent/agent-thread/telemetry/metric-view.ts';
import { MetricRegistry, type MetricSink } from '../../../../agent/agent-thread/telemetry/metrics.ts';
import { HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';
import { FakeClock } from './fake-clock.ts';

const OF_A_LOCK = {
  attributes: ['gridwatch.lock.name', 'gridwatch.lock.mode'],
  family: 'locks',
  brief: 'A test.',
} as const;
const CATALOG: MetricCatalog = {
  metrics: {
    ...METRICS,
    'lock.acquisitions': { instrument: 'counter', unit: '{acquisition}', isInteger: true, ...OF_A_LOCK },
    'lock.contentions': { instrument: 'counter', unit: '{contention}', isInteger: true, ...OF_A_LOCK },
    'lock.waiter.count': { instrument: 'updowncounter', unit: '{waiter}', isInteger: true, ...OF_A_LOCK },
    'lock.oldest_waiter.age': { instrument: 'gauge', unit: 's', ...OF_A_LOCK },
    'gridwatch.lock.wait.duration': {
      instrument: 'histogram',
      unit: 's',
      buckets: 'waits',
      divisor: 1e9,
      ...OF_A_LOCK,
    },
  },
  attributes: {
    ...ATTRIBUTES,
    'gridwatch.lock.name': { type: 'string', brief: 'The class.' },
    'gridwatch.lock.mode': { type: 'string', values: ['exclusive', 'shared'], brief: 'The mode.' },
  },
};

/** The catalog's types know nothing of the test's metrics. */
interface AnySink {
  sum(name: string, attributes: object, value: number): void;
  gauge(name: string, attributes: object, value: number): void;
  histogram(name: string, attributes: object, snapshot: HistogramTotal): void;
}

interface Point {
  readonly key: string;
  readonly name: string;
  readonly start: number;
  readonly value: number;
}

function mustHold(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`it does not hold that ${what}`);
}

class Reader {
  readonly #view: MetricView;
  readonly #isDelta: boolean;
  #seen = new Map<string, Point>();
  /** What it would say was counted, by metric. */
  readonly counted = new Map<string, number>();

  constructor(registry: MetricRegistry, isDelta: boolean) {
    const preferences = { hasDeltaCounters: isDelta, hasDeltaHistograms: isDelta, maxExponentialBuckets: undefined };
    this.#view = new MetricView(registry, preferences);
    this.#isDelta = isDelta;
  }

  /** Collects, and checks what no reader may ever see. Returns the points of a metric. */
  collect(): (metric: string) => readonly Point[] {
    const all = this.#view.collect();
    const seen = new Map(this.#seen);
    const byMetric = new Map<string, Point[]>();
    for (const { descriptor, dataPoints } of all) {
      const points = dataPoints.map(({ attributes, value, startTime, endTime }): Point => {
        const start = startTime[0] * 1e9 + startTime[1];
        mustHold(start < endTime[0] * 1e9 + endTime[1], 'a point lasts for some time');
        return {
          key: `${descriptor.name} ${JSON.stringify(attributes)}`,
          name: (attributes['gridwatch.lock.name'] ?? attributes['thread.name'] ?? '') as string,
          start,
          value: typeof value === 'number' ? value : (value as { count: number }).count,
        };
      });
      mustHold(new Set(points.map(({ key }) => key)).size === points.length, 'a series is told of once');
      byMetric.set(descriptor.name, points);
      if (!isCount(descriptor.name)) continue;
      for (const point of points) this.#count(descriptor.name, point, seen);
    }
    this.#seen = seen;
    return (metric) => byMetric.get(metric) ?? [];
  }

  #count(metric: string, point: Point, seen: Map<string, Point>): void {
    const before = seen.get(point.key);
    const runsOn = !this.#isDelta && before?.start === point.start;
    const increment = runsOn ? point.value - before.value : point.value;
    mustHold(increment >= 0, `${point.key} does not go back`);
    const isBackInTime = before !== undefined && point.start < before.start;
    mustHold(!isBackInTime, `${point.key} does not begin before it began`);
    const hasRestarted = before !== undefined && point.start !== before.start;
    mustHold(this.#isDelta || point.name !== '_OTHER' || !hasRestarted, `${point.key} never begins anew`);
    this.counted.set(metric, (this.counted.get(metric) ?? 0) + increment);
    seen.set(point.key, point);
  }
}

const isCount = (metric: string): boolean => /^(?:lock\.\w+ions|gridwatch\.lock\.wait\.duration)$/.test(metric);

/** A lock as the agent would know it. */
class Lock {
  acquisitions = 0;
  readonly waits = new HistogramTotal('waits');
  waiters = 0;

  write(sink: AnySink, name: string): void {
    for (const mode of ['exclusive', 'shared']) {
      const attributes = { 'gridwatch.lock.name': name, 'gridwatch.lock.mode': mode };
      sink.sum('lock.acquisitions', attributes, this.acquisitions);
      sink.sum('lock.contentions', attributes, this.acquisitions / 2);
      sink.sum('lock.waiter.count', attributes, this.waiters);
      sink.gauge('lock.oldest_waiter.age', attributes, this.waiters);
      sink.histogram('gridwatch.lock.wait.duration', attributes, this.waits);
    }
  }
}

function setUp(write: (sink: AnySink) => void, maxSeries = 3000) {
  const clock = new FakeClock();
  let dropped = 0;
  const registry = new MetricRegistry({
    clock,
    maxSeries,
    catalog: CATALOG,
    onLimit: () => {},
    onDrop: () => dropped++,
    onSourceError: (error) => {
      throw error;
    },
  });
  registry.addSource({ collect: (sink: MetricSink) => write(sink) });
  return { clock, registry, dropped: () => dropped };
}

describe('whatever names come, go and become busy', () => {
  const anyRound = fc.record({
    /** How much each of the locks is used, and whether it is there at all. */
    uses: fc.array(fc.option(fc.nat({ max: 100 }), { nil: undefined, freq: 4 }), { minLength: 40, maxLength: 40 }),
    shift: fc.nat({ max: 40 }),
    /** All rounds together last less than the ten minutes after which a lock that was away counts as new. */
    seconds: fc.integer({ min: 5, max: 20 }),
    isSeenBySlow: fc.boolean(),
  });

  test('readers see all that was counted, once, and the limit holds', () => {
    fc.assert(
      fc.property(fc.array(anyRound, { minLength: 2, maxLength: 24 }), (rounds) => {
        const locks = Array.from({ length: 80 }, () => new Lock());
        let present: number[] = [];
        const { clock, registry, dropped } = setUp((sink) => {
          for (const i of present) (locks[i] as Lock).write(sink, `lock-${i}`);
        }, 1500);
        const readers = [new Reader(registry, false), new Reader(registry, true)];
        const slow = new Reader(registry, false);
        const slowDelta = new Reader(registry, true);
        for (const { uses, shift, seconds, isSeenBySlow } of rounds) {
          present = uses.flatMap((use, i) => (use === undefined ? [] : [i + shift]));
          for (const [i, use] of uses.entries()) {
            const lock = locks[i + shift] as Lock;
            lock.waiters = use ?? 0;
            for (let n = 0; n < (use ?? 0); n++) {
              lock.acquisitions++;
              lock.waits.record(n * 1e5);
            }
          }
          clock.passS(seconds);
          for (const reader of [...readers, ...(isSeenBySlow ? [slow, slowDelta] : [])]) {
            const points = reader.collect();
            const waiters = points('lock.waiter.count').map(({ value }) => value);
            const used = present.map((i) => (locks[i] as Lock).waiters);
            expect(waiters.reduce((a, b) => a + b, 0)).toBe(2 * used.reduce((a, b) => a + b, 0));
            const ages = points('lock.oldest_waiter.age').map(({ value }) => value);
            expect(Math.max(0, ...ages)).toBe(Math.max(0, ...used));
            expect(registry.seriesCount).toBeLessThanOrEqual(1500);
            clock.passS(1);
          }
        }
        const total = (metric: string): number =>
          2 *
          locks.reduce(
            (sum, { acquisitions }) => sum + (metric === 'lock.contentions' ? acquisitions / 2 : acquisitions),
            0,
          );
        present = locks.map((_, i) => i);
        clock.passS(1);
        for (const reader of [...readers, slow, slowDelta]) {
          reader.collect();
          clock.passS(1);
          for (const metric of ['lock.acquisitions', 'gridwatch.lock.wait.duration'])
            expect([metric, reader.counted.get(metric) ?? 0]).toEqual([metric, total(metric)]);
        }
        expect(dropped()).toBe(0);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});

test('a name that joins the others and comes back between two looks of a slow reader is one series to it', () => {
  const locks = Array.from({ length: 14 }, () => new Lock());
  const { clock, registry } = setUp((sink) => {
    for (const [i, lock] of locks.entries()) lock.write(sink, `lock-${i}`);
  }, 1500);
  const [fast, slow] = [new Reader(registry, false), new Reader(registry, false)];
  const use = (busy: readonly number[]): string[] => {
    for (const i of busy) {
      (locks[i] as Lock).acquisitions += 10;
      (locks[i] as Lock).waits.record(1e9);
    }
    clock.passS(61);
    return fast
      .collect()('lock.acquisitions')
      .map(({ name }) => name);
  };
  const early = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  expect(use(early)).toContain('lock-0');
  slow.collect();
  use(early);
  const late = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
  use(late);
  use(late);
  use(late);
  expect(use(late)).not.toContain('lock-0');
  for (let round = 0; round < 4; round++) use(early);
  expect(use(early)).toContain('lock-0');
  clock.passS(1);
  slow.collect();
  const total = 2 * locks.reduce((sum, { acquisitions }) => sum + acquisitions, 0);
  expect(slow.counted.get('lock.acquisitions')).toBe(total);
  expect(fast.counted.get('lock.acquisitions')).toBe(total);
});

describe('a thousand locks and ten thousand workers', () => {
  const locks = Array.from({ length: 1000 }, () => new Lock());

  test('are 3 000 series at most, at any time, and the busiest have their own', () => {
    let firstWorker = 0;
    const { clock, registry, dropped } = setUp((sink) => {
      for (const [i, lock] of locks.entries()) {
        lock.acquisitions += i;
        lock.waits.record(i * 1e6);
        lock.write(sink, `lock-${i}`);
      }
      for (let i = firstWorker; i < firstWorker + 500; i++) {
        // Each generation is busier than the one before.
        for (const mode of ['user', 'system'])
          sink.sum(
            'gridwatch.thread.cpu.time',
            { 'thread.name': `job-${i}`, 'cpu.mode': mode },
            2 ** Math.floor(i / 250) * 1e9,
          );
        for (const state of ['running', 'idle'])
          sink.sum(
            'gridwatch.thread.state.time',
            { 'thread.name': `job-${i}`, 'gridwatch.thread.role': 'worker', 'gridwatch.thread.state': state },
            1e9,
          );
      }
    });
    const reader = new Reader(registry, false);
    const named = new Set<string>();
    let points: ReturnType<Reader['collect']> = () => [];
    for (firstWorker = 0; firstWorker < 10_000; firstWorker += 250) {
      clock.passS(15);
      points = reader.collect();
      expect(registry.seriesCount).toBeLessThanOrEqual(3000);
      for (const { name } of points('gridwatch.thread.cpu.time')) named.add(name);
      expect(new Set(points('gridwatch.thread.cpu.time').map(({ name }) => name)).size).toBeLessThanOrEqual(
        32 + 1 + 32,
      );
    }
    expect(dropped()).toBe(0);
    // Names that come one after the other are not all given series of their own in turn: the first 32, as many that may displace them and one a minute,
    // those that follow on names forgotten after ten minutes, and `_OTHER`.
    expect(named.size).toBeLessThanOrEqual(32 + 32 + 10 + 32 + 1);
    const own = points('lock.acquisitions').map(({ name }) => name);
    expect(own).toEqual(expect.arrayContaining(['lock-999', 'lock-990', '_OTHER']));
    expect(own).not.toContain('lock-0');
  });
});
