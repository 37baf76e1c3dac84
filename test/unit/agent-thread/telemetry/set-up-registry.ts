/** A registry with one source, collected from as a reader does. Used by the unit tests of metrics; runs in the test's process. */
import { MetricView } from '../../../../agent/agent-thread/telemetry/metric-view.ts';
import { MetricRegistry, type MetricSink } from '../../../../agent/agent-thread/telemetry/metrics.ts';
import { FakeClock } from './fake-clock.ts';

interface SetUp {
  readonly clock: FakeClock;
  readonly registry: MetricRegistry;
  readonly limited: [string, number][];
  readonly errors: unknown[];
  readonly dropped: () => number;
  /** One collection, in which the source does this: values by attributes, of one metric. */
  collect(name: string, source: (sink: MetricSink) => void): Map<string, unknown>;
}

export function setUp({
  maxSeries = 3000,
  isOn = () => true,
}: {
  readonly maxSeries?: number;
  readonly isOn?: () => boolean;
} = {}): SetUp {
  const clock = new FakeClock();
  const limited: [string, number][] = [];
  const errors: unknown[] = [];
  let dropped = 0;
  const registry = new MetricRegistry({
    clock,
    maxSeries,
    isOn,
    onLimit: (family, names) => limited.push([family, names]),
    onSourceError: (error) => errors.push(error),
    onDrop: () => dropped++,
  });
  const view = new MetricView(registry, {
    hasDeltaCounters: false,
    hasDeltaHistograms: false,
    maxExponentialBuckets: undefined,
  });
  let write: (sink: MetricSink) => void = () => {};
  registry.addSource({ collect: (sink) => write(sink) });
  return {
    clock,
    registry,
    limited,
    errors,
    dropped: () => dropped,
    collect(name: string, source: (sink: MetricSink) => void): Map<string, unknown> {
      write = source;
      clock.passS(15);
      const metric = view.collect().find(({ descriptor }) => descriptor.name === name);
      return new Map(metric?.dataPoints.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]));
    },
  };
}
