/**
 * The last minutes of a run, in memory: series of the metrics that the view and the findings read, the slowest spans, and
 * the agent's log events. Runs in the process of `gridwatch run --ui`. It must stay bounded in time, series and spans
 * whatever arrives; what it leaves out for that it counts. Every text is stripped of control characters on the way in.
 */
import type { OtlpBatch, OtlpLog, OtlpMetric, OtlpPoint } from '../../otlp-decode.ts';
import { printable } from '../printable.ts';
import { type ProcessEntry, ProcessTable } from './processes.ts';
import { Counter, Distribution, Gauge } from './series.ts';
import { type Site, SpanLog, siteOf, textOf } from './span-log.ts';

/** How long anything is kept. */
export const WINDOW_MS: number = 5 * 60_000;

/** The agent itself stops at 3 000 series a process; a view reads a fraction of them. */
const MAX_SERIES = 4000;
const MAX_EVENTS = 200;

/** What is kept of all that is sent. */
export interface KeptMetrics {
  readonly 'gridwatch.thread.state.time': Counter;
  readonly 'gridwatch.thread.exits': Counter;
  readonly 'gridwatch.thread.startup.duration': Distribution;
  readonly 'gridwatch.cpu.demand': Gauge;
  readonly 'gridwatch.agent.dropped': Counter;
  readonly 'gridwatch.agent.export.failures': Counter;
  readonly 'gridwatch.agent.restarts': Counter;
  readonly 'gridwatch.agent.feature.disabled': Gauge;
  readonly 'gridwatch.lock.wait.duration': Distribution;
  readonly 'gridwatch.lock.caused_wait.time': Counter;
  readonly 'gridwatch.queue.arrivals': Counter;
  readonly 'gridwatch.queue.completions': Counter;
  readonly 'gridwatch.queue.rejections': Counter;
  readonly 'gridwatch.queue.aborts': Counter;
  readonly 'gridwatch.queue.size': Gauge;
  readonly 'gridwatch.queue.oldest_item.age': Gauge;
  readonly 'gridwatch.queue.wait.duration': Distribution;
  readonly 'gridwatch.queue.service.duration': Distribution;
  readonly 'gridwatch.message.serialize.duration': Distribution;
  readonly 'gridwatch.pool.thread.count': Gauge;
  readonly 'gridwatch.pool.thread.limit': Gauge;
  readonly 'gridwatch.pool.utilization': Gauge;
  readonly 'gridwatch.deadlock.thread.count': Gauge;
  readonly 'nodejs.eventloop.delay.p99': Gauge;
  readonly 'v8js.gc.duration': Distribution;
  readonly 'system.cpu.time': Counter;
  readonly 'process.cpu.time': Counter;
}

const KEPT: { readonly [M in keyof KeptMetrics]: new () => KeptMetrics[M] } = {
  'gridwatch.thread.state.time': Counter,
  'gridwatch.thread.exits': Counter,
  'gridwatch.thread.startup.duration': Distribution,
  'gridwatch.cpu.demand': Gauge,
  'gridwatch.agent.dropped': Counter,
  'gridwatch.agent.export.failures': Counter,
  'gridwatch.agent.restarts': Counter,
  'gridwatch.agent.feature.disabled': Gauge,
  'gridwatch.lock.wait.duration': Distribution,
  'gridwatch.lock.caused_wait.time': Counter,
  'gridwatch.queue.arrivals': Counter,
  'gridwatch.queue.completions': Counter,
  'gridwatch.queue.rejections': Counter,
  'gridwatch.queue.aborts': Counter,
  'gridwatch.queue.size': Gauge,
  'gridwatch.queue.oldest_item.age': Gauge,
  'gridwatch.queue.wait.duration': Distribution,
  'gridwatch.queue.service.duration': Distribution,
  'gridwatch.message.serialize.duration': Distribution,
  'gridwatch.pool.thread.count': Gauge,
  'gridwatch.pool.thread.limit': Gauge,
  'gridwatch.pool.utilization': Gauge,
  'gridwatch.deadlock.thread.count': Gauge,
  'nodejs.eventloop.delay.p99': Gauge,
  'v8js.gc.duration': Distribution,
  'system.cpu.time': Counter,
  'process.cpu.time': Counter,
};

/** One series with what tells it from the others of its metric. */
export interface Labelled<S> {
  readonly process: ProcessEntry;
  readonly attributes: Readonly<Record<string, string>>;
  readonly series: S;
}

/** A log event of the agent. */
export interface AgentEvent {
  readonly process: ProcessEntry;
  readonly name: string;
  readonly timeMs: number;
  readonly body: string;
  readonly threadName: string;
  /** '' where it names none. */
  readonly errorType: string;
  /** Where the worker it is about was started. */
  readonly site: Site | undefined;
  /** The file that worker ran; '' where it is not known. */
  readonly workerFile: string;
  /** What a detector has found (`gridwatch.finding`); '' for any other event. */
  readonly finding: string;
  /** The kind of lock it is about (`gridwatch.lock.kind`); '' where it names none. */
  readonly lockKind: string;
}

export class Window {
  readonly #processes = new ProcessTable();
  readonly #series = new Map<string, Map<string, Labelled<Counter | Gauge | Distribution>>>();
  readonly spans: SpanLog = new SpanLog();
  #events: AgentEvent[] = [];
  #seriesCount = 0;
  /** Points of series that came after there were too many. */
  unkeptPointCount = 0;
  /** 0 until anything has arrived. */
  firstMs = 0;

  ingest(batch: OtlpBatch, nowMs: number): void {
    if (this.firstMs === 0) this.firstMs = nowMs;
    const collected = new Map<ProcessEntry, number>();
    for (const metric of batch.metrics) {
      if (!Object.hasOwn(KEPT, metric.name)) continue;
      const process = this.#processes.of(metric.resource);
      for (const point of metric.points) {
        const timeMs = Math.min(Number(point.timeUnixNs) / 1e6 || nowMs, nowMs);
        this.#addPoint(process, metric, point, timeMs);
        collected.set(process, Math.max(collected.get(process) ?? 0, timeMs));
      }
    }
    // Only now: all points of one collection have the same beginning.
    for (const [process, timeMs] of collected) process.collectedMs = Math.max(process.collectedMs, timeMs);
    for (const span of batch.spans)
      this.spans.add(span, this.#processes.of(span.resource, span.kind === 'server'), nowMs);
    for (const log of batch.logs) if (log.eventName.startsWith('gridwatch.')) this.#addEvent(log, nowMs);
  }

  prune(nowMs: number): void {
    const beforeMs = nowMs - WINDOW_MS;
    for (const [metric, all] of this.#series) {
      for (const [key, { series }] of all) {
        series.prune(beforeMs);
        if (series.lastMs >= beforeMs) continue;
        all.delete(key);
        this.#seriesCount--;
      }
      if (all.size === 0) this.#series.delete(metric);
    }
    this.spans.prune(beforeMs);
    this.#events = this.#events.filter((event) => event.timeMs >= beforeMs || this.isStanding(event));
  }

  get processes(): readonly ProcessEntry[] {
    return this.#processes.entries;
  }

  get events(): readonly AgentEvent[] {
    return this.#events;
  }

  /** A deadlock of a process in which threads still stand: it is told once, and matters for as long as it lasts. */
  isStanding({ name, process }: AgentEvent): boolean {
    if (name !== 'gridwatch.deadlock') return false;
    return this.all('gridwatch.deadlock.thread.count').some(
      (entry) => entry.process === process && (entry.series.last ?? 0) > 0,
    );
  }

  all<M extends keyof KeptMetrics>(metric: M): Labelled<KeptMetrics[M]>[] {
    return [...(this.#series.get(metric)?.values() ?? [])] as Labelled<KeptMetrics[M]>[];
  }

  #addPoint(process: ProcessEntry, metric: OtlpMetric, point: OtlpPoint, timeMs: number): void {
    const series = this.#find(process, metric.name as keyof KeptMetrics, point);
    if (series === undefined) return;
    if (series instanceof Gauge) {
      series.add(timeMs, point.value);
      return;
    }
    const isDelta = metric.temporality === 'delta';
    const startMs = Number(point.startUnixNs) / 1e6 || timeMs;
    // A series that was not there at the last collection began after it, whenever its sender began.
    const sinceMs = Math.max(startMs, process.collectedMs);
    if (series instanceof Counter) series.add(sinceMs, timeMs, point.value, isDelta);
    else series.add(sinceMs, timeMs, point.value, bucketsOf(point), isDelta);
  }

  #find(
    process: ProcessEntry,
    metric: keyof KeptMetrics,
    point: OtlpPoint,
  ): Counter | Gauge | Distribution | undefined {
    let all = this.#series.get(metric);
    if (all === undefined) this.#series.set(metric, (all = new Map()));
    const attributes = labelsOf(point);
    const key = JSON.stringify([this.#processes.entries.indexOf(process), Object.entries(attributes)]);
    let found = all.get(key);
    if (found === undefined) {
      if (this.#seriesCount >= MAX_SERIES) {
        this.unkeptPointCount++;
        return undefined;
      }
      this.#seriesCount++;
      found = { process, attributes, series: new KEPT[metric]() };
      all.set(key, found);
    }
    return found.series;
  }

  #dropEvent(): void {
    const at = this.#events.findIndex((event) => !this.isStanding(event));
    this.#events.splice(Math.max(0, at), 1);
  }

  #addEvent(log: OtlpLog, nowMs: number): void {
    this.#events.push({
      process: this.#processes.of(log.resource),
      name: printable(log.eventName),
      timeMs: Math.min(Number(log.timeUnixNs) / 1e6 || nowMs, nowMs),
      body: typeof log.body === 'string' ? printable(log.body, 300) : '',
      threadName: textOf(log.attributes, 'thread.name'),
      errorType: textOf(log.attributes, 'error.type'),
      site: siteOf(log.attributes),
      workerFile: textOf(log.attributes, 'gridwatch.thread.file'),
      finding: textOf(log.attributes, 'gridwatch.finding'),
      lockKind: textOf(log.attributes, 'gridwatch.lock.kind'),
    });
    if (this.#events.length > MAX_EVENTS) this.#dropEvent();
  }
}

function labelsOf(point: OtlpPoint): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(point.attributes).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (typeof value === 'object') continue;
    labels[printable(key)] = printable(String(value));
  }
  return labels;
}

/** Pairs of upper bound and count of either kind of histogram. */
function* bucketsOf(point: OtlpPoint): Generator<readonly [number, number]> {
  const { histogram, exponentialHistogram } = point;
  if (histogram !== undefined) {
    for (const [at, count] of histogram.counts.entries())
      if (count > 0) yield [histogram.bounds[at] ?? Infinity, count];
  }
  if (exponentialHistogram !== undefined) {
    const { scale, zeroCount, positive } = exponentialHistogram;
    if (zeroCount > 0) yield [0, zeroCount];
    for (const [at, count] of positive.counts.entries()) {
      if (count > 0) yield [2 ** ((positive.offset + at + 1) / 2 ** scale), count];
    }
  }
}
