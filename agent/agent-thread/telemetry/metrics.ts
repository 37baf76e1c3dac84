/**
 * The metrics registry: asks the sources for their cumulative values when a reader collects, and keeps the series within the limits. Runs on the
 * agent thread. It must never let a source's failure keep the other metrics from being exported, and never holds a value it was not given.
 */
import type { Feature } from '../../config/options.ts';
import type { Clock } from '../../shared-memory/clock.ts';
import type { HistogramSnapshot } from '../../shared-memory/histogram.ts';
import {
  ATTRIBUTES,
  type Attributes,
  FAMILIES,
  type Family,
  type GaugeMetric,
  type HistogramMetric,
  METRICS,
  type MetricCatalog,
  type MetricName,
  type SumMetric,
} from './catalog.ts';
import { type HrTime, MetricSeries, SourceSeries } from './series.ts';
import { FamilyLimit } from './series-limits.ts';

/** Where a source writes its values. All of them are absolute, and in the source's unit that the catalog's `divisor` expects (nanoseconds, mostly). */
export interface MetricSink {
  /** A counter's or updowncounter's value since the source began. Of counters written twice for a series, the last holds. */
  sum(name: SumMetric, attributes: Attributes, value: number): void;
  gauge(name: GaugeMetric, attributes: Attributes, value: number): void;
  /** The cumulative histogram. It is copied: the source may go on recording into it. */
  histogram(name: HistogramMetric, attributes: Attributes, snapshot: HistogramSnapshot): void;
}

/**
 * Somebody who knows values. `collect` is called once for each export of each reader; a series it leaves out is not exported. A counter it
 * takes up again within ten minutes may go on from where it was; after that it counts as new.
 */
export interface MetricSource {
  collect(sink: MetricSink): void;
}

export interface MetricRegistrySettings {
  readonly clock: Pick<Clock, 'nowNs' | 'toHrTime'>;
  /** Prometheus series of the process; the families share it as the catalog says. */
  readonly maxSeries: number;
  /** What there is; everything by default. */
  readonly catalog?: MetricCatalog;
  /** Whether a feature runs: without it the zeros of its counters are not sent either. Every one does by default. */
  readonly isOn?: (feature: Feature) => boolean;
  /** Called when a family has begun to join names to `_OTHER`. */
  readonly onLimit: (family: Family, joinedNames: number) => void;
  /** Called when a source has thrown. */
  readonly onSourceError: (error: unknown) => void;
  /** Called for each value that found no room. */
  readonly onDrop: () => void;
}

const FORGET_AFTER_NS = 600e9;
/** Series the sources may write, for each one that may be exported: the others share `_OTHER`. 512 threads and 1 000 locks have 40 000. */
const SOURCE_SERIES_FACTOR = 16;
const REBALANCE_EVERY_NS = 60e9;

/** What a reader of the registry has seen. */
export interface ReaderPlace {
  /** Its last collection. */
  seenIn: number;
}

export class MetricRegistry {
  readonly metrics: ReadonlyMap<string, MetricSeries>;
  readonly #settings: MetricRegistrySettings;
  readonly #sources = new Set<MetricSource>();
  readonly #limits: ReadonlyMap<Family, FamilyLimit>;
  readonly #readers: ReaderPlace[] = [];
  readonly #permanent: SourceSeries[] = [];
  readonly #left = new Set<string>();
  readonly #startTime: HrTime;
  #previousTime: HrTime;
  readonly #sink: MetricSink;
  #collection = 0;
  #sourceCount = 0;
  #nowNs = 0;
  #previousNs = 0;
  #forgottenIn = 0;
  #rebalancedNs: number;
  #maxSeries: number;

  constructor(settings: MetricRegistrySettings) {
    this.#settings = settings;
    this.#maxSeries = settings.maxSeries;
    this.#rebalancedNs = settings.clock.nowNs();
    this.#startTime = settings.clock.toHrTime(this.#rebalancedNs);
    this.#previousTime = this.#startTime;
    const catalog = settings.catalog ?? { metrics: METRICS, attributes: ATTRIBUTES };
    this.metrics = new Map(Object.keys(catalog.metrics).map((name) => [name, new MetricSeries(name, catalog)]));
    this.#limits = new Map(
      (Object.keys(FAMILIES) as Family[]).map((family) => [
        family,
        new FamilyLimit(family, FAMILIES[family], shareOf(family, settings.maxSeries)),
      ]),
    );
    this.#sink = {
      sum: (name, attributes, value) => this.#writeNumber(name, attributes, value),
      gauge: (name, attributes, value) => this.#writeNumber(name, attributes, value),
      histogram: (name, attributes, snapshot) => this.#writeHistogram(name, attributes, snapshot),
    };
    for (const metric of this.metrics.values()) {
      for (const attributes of metric.zeroAttributes()) this.#permanent.push(this.#sourceSeries(metric, attributes));
    }
    for (const series of this.#permanent) series.isPermanent = true;
  }

  /** Another limit from the next collection on. */
  limit(maxSeries: number): void {
    for (const [family, limit] of this.#limits) limit.maxSeries = shareOf(family, maxSeries);
    this.#maxSeries = maxSeries;
  }

  /** These are not sent from now on: somebody else does, or nobody can know them. */
  leave(names: readonly string[]): void {
    for (const name of names) this.#left.add(name);
  }

  addSource(source: MetricSource): void {
    this.#sources.add(source);
  }

  /** Series exported at the last collection, as Prometheus counts them. */
  get seriesCount(): number {
    let count = 0;
    for (const limit of this.#limits.values()) count += limit.usedSeries;
    return count;
  }

  /** A reader that collects from now on, and is told of every series that leaves. */
  addReader(): ReaderPlace {
    const place = { seenIn: this.#collection };
    this.#readers.push(place);
    return place;
  }

  /** Where the first streams begin. */
  get startTime(): HrTime {
    return this.#startTime;
  }

  /** Asks every source. Afterwards the series written in the returned collection, in `metrics`, are what is to be exported. */
  collect(): { collection: number; time: HrTime } {
    const collection = ++this.#collection;
    this.#previousNs = this.#nowNs;
    this.#nowNs = this.#settings.clock.nowNs();
    const time = this.#settings.clock.toHrTime(this.#nowNs);
    this.#letGo();
    for (const { metric, target } of this.#permanent) {
      if (this.#isSent(metric)) target.writtenIn = collection;
    }
    for (const source of this.#sources) {
      try {
        source.collect(this.#sink);
      } catch (error) {
        this.#settings.onSourceError(error);
      }
    }
    this.#keepLimits(collection, time);
    this.#previousTime = time;
    return { collection, time };
  }

  #isSent({ name, definition: { feature } }: MetricSeries): boolean {
    if (this.#left.has(name)) return false;
    if (feature === undefined) return true;
    return [feature].flat().some((one) => this.#settings.isOn?.(one) !== false);
  }

  /** Series that have left are kept for the readers that have not seen their end; one that does not read for long will not. */
  #letGo(): void {
    const seenByAll = Math.min(...this.#readers.map(({ seenIn }) => seenIn));
    for (const { leaving } of this.metrics.values()) {
      for (const [key, { leftIn, leftNs }] of leaving)
        if (leftIn <= seenByAll || this.#nowNs - leftNs >= FORGET_AFTER_NS) leaving.delete(key);
    }
  }

  #keepLimits(collection: number, time: HrTime): void {
    const at = { collection, nowNs: this.#nowNs, time, previousTime: this.#previousTime };
    const isTimeToRebalance = this.#nowNs - this.#rebalancedNs >= REBALANCE_EVERY_NS;
    if (isTimeToRebalance) {
      this.#rebalancedNs = this.#nowNs;
      this.#forget(this.#nowNs - FORGET_AFTER_NS);
    }
    for (const limit of this.#limits.values()) {
      if (isTimeToRebalance) limit.rebalance(at);
      limit.enforce(at);
      if (limit.hasNewlyJoined()) this.#settings.onLimit(limit.family, limit.joinedNames);
    }
  }

  /** Forgets the series that were last written before that time. */
  #forget(beforeNs: number): void {
    for (const limit of this.#limits.values()) {
      for (const series of limit.sources()) {
        if (series.isPermanent || series.writtenNs >= beforeNs) continue;
        series.metric.sources.delete(series.attributes);
        this.#sourceCount--;
        limit.forget(series);
      }
    }
  }

  #writeNumber(name: MetricName, attributes: Attributes, value: number): void {
    if (!Number.isFinite(value)) return;
    const series = this.#find(name, attributes);
    if (series !== undefined) this.#noteActivity(series, series.writeNumber(value, this.#collection));
  }

  #writeHistogram(name: MetricName, attributes: Attributes, snapshot: HistogramSnapshot): void {
    const series = this.#find(name, attributes);
    if (series !== undefined) this.#noteActivity(series, series.writeHistogram(snapshot, this.#collection));
  }

  #noteActivity(series: SourceSeries, increment: number): void {
    series.writtenNs = this.#nowNs;
    if (series.metric.isActivity) series.name.activity += increment;
  }

  #find(name: MetricName, attributes: Attributes): SourceSeries | undefined {
    if (this.#left.size > 0 && this.#left.has(name)) return undefined;
    const metric = this.metrics.get(name) as MetricSeries;
    const series = metric.sources.get(attributes);
    if (series !== undefined) return series;
    if (this.#hasRoom()) return this.#sourceSeries(metric, attributes);
    this.#settings.onDrop();
    return undefined;
  }

  /** When names come and go faster than they are forgotten, those that nobody writes any more have to go first. */
  #hasRoom(): boolean {
    const max = this.#maxSeries * SOURCE_SERIES_FACTOR;
    if (this.#sourceCount >= max && this.#forgottenIn !== this.#collection) {
      this.#forgottenIn = this.#collection;
      this.#forget(this.#previousNs);
    }
    return this.#sourceCount < max;
  }

  #sourceSeries(metric: MetricSeries, given: Attributes): SourceSeries {
    const attributes = metric.checkedAttributes(given);
    const limit = this.#limitOf(metric);
    const name = limit.nameOf(metric.nameOf(attributes));
    const target = limit.target(metric, attributes, name.isOwn, this.#previousTime);
    const series = new SourceSeries(metric, attributes, name, target);
    metric.sources.set(attributes, series);
    this.#sourceCount++;
    limit.add(name, series);
    return series;
  }

  #limitOf(metric: MetricSeries): FamilyLimit {
    return this.#limits.get(metric.definition.family) as FamilyLimit;
  }
}

/** A family's share of the series of the process. */
function shareOf(family: Family, maxSeries: number): number {
  return Math.floor((FAMILIES[family].maxSeries * maxSeries) / 3000);
}
