/**
 * What one reader sees of the registry: temporality and histogram form are the reader's choice, and for delta streams it is remembered what it
 * has already been given. Runs on the agent thread. It must never change the registry's series: another reader sees them, too.
 */
import type { MetricData } from '@opentelemetry/sdk-metrics';
import {
  EXPLICIT_BOUNDS_S,
  type ExponentialBuckets,
  explicitBuckets,
  exponentialBuckets,
  type HistogramSnapshot,
} from '../../shared-memory/histogram.ts';
import type { MetricRegistry, ReaderPlace } from './metrics.ts';
import { nameWithUnit } from './prometheus-names.ts';
import type { ExportedSeries, HrTime, MetricSeries } from './series.ts';

// The SDK is loaded long after this file: its enums are spelt out here, and `sdk-constants.test.ts` compares them.
export const TEMPORALITY = { DELTA: 0, CUMULATIVE: 1 } as const;
export const POINTS = { HISTOGRAM: 0, EXPONENTIAL_HISTOGRAM: 1, GAUGE: 2, SUM: 3 } as const;
export const VALUES = { INT: 0, DOUBLE: 1 } as const;

/** What a reader wants. */
export interface ViewPreferences {
  readonly hasDeltaCounters: boolean;
  readonly hasDeltaHistograms: boolean;
  /** Most buckets of an exponential histogram; `undefined` for explicit bounds. */
  readonly maxExponentialBuckets: number | undefined;
  /** Names bear the unit, for a page that Prometheus reads. */
  readonly hasUnitInName?: boolean;
}

interface Given {
  value: number;
  counts?: Float64Array;
}

export class MetricView {
  readonly #registry: MetricRegistry;
  readonly #preferences: ViewPreferences;
  readonly #place: ReaderPlace;
  readonly #given = new WeakMap<ExportedSeries, Given>();
  #lastTime: HrTime;

  constructor(registry: MetricRegistry, preferences: ViewPreferences) {
    this.#registry = registry;
    this.#preferences = preferences;
    this.#place = registry.addReader();
    this.#lastTime = registry.startTime;
  }

  /** Collects, and gives the points of every series that was written. */
  collect(): MetricData[] {
    const { collection, time } = this.#registry.collect();
    const all: MetricData[] = [];
    for (const metric of this.#registry.metrics.values()) {
      const series = this.#leaving(metric, collection);
      for (const one of metric.exported.values()) if (one.writtenIn === collection) series.push(one);
      if (series.length === 0) continue;
      for (const one of series) one.isExported = true;
      all.push(this.#metricData(metric, series, time));
    }
    this.#lastTime = time;
    this.#place.seenIn = collection;
    return all;
  }

  /** Series that have joined the others, a last time. What one holds now, and not what it has counted, is the others' from the next collection on. */
  #leaving({ leaving, definition: { instrument } }: MetricSeries, collection: number): ExportedSeries[] {
    const isCount = instrument === 'counter' || instrument === 'histogram';
    return Array.from(leaving.values())
      .filter(({ series, leftIn }) => (isCount ? leftIn > this.#place.seenIn : series.writtenIn === collection))
      .map(({ series }) => series);
  }

  #metricData(metric: MetricSeries, series: readonly ExportedSeries[], endTime: HrTime): MetricData {
    const { instrument, isInteger, brief, unit } = metric.definition;
    const descriptor = {
      name: this.#preferences.hasUnitInName === true ? nameWithUnit(metric.name, metric.definition) : metric.name,
      description: brief,
      unit,
      valueType: isInteger === true ? VALUES.INT : VALUES.DOUBLE,
    };
    if (instrument === 'histogram') return this.#histogramData(metric, descriptor, series, endTime);
    const isDelta = instrument === 'counter' && this.#preferences.hasDeltaCounters;
    const dataPoints = series.map((one) => {
      const { attributes } = one;
      const value = toUnit(isDelta ? this.#increment(one) : one.value, metric);
      return { attributes, value, startTime: isDelta ? this.#lastTime : one.startTime, endTime };
    });
    const aggregationTemporality = isDelta ? TEMPORALITY.DELTA : TEMPORALITY.CUMULATIVE;
    return instrument === 'gauge'
      ? { descriptor, aggregationTemporality, dataPointType: POINTS.GAUGE, dataPoints }
      : {
          descriptor,
          aggregationTemporality,
          dataPointType: POINTS.SUM,
          dataPoints,
          isMonotonic: instrument === 'counter',
        };
  }

  #histogramData(
    metric: MetricSeries,
    descriptor: MetricData['descriptor'],
    series: readonly ExportedSeries[],
    endTime: HrTime,
  ): MetricData {
    const isDelta = this.#preferences.hasDeltaHistograms;
    const aggregationTemporality = isDelta ? TEMPORALITY.DELTA : TEMPORALITY.CUMULATIVE;
    const maxBuckets = this.#preferences.maxExponentialBuckets;
    const points = series.flatMap((one) => {
      if (one.histogram === undefined) return [];
      const snapshot = isDelta ? this.#newCounts(one, one.histogram) : one.histogram;
      const at = { attributes: one.attributes, startTime: isDelta ? this.#lastTime : one.startTime, endTime };
      return [{ at, snapshot, sum: toUnit(snapshot.sumNs, metric) }];
    });
    if (maxBuckets === undefined) {
      const dataPoints = points.map(({ at, snapshot, sum }) => ({ ...at, value: explicitValue(snapshot, sum) }));
      return { descriptor, aggregationTemporality, dataPointType: POINTS.HISTOGRAM, dataPoints };
    }
    const dataPoints = points.map(({ at, snapshot, sum }) => ({
      ...at,
      value: exponentialValue(snapshot, sum, maxBuckets),
    }));
    return { descriptor, aggregationTemporality, dataPointType: POINTS.EXPONENTIAL_HISTOGRAM, dataPoints };
  }

  #increment(series: ExportedSeries): number {
    const given = this.#givenOf(series);
    const increment = series.value - given.value;
    given.value = series.value;
    return increment;
  }

  #newCounts(series: ExportedSeries, histogram: HistogramSnapshot): HistogramSnapshot {
    const given = this.#givenOf(series);
    const before = (given.counts ??= new Float64Array(histogram.counts.length));
    const counts = Float64Array.from(before, (count, cell) => (histogram.counts[cell] ?? 0) - count);
    before.set(histogram.counts);
    const sumNs = histogram.sumNs - given.value;
    given.value = histogram.sumNs;
    return { family: histogram.family, counts, sumNs };
  }

  #givenOf(series: ExportedSeries): Given {
    let given = this.#given.get(series);
    if (given === undefined) {
      given = { value: 0 };
      this.#given.set(series, given);
    }
    return given;
  }
}

function toUnit(value: number, { definition: { divisor, isInteger } }: MetricSeries): number {
  const inUnit = divisor === undefined ? value : value / divisor;
  return isInteger === true ? Math.round(inUnit) : inUnit;
}

function explicitValue(snapshot: HistogramSnapshot, sum: number) {
  const counts = explicitBuckets(snapshot);
  const boundaries = EXPLICIT_BOUNDS_S[snapshot.family] as number[];
  return { buckets: { boundaries, counts }, sum, count: total(counts) };
}

function exponentialValue(snapshot: HistogramSnapshot, sum: number, maxBuckets: number) {
  const { scale, offset, counts, zeroCount } = withAtMost(maxBuckets, exponentialBuckets(snapshot));
  return {
    count: total(counts) + zeroCount,
    sum,
    scale,
    zeroCount,
    positive: { offset, bucketCounts: counts },
    negative: { offset: 0, bucketCounts: [] },
  };
}

/** Halves the resolution until the buckets fit: at scale s - 1, bucket i holds what buckets 2i and 2i + 1 held. */
export function withAtMost(maxBuckets: number, given: ExponentialBuckets): ExponentialBuckets {
  let buckets = given;
  while (buckets.counts.length > Math.max(2, maxBuckets)) {
    const offset = Math.floor(buckets.offset / 2);
    const last = Math.floor((buckets.offset + buckets.counts.length - 1) / 2);
    const counts = new Array<number>(last - offset + 1).fill(0);
    for (const [i, count] of buckets.counts.entries()) {
      const merged = Math.floor((buckets.offset + i) / 2) - offset;
      counts[merged] = (counts[merged] as number) + count;
    }
    buckets = { scale: buckets.scale - 1, offset, counts, zeroCount: buckets.zeroCount };
  }
  return buckets;
}

function total(counts: readonly number[]): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
