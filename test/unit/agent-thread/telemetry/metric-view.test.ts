/** What readers see: temporality, and the two forms of a histogram. */
import { describe, expect, test } from 'vitest';
import { MetricView, type ViewPreferences, withAtMost } from '../../../../agent/agent-thread/telemetry/metric-view.ts';
import { MetricRegistry } from '../../../../agent/agent-thread/telemetry/metrics.ts';
import { EXPLICIT_BOUNDS_S, HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';
import { FakeClock } from './fake-clock.ts';

const CUMULATIVE: ViewPreferences = {
  hasDeltaCounters: false,
  hasDeltaHistograms: false,
  maxExponentialBuckets: undefined,
};
const DELTA: ViewPreferences = { ...CUMULATIVE, hasDeltaCounters: true, hasDeltaHistograms: true };

function setUp() {
  const clock = new FakeClock();
  const registry = new MetricRegistry({
    clock,
    maxSeries: 3000,
    onLimit: () => {},
    onDrop: () => {},
    onSourceError: (error) => {
      throw error;
    },
  });
  const startup = new HistogramTotal('waits');
  const state = { cpuNs: 0, memoryBytes: 0 };
  registry.addSource({
    collect(sink) {
      sink.sum('process.cpu.time', { 'cpu.mode': 'user' }, state.cpuNs);
      sink.sum('process.memory.usage', {}, state.memoryBytes);
      sink.histogram('gridwatch.thread.startup.duration', {}, startup);
    },
  });
  const see = (view: MetricView) => {
    clock.passS(10);
    const metrics = new Map(view.collect().map((metric) => [metric.descriptor.name, metric]));
    return (name: string) => {
      const metric = metrics.get(name);
      if (metric === undefined) throw new Error(`${name} was not exported`);
      return { ...metric, point: metric.dataPoints[0] };
    };
  };
  return { registry, startup, state, see };
}

describe('temporality', () => {
  test('cumulative: totals since the agent began', () => {
    const { registry, state, see } = setUp();
    const view = new MetricView(registry, CUMULATIVE);
    state.cpuNs = 2e9;
    see(view);
    state.cpuNs = 5e9;
    const { point, aggregationTemporality } = see(view)('process.cpu.time');
    expect(aggregationTemporality).toBe(1);
    expect(point).toMatchObject({ value: 5, startTime: [1_700_000_001, 0], endTime: [1_700_000_021, 0] });
  });

  test('delta: what came since the last collection, which is where the point begins', () => {
    const { registry, state, startup, see } = setUp();
    const view = new MetricView(registry, DELTA);
    state.cpuNs = 2e9;
    startup.record(3e6);
    expect(see(view)('process.cpu.time').point).toMatchObject({ value: 2, startTime: [1_700_000_001, 0] });
    state.cpuNs = 5e9;
    startup.record(3e9);
    const seen = see(view);
    expect(seen('process.cpu.time').point).toMatchObject({ value: 3, startTime: [1_700_000_011, 0] });
    expect(seen('process.cpu.time').aggregationTemporality).toBe(0);
    expect(seen('gridwatch.thread.startup.duration').point?.value).toMatchObject({ count: 1, sum: 3 });
  });

  test('an updowncounter is never a delta', () => {
    const { registry, state, see } = setUp();
    const view = new MetricView(registry, DELTA);
    state.memoryBytes = 100;
    see(view);
    state.memoryBytes = 80;
    const memory = see(view)('process.memory.usage');
    expect(memory).toMatchObject({ aggregationTemporality: 1, isMonotonic: false, point: { value: 80 } });
  });

  test('readers do not take from one another', () => {
    const { registry, state, see } = setUp();
    const [one, other] = [new MetricView(registry, DELTA), new MetricView(registry, DELTA)];
    state.cpuNs = 2e9;
    expect(see(one)('process.cpu.time').point?.value).toBe(2);
    expect(see(other)('process.cpu.time').point?.value).toBe(2);
  });
});

describe('histograms', () => {
  test('explicit: the bounds of the family, with what lies beyond', () => {
    const { registry, startup, see } = setUp();
    startup.record(1e6);
    startup.record(90e9);
    const { point, dataPointType } = see(new MetricView(registry, CUMULATIVE))('gridwatch.thread.startup.duration');
    expect(dataPointType).toBe(0);
    const value = point?.value as { buckets: { boundaries: number[]; counts: number[] } };
    expect(value.buckets.boundaries).toEqual(EXPLICIT_BOUNDS_S.waits);
    expect(value.buckets.counts).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(value).toMatchObject({ count: 2, sum: 90.001 });
  });

  test('exponential: the same durations', () => {
    const { registry, startup, see } = setUp();
    startup.record(1e9);
    startup.record(2e9);
    const view = new MetricView(registry, { ...CUMULATIVE, maxExponentialBuckets: 160 });
    const { point, dataPointType } = see(view)('gridwatch.thread.startup.duration');
    expect(dataPointType).toBe(1);
    expect(point?.value).toMatchObject({
      count: 2,
      sum: 3,
      scale: 2,
      positive: { offset: -1, bucketCounts: [1, 0, 0, 0, 1] },
      negative: { bucketCounts: [] },
    });
  });

  test('an exponential histogram halves its resolution until it fits', () => {
    const fitted = withAtMost(3, { scale: 2, offset: -3, counts: [1, 2, 3, 4, 5], zeroCount: 0 });
    // Indexes -3..1 at scale 2 are -2..0 at scale 1.
    expect(fitted).toEqual({ scale: 1, offset: -2, counts: [1, 5, 9], zeroCount: 0 });
  });
});
