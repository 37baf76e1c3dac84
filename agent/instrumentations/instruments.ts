/**
 * Instruments of a program's meter, by their names in the catalog: description and unit are what the agent tells, so that a program with it and one without feed the same
 * metric.
 *
 * Runs on application threads that import `gridwatch/instrumentations`.
 */
import { type Attributes, type Histogram, type Meter, ValueType } from '@opentelemetry/api';
import { LOCK_METRICS } from '../agent-thread/telemetry/catalog/lock-metrics.ts';
import { QUEUE_METRICS } from '../agent-thread/telemetry/catalog/queue-metrics.ts';

const METRICS: typeof LOCK_METRICS & typeof QUEUE_METRICS = { ...LOCK_METRICS, ...QUEUE_METRICS };

export type MetricName = keyof typeof METRICS;

/** Buckets of durations, in seconds: those of `waits`. */
const BOUNDS_S = [1e-5, 1e-4, 1e-3, 0.005, 0.02, 0.05, 0.1, 0.25, 1, 2.5, 10, 60];

/** One series: its value, and its attributes. */
export type Observation = readonly [value: number, attributes: Attributes];

const OBSERVABLES = {
  counter: 'createObservableCounter',
  updowncounter: 'createObservableUpDownCounter',
  gauge: 'createObservableGauge',
} as const;

/** Of durations in seconds. */
export function histogramOf(meter: Meter, name: MetricName): Histogram {
  const { unit, brief: description } = METRICS[name];
  return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: BOUNDS_S } });
}

/** Tells the meter what there is whenever it asks. */
export function observe(meter: Meter, name: MetricName, look: () => Iterable<Observation>): void {
  const metric = METRICS[name];
  const { instrument, unit, brief: description } = metric;
  if (instrument === 'histogram') return;
  const valueType = 'isInteger' in metric ? ValueType.INT : ValueType.DOUBLE;
  meter[OBSERVABLES[instrument]](name, { unit, description, valueType }).addCallback((result) => {
    for (const [value, attributes] of look()) result.observe(value, attributes);
  });
}
