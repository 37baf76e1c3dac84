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
import { followRequests } from '../app-thread/instrumentation/fetch-requests.ts';
import type { QueueTracker } from '../app-thread/queues/queue-tracker.ts';
import type { OverItem, QueueCounts, QueueSink, StandaloneQueues } from '../app-thread/queues/standalone.ts';
import { ageS, DEFAULT_THRESHOLD_MS, isSampled, placeOf } from './attributes.ts';
import { histogramOf, type Observation, observe } from './instruments.ts';
import type { QueueInstrumentationConfig } from './options.ts';
import type { Host } from './package-instrumentation.ts';
import { memoryWithoutAgent, queuePatches } from './patch-files.ts';
import type { Measurement } from './tracked-package.ts';

type QueueHost = Host<QueueInstrumentationConfig>;

/** A wait shorter than this is not worth a span in a span. */
const MIN_WAIT_NS = 1e6;

const COUNTERS = ['arrivals', 'completions', 'rejections', 'aborts'] as const;

/** Kinds that tell of the threads or connections they have. */
const HAVE_THREADS: readonly string[] = ['pool', 'connection_pool'];

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
    this.#waits = histogramOf(meter, 'gridwatch.queue.wait.duration');
    this.#services = histogramOf(meter, 'gridwatch.queue.service.duration');
    for (const name of COUNTERS)
      observe(meter, `gridwatch.queue.${name}`, () => counts.map((queue) => seriesOf(queue, queue[name])));
    observe(meter, 'gridwatch.queue.size', () => counts.map((queue) => seriesOf(queue, queue.size)));
    observe(meter, 'gridwatch.queue.oldest_item.age', () =>
      counts.map((queue) => seriesOf(queue, ageS(queue.oldestSinceNs, nowNs()))),
    );
    observe(meter, 'gridwatch.queue.capacity', () => bounds(counts, 'capacity'));
    observe(meter, 'gridwatch.pool.thread.limit', () => bounds(counts, 'limit'));
    observe(meter, 'gridwatch.pool.thread.count', () =>
      counts
        .filter(({ kind }) => HAVE_THREADS.includes(kind))
        .flatMap((queue) => [
          seriesOf(queue, queue.active, { 'gridwatch.pool.thread.state': 'active' }),
          seriesOf(queue, Math.max(0, queue.threads - queue.active), { 'gridwatch.pool.thread.state': 'idle' }),
        ]),
    );
  }

  waited(queue: QueueCounts, durationNs: number): void {
    this.#waits?.record(durationNs / 1e9, attributesOf(queue));
  }

  served(queue: QueueCounts, durationNs: number): void {
    this.#services?.record(durationNs / 1e9, attributesOf(queue));
  }

  /** Spans for an item of a trace that is sampled; no root for any other. */
  ended(item: OverItem): void {
    const { context, waitNs, name, submitted, began } = item;
    if (context === undefined || !isSampled(context)) return;
    const { tracer } = this.#host;
    const kind = SpanKind.INTERNAL;
    const attributes = { ...attributesOf(item), 'gridwatch.task.outcome': item.outcome, ...placeOf(item.site) };
    const parent = trace.setSpanContext(ROOT_CONTEXT, context);
    const task = tracer.startSpan(`task ${name}`, { kind, startTime: submitted, attributes }, parent);
    /* What it failed with is the application's to say. */
    if (item.outcome === 'failed') task.setStatus({ code: SpanStatusCode.ERROR });
    if (waitNs >= MIN_WAIT_NS) {
      const ofWait = { kind, startTime: submitted, attributes: { ...attributesOf(item), 'gridwatch.contended': true } };
      tracer.startSpan(`queue.wait ${name}`, ofWait, trace.setSpan(ROOT_CONTEXT, task)).end(began);
    }
    task.end(item.ended);
  }
}

function attributesOf({ name, kind }: Pick<QueueCounts, 'name' | 'kind'>): Attributes {
  return { 'gridwatch.queue.name': name, 'gridwatch.queue.kind': kind };
}

function seriesOf(queue: QueueCounts, value: number, more?: Attributes): Observation {
  return [value, { ...attributesOf(queue), ...more }];
}

/** Where there is no bound there is no series. */
function bounds(counts: readonly QueueCounts[], bound: 'capacity' | 'limit'): Observation[] {
  return counts.filter((queue) => queue[bound] > 0).map((queue) => seriesOf(queue, queue[bound]));
}

/** A pool of workers also tells when it has none any more; one of connections may be forgotten. */
function isInUse({ size, active, kind, threads }: QueueCounts): boolean {
  return size > 0 || active > 0 || (kind === 'pool' && threads > 0);
}

/** Undefined where the memory cannot be had. */
export function measureQueues(host: QueueHost): Measurement<QueueTracker> | undefined {
  const sink = new QueueSpansAndMetrics(host);
  const memory = memoryWithoutAgent();
  const made = memory && queuePatches().standaloneQueues(sink, memory);
  if (made === undefined) return undefined;
  const { tracker, counts } = made;
  return { tracker, isInUse: () => counts.some(isInUse), use: (meter) => sink.use(meter, made) };
}

/** Likewise of undici, and what becomes of its requests: the channels that tell of it are listened to from now on, so that those end that are under way when the host is disabled. */
export function measureRequests(host: QueueHost): Measurement<QueueTracker> | undefined {
  const made = measureQueues(host);
  if (made !== undefined) followRequests(() => queuePatches().followRequests(made.tracker));
  return made;
}
