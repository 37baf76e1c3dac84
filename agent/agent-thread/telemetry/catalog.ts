/**
 * The one list of everything the agent emits: metrics, spans, log events, and the kinds of records it counts when they are lost. Plain data,
 * read by the agent thread and by the generator of the README's tables; it must never hold logic, and nothing may be emitted that is not here.
 *
 * To add a metric, add its entry to a file in `catalog/`: the names `sink.sum()`, `sink.gauge()` and `sink.histogram()` accept, the units, the conversion from
 * nanoseconds, the zeros of alerting counters, the share of the series limit and what `_OTHER` keeps all follow from it.
 */
import { AGENT_METRICS } from './catalog/agent-metrics.ts';
import { ATTRIBUTES } from './catalog/attributes.ts';
import { CONTAINER_METRICS } from './catalog/container-metrics.ts';
import { HOST_METRICS } from './catalog/host-metrics.ts';
import { LOOP_METRICS } from './catalog/loop-metrics.ts';
import { MEMORY_METRICS } from './catalog/memory-metrics.ts';
import { THREAD_METRICS } from './catalog/thread-metrics.ts';

export type { AttributeDefinition, MetricCatalog, MetricDefinition } from './catalog/definitions.ts';
export { ATTRIBUTES };

export const METRICS: typeof THREAD_METRICS &
  typeof LOOP_METRICS &
  typeof MEMORY_METRICS &
  typeof HOST_METRICS &
  typeof CONTAINER_METRICS &
  typeof AGENT_METRICS = {
  ...THREAD_METRICS,
  ...LOOP_METRICS,
  ...MEMORY_METRICS,
  ...HOST_METRICS,
  ...CONTAINER_METRICS,
  ...AGENT_METRICS,
};

/**
 * Shares of the series limit (of 3 000, see GRIDWATCH_METRICS_MAX_SERIES), and in each how many names keep series of their own. The busiest keep
 * theirs, those `alwaysKept` before all others; the rest join `_OTHER`. In `rest` a CPU number counts as a name.
 */
export const FAMILIES = {
  threads: {
    nameAttribute: 'thread.name',
    maxNames: 32,
    maxSeries: 1000,
    busiestBy: 'gridwatch.thread.cpu.time',
    alwaysKept: ['main', 'agent', 'libuv', 'v8', 'other'],
  },
  locks: {
    nameAttribute: 'gridwatch.lock.name',
    maxNames: 100,
    maxSeries: 1000,
    busiestBy: 'gridwatch.lock.wait.duration',
    alwaysKept: [],
  },
  queues: {
    nameAttribute: 'gridwatch.queue.name',
    maxNames: 100,
    maxSeries: 600,
    busiestBy: 'gridwatch.queue.arrivals',
    alwaysKept: [],
  },
  rest: { nameAttribute: '', maxNames: 1000, maxSeries: 400, busiestBy: '', alwaysKept: [] },
} as const;

/** What a name is replaced with when its series join the others. */
export const OTHER = '_OTHER';

/** Spans by name; what stands in angle brackets is a class of things, never a key, an id or a port. */
export const SPANS = {
  'gc <type>': { brief: 'A pause of garbage collection past the threshold.', attributes: ['v8js.gc.type'] },
  'eventloop.blocked': {
    brief:
      'A turn of the event loop that held the CPU past the threshold. Without a stack: Node gives one of another thread only by its inspector.',
    attributes: ['gridwatch.span.cpu.time', 'gridwatch.eventloop.ongoing'],
  },
  'worker.start <name>': {
    brief: 'From `new Worker` to the first user code, or to the failure.',
    attributes: ['gridwatch.thread.os_id', 'gridwatch.thread.file', 'code.file.path', 'code.line.number'],
  },
  'incident <event>': {
    brief: 'A log record of WARN and up that has no span of its own; zero length.',
    attributes: [],
  },
} as const;

export const LOG_EVENTS = {
  'gridwatch.thread.failed': { severity: 'error', brief: 'A worker ended with an error.' },
  'gridwatch.agent.degraded': { severity: 'warn', brief: 'The agent left something out, and what.' },
} as const;

export type Family = keyof typeof FAMILIES;
export type MetricName = keyof typeof METRICS;
type Instrumented<I> = { [N in MetricName]: (typeof METRICS)[N]['instrument'] extends I ? N : never }[MetricName];
export type SumMetric = Instrumented<'counter' | 'updowncounter'>;
export type GaugeMetric = Instrumented<'gauge'>;
export type HistogramMetric = Instrumented<'histogram'>;

type Pattern<P> = P extends `${infer Head}<${string}>` ? `${Head}${string}` : P;
export type SpanName = Pattern<keyof typeof SPANS>;
export type LogEventName = keyof typeof LOG_EVENTS;

export type RecordKind = (typeof ATTRIBUTES)['gridwatch.record.kind']['values'][number];
export type Signal = (typeof ATTRIBUTES)['gridwatch.signal']['values'][number];
export type DisabledReason = (typeof ATTRIBUTES)['gridwatch.reason']['values'][number];

/** What an attribute may hold. */
export type AttributeValue = string | number | boolean;
export type Attributes = { readonly [key: string]: AttributeValue | undefined };
