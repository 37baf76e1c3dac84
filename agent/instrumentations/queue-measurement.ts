/**
 * Pools, queues and pools of connections, without the agent: what they count as metrics of the program's SDK, under the names that the agent has for them, and
 * tasks as spans. How busy the workers of a pool were (`gridwatch.pool.utilization`) is left out: an SDK does not say since when a reader wants to know that.
 *
 * Runs on application threads that import `gridwatch/instrumentations`. Spans of a worker's work are no children of the task: what goes to another thread with a
 * message is for the agent to see.
 */
import {
  type Attributes,
  type Histogram,
  type Meter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { QUEUE_METRICS } from '../agent-thread/telemetry/catalog/queue-metrics.ts';
import { followRequests } from '../app-thread/instrumentation/fetch-requests.ts';
import type { QueueTracker } from '../app-thread/queues/queue-tracker.ts';
import type { OverItem, QueueCounts, QueueSink, StandaloneQueues } from '../app-thread/queues/standalone.ts';
import { BOUNDS_S, DEFAULT_THRESHOLD_MS, isSampled, placeOf } from './attributes.ts';
import type { QueueInstrumentationConfig } from './options.ts';
import type { Host } from './package-instrumentation.ts';
import { queuePatches } from './patch-files.ts';
import type { Measurement } from './tracked-package.ts';

type QueueHost = Host<QueueInstrumentationConfig>;
type Metric = keyof typeof QUEUE_METRICS;

/** A wait shorter than this is not worth a span in a span. */
const MIN_WAIT_NS = 1e6;

const COUNTERS = ['arrivals', 'completions', 'rejections', 'aborts'] as const;

/** Kinds that tell of the threads or connections they have. */
const HAVE_THREADS: readonly string[] = ['pool', 'connection_pool'];

const optionsOf = (name: Metric): { unit: string; description: string } => {
  const { unit, brief } = QUEUE_METRICS[name];
  return { unit, description: brief };
};

class QueueSpansAndMetrics implements QueueSink {
  readonly #host: QueueHost;
  #waits: Histogram | undefined;
  #services: Histogram | undefined;

  constructor(host: QueueHost) {
    this.#host = host;
  }

  get isOn(): boolean {
    return this.#host.isOn;
  }

  get thresholdNs(): number {
    return (this.#host.config.queueThresholdMs ?? DEFAULT_THRESHOLD_MS) * 1e6;
  }

  use(meter: Meter, { counts, nowNs }: StandaloneQueues): void {
    const histogram = (name: Metric): Histogram =>
      meter.createHistogram(name, { ...optionsOf(name), advice: { explicitBucketBoundaries: [...BOUNDS_S] } });
    this.#waits = histogram('gridwatch.queue.wait.duration');
    this.#services = histogram('gridwatch.queue.service.duration');
    const observe = (
      name: Metric,
      instrument: 'createObservableCounter' | 'createObservableUpDownCounter' | 'createObservableGauge',
      values: (queue: QueueCounts) => readonly (readonly [number, Attributes?])[],
    ): void =>
      meter[instrument](name, optionsOf(name)).addCallback((result) => {
        for (const queue of counts)
          for (const [value, more] of values(queue)) result.observe(value, { ...attributesOf(queue), ...more });
      });
    for (const name of COUNTERS)
      observe(`gridwatch.queue.${name}`, 'createObservableCounter', (queue) => [[queue[name]]]);
    observe('gridwatch.queue.size', 'createObservableUpDownCounter', ({ size }) => [[size]]);
    observe('gridwatch.queue.capacity', 'createObservableUpDownCounter', ({ capacity }) => bound(capacity));
    observe('gridwatch.queue.oldest_item.age', 'createObservableGauge', ({ oldestSinceNs }) => [
      [oldestSinceNs === 0 ? 0 : Math.max(0, nowNs() - oldestSinceNs) / 1e9],
    ]);
    observe('gridwatch.pool.thread.count', 'createObservableUpDownCounter', ({ kind, active, threads }) =>
      HAVE_THREADS.includes(kind)
        ? [
            [active, { 'gridwatch.pool.thread.state': 'active' }],
            [Math.max(0, threads - active), { 'gridwatch.pool.thread.state': 'idle' }],
          ]
        : [],
    );
    observe('gridwatch.pool.thread.limit', 'createObservableUpDownCounter', ({ limit }) => bound(limit));
  }

  waited(queue: QueueCounts, durationNs: number): void {
    this.#waits?.record(durationNs / 1e9, attributesOf(queue));
  }

  served(queue: QueueCounts, durationNs: number): void {
    this.#services?.record(durationNs / 1e9, attributesOf(queue));
  }

  /** Spans for an item of a trace that is sampled; no root for any other. */
  ended(item: OverItem): void {
    const { context, waitNs, serviceNs, name } = item;
    if (context === undefined || !isSampled(context)) return;
    const { tracer } = this.#host;
    const endMs = performance.timeOrigin + performance.now();
    const startTime = endMs - (waitNs + serviceNs) / 1e6;
    const kind = SpanKind.INTERNAL;
    const attributes = { ...attributesOf(item), 'gridwatch.task.outcome': item.outcome, ...placeOf(item.site) };
    const parent = trace.setSpanContext(ROOT_CONTEXT, context);
    const task = tracer.startSpan(`task ${name}`, { kind, startTime, attributes }, parent);
    /* What it failed with is the application's to say. */
    if (item.outcome === 'failed') task.setStatus({ code: SpanStatusCode.ERROR });
    if (waitNs >= MIN_WAIT_NS) {
      const ofWait = { kind, startTime, attributes: { ...attributesOf(item), 'gridwatch.contended': true } };
      const inTask = trace.setSpan(ROOT_CONTEXT, task);
      tracer.startSpan(`queue.wait ${name}`, ofWait, inTask).end(startTime + waitNs / 1e6);
    }
    task.end(endMs);
  }
}

function attributesOf({ name, kind }: Pick<QueueCounts, 'name' | 'kind'>): Attributes {
  return { 'gridwatch.queue.name': name, 'gridwatch.queue.kind': kind };
}

/** Where there is no bound there is no series. */
function bound(value: number): readonly [number][] {
  return value > 0 ? [[value]] : [];
}

/** Undefined where the memory cannot be had. */
export function measureQueues(host: QueueHost): Measurement<QueueTracker> | undefined {
  const sink = new QueueSpansAndMetrics(host);
  const made = queuePatches().standaloneQueues(sink);
  return made && { tracker: made.tracker, use: (meter) => sink.use(meter, made) };
}

/** Likewise of undici, and what becomes of its requests: the channels that tell of it are listened to from now on, so that those end that are under way when the host is disabled. */
export function measureRequests(host: QueueHost): Measurement<QueueTracker> | undefined {
  const made = measureQueues(host);
  if (made !== undefined) followRequests(() => queuePatches().followRequests(made.tracker));
  return made;
}
