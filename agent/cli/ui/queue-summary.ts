/**
 * The queues, pools and ports that were used in a stretch of a run, the one whose items waited longest first. Runs in the process of `gridwatch run --ui`.
 */
import type { ProcessEntry } from './window/processes.ts';
import type { Durations } from './window/series.ts';
import type { KeptMetrics, Labelled, Window } from './window/window.ts';

export interface PoolSummary {
  /** Workers or connections there were, on average; and as many as there may be, 0 where that is not known. */
  readonly threads: number;
  readonly limit: number;
  /** 0 to 1. */
  readonly utilization: number;
}

export interface QueueSummary {
  readonly process: ProcessEntry;
  readonly name: string;
  /** `gridwatch.queue.kind`. */
  readonly kind: string;
  /** `gridwatch.queue.direction`; '' without one. */
  readonly direction: string;
  readonly arrivals: number;
  readonly completions: number;
  readonly rejections: number;
  /** How much more came than went, in each quarter of the stretch. */
  readonly growth: readonly number[];
  readonly waits: Durations;
  readonly services: Durations;
  /** What `postMessage` took. */
  readonly serialises: Durations;
  /** Now. */
  readonly size: number;
  readonly oldestS: number;
  /** Of a pool, or of what serves a bounded number of items at once. */
  readonly pool: PoolSummary | undefined;
}

const QUARTERS = 4;
const NO_DURATIONS: Durations = { count: 0, sumS: 0, atMostS: 0 };

type MetricOf<S> = { [M in keyof KeptMetrics]: KeptMetrics[M] extends S ? M : never }[keyof KeptMetrics];
type Counters = MetricOf<KeptMetrics['gridwatch.queue.arrivals']>;
type Gauges = MetricOf<KeptMetrics['gridwatch.queue.size']>;
type Distributions = MetricOf<KeptMetrics['gridwatch.queue.wait.duration']>;

/** The series of one queue, found by metric. */
class QueueSeries {
  readonly first: Labelled<unknown>;
  readonly #series = new Map<string, Labelled<unknown>['series']>();

  constructor(first: Labelled<unknown>) {
    this.first = first;
  }

  add(metric: keyof KeptMetrics, { attributes, series }: Labelled<unknown>): void {
    this.#series.set(`${metric} ${attributes['gridwatch.pool.thread.state'] ?? ''}`, series);
  }

  counter(metric: Counters): KeptMetrics[Counters] | undefined {
    return this.#series.get(`${metric} `) as KeptMetrics[Counters] | undefined;
  }

  gauge(metric: Gauges, state = ''): KeptMetrics[Gauges] | undefined {
    return this.#series.get(`${metric} ${state}`) as KeptMetrics[Gauges] | undefined;
  }

  durations(metric: Distributions, fromMs: number, toMs: number): Durations {
    const series = this.#series.get(`${metric} `) as KeptMetrics[Distributions] | undefined;
    return series?.between(fromMs, toMs) ?? NO_DURATIONS;
  }
}

const METRICS = [
  'gridwatch.queue.arrivals',
  'gridwatch.queue.completions',
  'gridwatch.queue.rejections',
  'gridwatch.queue.aborts',
  'gridwatch.queue.size',
  'gridwatch.queue.oldest_item.age',
  'gridwatch.queue.wait.duration',
  'gridwatch.queue.service.duration',
  'gridwatch.message.serialize.duration',
  'gridwatch.pool.thread.count',
  'gridwatch.pool.thread.limit',
  'gridwatch.pool.utilization',
] as const;

export function queuesOf(window: Window, fromMs: number, toMs: number): QueueSummary[] {
  const found = new Map<ProcessEntry, Map<string, QueueSeries>>();
  for (const metric of METRICS) {
    for (const labelled of window.all(metric)) {
      const ofProcess = found.get(labelled.process) ?? new Map<string, QueueSeries>();
      found.set(labelled.process, ofProcess);
      const key = ['name', 'kind', 'direction']
        .map((label) => labelled.attributes[`gridwatch.queue.${label}`])
        .join(' ');
      const queue = ofProcess.get(key) ?? new QueueSeries(labelled);
      ofProcess.set(key, queue);
      queue.add(metric, labelled);
    }
  }
  return [...found.values()]
    .flatMap((queues) => [...queues.values()].map((queue) => summaryOf(queue, fromMs, toMs)))
    .filter(({ arrivals, size, pool }) => arrivals > 0 || size > 0 || (pool?.utilization ?? 0) > 0)
    .toSorted((a, b) => b.waits.sumS - a.waits.sumS || b.size - a.size);
}

function summaryOf(queue: QueueSeries, fromMs: number, toMs: number): QueueSummary {
  const { process, attributes } = queue.first;
  const between = (metric: Counters, from = fromMs, to = toMs): number =>
    queue.counter(metric)?.increase(from, to) ?? 0;
  const growthBetween = (from: number, to: number): number =>
    between('gridwatch.queue.arrivals', from, to) -
    between('gridwatch.queue.completions', from, to) -
    between('gridwatch.queue.aborts', from, to);
  const quarterMs = (toMs - fromMs) / QUARTERS;
  return {
    process,
    name: attributes['gridwatch.queue.name'] ?? '',
    kind: attributes['gridwatch.queue.kind'] ?? '',
    direction: attributes['gridwatch.queue.direction'] ?? '',
    arrivals: Math.round(between('gridwatch.queue.arrivals')),
    completions: Math.round(between('gridwatch.queue.completions')),
    rejections: Math.round(between('gridwatch.queue.rejections')),
    growth: Array.from({ length: QUARTERS }, (_, quarter) =>
      growthBetween(fromMs + quarter * quarterMs, fromMs + (quarter + 1) * quarterMs),
    ),
    waits: queue.durations('gridwatch.queue.wait.duration', fromMs, toMs),
    services: queue.durations('gridwatch.queue.service.duration', fromMs, toMs),
    serialises: queue.durations('gridwatch.message.serialize.duration', fromMs, toMs),
    size: queue.gauge('gridwatch.queue.size')?.last ?? 0,
    oldestS: queue.gauge('gridwatch.queue.oldest_item.age')?.last ?? 0,
    pool: poolOf(queue, fromMs, toMs),
  };
}

function poolOf(queue: QueueSeries, fromMs: number, toMs: number): PoolSummary | undefined {
  const utilization = queue.gauge('gridwatch.pool.utilization')?.mean(fromMs, toMs);
  if (utilization === undefined) return undefined;
  const count = (state: string): number => queue.gauge('gridwatch.pool.thread.count', state)?.mean(fromMs, toMs) ?? 0;
  return {
    threads: count('active') + count('idle'),
    limit: queue.gauge('gridwatch.pool.thread.limit')?.last ?? 0,
    utilization,
  };
}
