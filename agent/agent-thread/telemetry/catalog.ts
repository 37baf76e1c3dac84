/**
 * The one list of everything the agent emits: metrics, spans, log events, the resource, and the kinds of records it counts when they are lost. Plain
 * data, read by the agent thread and by `npm run catalog`, which writes `agent/catalog.json` and the README's tables; it must never hold logic, and nothing
 * may be emitted that is not here.
 *
 * To add a metric, add its entry to a file in `catalog/`: the names `sink.sum()`, `sink.gauge()` and `sink.histogram()` accept, the units, the conversion from
 * nanoseconds, the zeros of alerting counters, the share of the series limit and what `_OTHER` keeps all follow from it.
 */
import { AGENT_METRICS } from './catalog/agent-metrics.ts';
import { ATTRIBUTES as METRIC_ATTRIBUTES } from './catalog/attributes.ts';
import { CONTAINER_METRICS } from './catalog/container-metrics.ts';
import { DATABASE_METRICS } from './catalog/database-metrics.ts';
import { ENERGY_ATTRIBUTES } from './catalog/energy-attributes.ts';
import { ENERGY_METRICS } from './catalog/energy-metrics.ts';
import { HOST_METRICS } from './catalog/host-metrics.ts';
import { LOCK_ATTRIBUTES } from './catalog/lock-attributes.ts';
import { LOCK_METRICS } from './catalog/lock-metrics.ts';
import { LOOP_METRICS } from './catalog/loop-metrics.ts';
import { MEMORY_METRICS } from './catalog/memory-metrics.ts';
import { QUEUE_ATTRIBUTES } from './catalog/queue-attributes.ts';
import { QUEUE_METRICS } from './catalog/queue-metrics.ts';
import { RESOURCE } from './catalog/resource.ts';
import { SPAN_ATTRIBUTES } from './catalog/span-attributes.ts';
import { ANY_LOG, ANY_SPAN, LOG_EVENTS, SPANS } from './catalog/spans.ts';
import { THREAD_METRICS } from './catalog/thread-metrics.ts';

export type {
  AttributeDefinition,
  LogDefinition,
  MetricCatalog,
  MetricDefinition,
  ResourceDefinition,
  SpanDefinition,
} from './catalog/definitions.ts';
export { ANY_LOG, ANY_SPAN, LOG_EVENTS, RESOURCE, SPANS };

export const ATTRIBUTES: typeof METRIC_ATTRIBUTES &
  typeof LOCK_ATTRIBUTES &
  typeof QUEUE_ATTRIBUTES &
  typeof ENERGY_ATTRIBUTES &
  typeof SPAN_ATTRIBUTES = {
  ...METRIC_ATTRIBUTES,
  ...LOCK_ATTRIBUTES,
  ...QUEUE_ATTRIBUTES,
  ...ENERGY_ATTRIBUTES,
  ...SPAN_ATTRIBUTES,
};

export const METRICS: typeof THREAD_METRICS &
  typeof LOOP_METRICS &
  typeof MEMORY_METRICS &
  typeof LOCK_METRICS &
  typeof QUEUE_METRICS &
  typeof DATABASE_METRICS &
  typeof ENERGY_METRICS &
  typeof HOST_METRICS &
  typeof CONTAINER_METRICS &
  typeof AGENT_METRICS = {
  ...THREAD_METRICS,
  ...LOOP_METRICS,
  ...MEMORY_METRICS,
  ...LOCK_METRICS,
  ...QUEUE_METRICS,
  ...DATABASE_METRICS,
  ...ENERGY_METRICS,
  ...HOST_METRICS,
  ...CONTAINER_METRICS,
  ...AGENT_METRICS,
};

/**
 * Shares of the series limit (of 3 000, see GRIDWATCH_METRICS_MAX_SERIES), and in each how many names keep series of their own. The busiest keep
 * theirs, those `alwaysKept` before all others; the rest join `_OTHER`, which has a series for each combination of closed attributes but those that say
 * nothing of many names together (`notOfOthers`): of all ports the directions would double it. In `rest` a CPU number counts as a name.
 */
export const FAMILIES = {
  threads: {
    nameAttribute: 'thread.name',
    maxNames: 32,
    maxSeries: 1000,
    busiestBy: 'gridwatch.thread.cpu.time',
    alwaysKept: ['main', 'agent', 'libuv', 'v8', 'other'],
    notOfOthers: [],
  },
  locks: {
    nameAttribute: 'gridwatch.lock.name',
    maxNames: 100,
    maxSeries: 1000,
    busiestBy: 'gridwatch.lock.wait.duration',
    alwaysKept: [],
    notOfOthers: [],
  },
  queues: {
    nameAttribute: 'gridwatch.queue.name',
    maxNames: 100,
    maxSeries: 600,
    busiestBy: 'gridwatch.queue.arrivals',
    alwaysKept: [],
    notOfOthers: ['gridwatch.queue.direction'],
  },
  rest: { nameAttribute: '', maxNames: 1000, maxSeries: 400, busiestBy: '', alwaysKept: [], notOfOthers: [] },
} as const;

/** What a name is replaced with when its series join the others. */
export const OTHER = '_OTHER';

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

/** What spans and log records say, each attribute with the type that the catalog gives it. */
export type SignalAttributes = { readonly [K in AttributeName]?: ValueOf<(typeof ATTRIBUTES)[K]> | undefined };
export type AttributeName = keyof typeof ATTRIBUTES;
export type ResourceAttributeName = keyof typeof RESOURCE;

interface ValueTypes {
  readonly string: string;
  readonly int: number;
  readonly double: number;
  readonly boolean: boolean;
}
type ValueOf<A> = A extends { readonly values: readonly (infer V)[] }
  ? V
  : A extends { readonly type: infer T extends keyof ValueTypes }
    ? ValueTypes[T]
    : never;
