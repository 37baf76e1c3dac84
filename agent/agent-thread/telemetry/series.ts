/**
 * Series as the sources write them, and series as they leave the process. Runs on the agent thread. A source's series points at the series its
 * values go to: one of its own, or the `_OTHER` of its family. Counters and histograms travel as increments, so that the sum over what leaves the
 * process is the sum over what the sources counted, however often a name moves between the two. It must never hold more than the limits admit.
 */
import { EXPLICIT_BOUNDS_S, type HistogramSnapshot, HistogramTotal } from '../../shared-memory/histogram.ts';
import { type Attributes, FAMILIES, type MetricCatalog, type MetricDefinition, OTHER } from './catalog.ts';
import { SeriesIndex } from './series-index.ts';
import type { SeriesName } from './series-limits.ts';

export type HrTime = [seconds: number, nanoseconds: number];

/** A series that leaves the process. */
export class ExportedSeries {
  readonly attributes: Attributes;
  /** When it began to count. */
  readonly startTime: HrTime;
  /** Of a sum or gauge, in the source's unit. */
  value = 0;
  /** Of a histogram. */
  histogram: HistogramTotal | undefined;
  /** The last collection it was written in; it is exported by that one only. */
  writtenIn = 0;
  /** Whether a reader has seen it. */
  isExported = false;

  constructor(attributes: Attributes, startTime: HrTime) {
    this.attributes = attributes;
    this.startTime = startTime;
  }
}

/** A series as a source writes it. */
export class SourceSeries {
  readonly metric: MetricSeries;
  readonly attributes: Attributes;
  readonly name: SeriesName;
  target: ExportedSeries;
  isOwn: boolean;
  writtenNs = 0;
  /** One of the zeros of a counter that alerts read: exported whether or not a source writes it. */
  isPermanent = false;
  #lastValue = 0;
  #lastCounts: Float64Array | undefined;
  #lastSumNs = 0;

  constructor(metric: MetricSeries, attributes: Attributes, name: SeriesName, target: ExportedSeries) {
    this.metric = metric;
    this.attributes = attributes;
    this.name = name;
    this.target = target;
    this.isOwn = name.isOwn;
  }

  /** Passes a sum or gauge on; returns by how much a counter grew. A counter that went back has started again from zero. */
  writeNumber(value: number, collection: number): number {
    const { target } = this;
    const isFirst = target.writtenIn !== collection;
    target.writtenIn = collection;
    switch (this.metric.definition.instrument) {
      case 'counter': {
        const increment = value >= this.#lastValue ? value - this.#lastValue : value;
        this.#lastValue = value;
        target.value += increment;
        return increment;
      }
      case 'updowncounter':
        target.value = isFirst ? value : target.value + value;
        return 0;
      default:
        target.value = isFirst ? value : Math.max(target.value, value);
        return 0;
    }
  }

  /** Passes a histogram on; returns by how much its sum grew. */
  writeHistogram(snapshot: HistogramSnapshot, collection: number): number {
    const { target } = this;
    target.writtenIn = collection;
    target.histogram ??= new HistogramTotal(snapshot.family);
    const total = target.histogram;
    const last = (this.#lastCounts ??= new Float64Array(total.counts.length));
    const hasRestarted = snapshot.sumNs < this.#lastSumNs;
    for (let cell = 0; cell < last.length; cell++) {
      const count = snapshot.counts[cell] ?? 0;
      const before = hasRestarted ? 0 : (last[cell] as number);
      if (count !== before) total.counts[cell] = (total.counts[cell] as number) + count - before;
      last[cell] = count;
    }
    const increment = snapshot.sumNs - (hasRestarted ? 0 : this.#lastSumNs);
    this.#lastSumNs = snapshot.sumNs;
    total.sumNs += increment;
    return increment;
  }
}

/** A series that joined the others, as long as some reader has not seen what it counted last. */
export interface LeavingSeries {
  readonly series: ExportedSeries;
  /** The collection it was written in last. */
  readonly leftIn: number;
  readonly leftNs: number;
}

/** All series of one metric. */
export class MetricSeries {
  readonly name: string;
  readonly definition: MetricDefinition;
  /** Series of Prometheus that one of ours becomes: a histogram is one for each bucket, its sum and its count. */
  readonly weight: number;
  /** Its counts say how busy a name of its family is. */
  readonly isActivity: boolean;
  readonly exported: Map<string, ExportedSeries> = new Map();
  readonly sources: SeriesIndex<SourceSeries>;
  readonly leaving: Map<string, LeavingSeries> = new Map();
  readonly #attributes: MetricCatalog['attributes'];
  readonly #openAttributes: readonly string[];

  /** @throws TypeError for a metric with an attribute that the catalog does not describe. */
  constructor(name: string, { metrics, attributes }: MetricCatalog) {
    const definition = metrics[name] as MetricDefinition;
    const unknown = definition.attributes.find((key) => attributes[key] === undefined);
    if (unknown !== undefined) throw new TypeError(`${unknown} is not an attribute of the catalog`);
    this.name = name;
    this.definition = definition;
    this.weight = definition.buckets === undefined ? 1 : EXPLICIT_BOUNDS_S[definition.buckets].length + 3;
    this.isActivity = FAMILIES[definition.family].busiestBy === name;
    this.#attributes = attributes;
    this.#openAttributes = definition.attributes.filter((key) => attributes[key]?.values === undefined);
    const closed = definition.attributes.filter((key) => attributes[key]?.values !== undefined);
    this.sources = new SeriesIndex([...closed, ...this.#openAttributes]);
  }

  /** Of an exported series; a source's are found without. */
  keyOf(attributes: Attributes): string {
    let key = '';
    for (const name of this.definition.attributes) key += `${attributes[name] ?? ''}\u0000`;
    return key;
  }

  /** The thread, lock, queue or CPU a series belongs to; '' if it is nobody's. */
  nameOf(attributes: Attributes): string {
    const { nameAttribute } = FAMILIES[this.definition.family];
    if (this.definition.attributes.includes(nameAttribute)) return String(attributes[nameAttribute] ?? '');
    return this.#openAttributes.map((key) => attributes[key] ?? '').join('\u0000');
  }

  /** The attributes that a series keeps among the others: the closed ones, but those the family leaves out. A number has no "other", so it is left out. */
  otherAttributes(attributes: Attributes): Attributes {
    const kept: { [key: string]: string | number | boolean } = {};
    const { notOfOthers }: { readonly notOfOthers: readonly string[] } = FAMILIES[this.definition.family];
    for (const key of this.definition.attributes) {
      if (notOfOthers.includes(key)) continue;
      const definition = this.#attributes[key];
      const value =
        definition?.values === undefined ? (definition?.type === 'string' ? OTHER : undefined) : attributes[key];
      if (value !== undefined && attributes[key] !== undefined) kept[key] = value;
    }
    return kept;
  }

  /** Every combination of closed attributes, for what alerts read. Open ones can be left out of it only where they are optional. */
  zeroAttributes(): Attributes[] {
    const { startsAtZero, attributes, optional } = this.definition;
    if (startsAtZero !== true || this.#openAttributes.some((key) => optional?.includes(key) !== true)) return [];
    let combinations: Attributes[] = [{}];
    for (const key of attributes) {
      if (this.#openAttributes.includes(key)) continue;
      const values: (string | undefined)[] = [...(this.#attributes[key]?.values ?? [])];
      if (optional?.includes(key)) values.push(undefined);
      combinations = combinations.flatMap((one) =>
        values.map((value) => (value === undefined ? one : { ...one, [key]: value })),
      );
    }
    return combinations;
  }

  /** @throws TypeError for attributes that the catalog does not list: two series would be taken for one. */
  checkedAttributes(attributes: Attributes): Attributes {
    const copy: { [key: string]: string | number | boolean } = {};
    for (const [key, value] of Object.entries(attributes)) {
      if (!this.definition.attributes.includes(key))
        throw new TypeError(`${this.name} has no attribute ${key} in the catalog`);
      if (value !== undefined) copy[key] = value;
    }
    return copy;
  }

  exportedSeries(attributes: Attributes, startTime: HrTime): { series: ExportedSeries; isNew: boolean } {
    const key = this.keyOf(attributes);
    const existing = this.exported.get(key);
    if (existing !== undefined) return { series: existing, isNew: false };
    // One that is still leaving stays: some reader would have to be told of both.
    const series = this.leaving.get(key)?.series ?? new ExportedSeries(attributes, startTime);
    this.leaving.delete(key);
    this.exported.set(key, series);
    return { series, isNew: true };
  }

  /** Adds what no reader has seen yet to another series. */
  fold(from: ExportedSeries, to: ExportedSeries, collection: number): void {
    const isFirst = to.writtenIn !== collection;
    to.writtenIn = collection;
    if (from.histogram !== undefined) {
      to.histogram ??= new HistogramTotal(from.histogram.family);
      to.histogram.add(from.histogram);
    } else if (this.definition.instrument === 'gauge') {
      to.value = isFirst ? from.value : Math.max(to.value, from.value);
    } else {
      to.value = isFirst && this.definition.instrument === 'updowncounter' ? from.value : to.value + from.value;
    }
  }
}
