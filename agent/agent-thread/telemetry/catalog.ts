/**
 * The one list of everything the agent emits: metrics, spans, log events, and the kinds of records it counts when they are lost. Plain data,
 * read by the agent thread and by the generator of the README's tables; it must never hold logic, and nothing may be emitted that is not here.
 *
 * To add a metric, add its entry: the names `sink.sum()`, `sink.gauge()` and `sink.histogram()` accept, the units, the conversion from
 * nanoseconds, the zeros of alerting counters, the share of the series limit and what `_OTHER` keeps all follow from it.
 */
import type { HistogramFamily } from '../../shared-memory/histogram.ts';

/** One attribute of metrics. With `values` it is closed; without, its values come from the program and are bounded by the series limits. */
export interface AttributeDefinition {
  readonly type: 'string' | 'int';
  readonly values?: readonly string[];
  readonly brief: string;
}

/** One metric as it leaves the process. */
export interface MetricDefinition {
  readonly instrument: 'counter' | 'updowncounter' | 'gauge' | 'histogram';
  /** UCUM. */
  readonly unit: string;
  readonly brief: string;
  readonly attributes: readonly string[];
  /** The share of the series limit it counts against, and with it the attribute that names a thread, lock or queue. */
  readonly family: Family;
  /** The buckets of a histogram. */
  readonly buckets?: HistogramFamily;
  /** How many of the source's units make one: 1e9 where the source counts nanoseconds, left out where the units are the same. */
  readonly divisor?: number;
  /** Whole numbers are exported as integers. */
  readonly isInteger?: true;
  /** An alert reads it: every combination of its closed attributes is exported as 0 from the first interval on. */
  readonly startsAtZero?: true;
  /** Attributes that are absent from some of its series: `startsAtZero` then covers the series without them, too. */
  readonly optional?: readonly string[];
}

export const ATTRIBUTES = {
  'thread.name': {
    type: 'string',
    brief: "`main`, a worker's own name, or `worker-<k>`; unique among the live threads.",
  },
  'gridwatch.thread.role': {
    type: 'string',
    values: ['main', 'worker', 'agent', 'libuv', 'v8', 'other'],
    brief: 'What the thread is for.',
  },
  'gridwatch.thread.state': {
    type: 'string',
    values: ['running', 'runnable', 'waiting_lock', 'waiting_queue', 'parked', 'idle', 'blocked_io', 'unknown'],
    brief: 'What the thread did with the time; what could not be told is `unknown`.',
  },
  'error.type': {
    type: 'string',
    values: ['exit_code', 'uncaught', 'terminated', 'out_of_memory'],
    brief: 'Why a thread ended; absent when it ended cleanly.',
  },
  'cpu.mode': {
    type: 'string',
    values: ['user', 'system', 'nice', 'idle', 'iowait', 'interrupt', 'steal', 'kernel'],
    brief: 'The mode of the CPU.',
  },
  'cpu.logical_number': { type: 'int', brief: 'The logical CPU, from 0.' },
  'process.context_switch.type': {
    type: 'string',
    values: ['voluntary', 'involuntary'],
    brief: 'Whether the thread gave up the CPU or was taken off it.',
  },
  'v8js.gc.type': {
    type: 'string',
    values: ['minor', 'major', 'incremental', 'weakcb'],
    brief: 'The type of garbage collection.',
  },
  'gridwatch.record.kind': {
    type: 'string',
    values: ['corrupt', 'gc', 'wait', 'name', 'thread', 'span', 'log', 'metric'],
    brief: 'What was lost.',
  },
  'gridwatch.signal': { type: 'string', values: ['traces', 'metrics', 'logs'], brief: 'The OTLP signal.' },
  'gridwatch.feature': { type: 'string', brief: 'A name of GRIDWATCH_FEATURES, or the part of the agent that is off.' },
  'gridwatch.reason': {
    type: 'string',
    values: [
      'unsupported_platform',
      'no_permission',
      'several_api_versions',
      'node22_als',
      'ledger_poisoned',
      'budget',
      'configured',
      'failed',
    ],
    brief: 'Why the feature is off.',
  },
} as const;

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

export const METRICS = {
  'gridwatch.thread.count': {
    instrument: 'updowncounter',
    unit: '{thread}',
    brief: 'Live threads.',
    attributes: ['gridwatch.thread.role'],
    family: 'rest',
    isInteger: true,
  },
  'gridwatch.thread.exits': {
    instrument: 'counter',
    unit: '{exit}',
    brief: 'Threads that ended.',
    attributes: ['error.type'],
    optional: ['error.type'],
    family: 'rest',
    isInteger: true,
    startsAtZero: true,
  },
  'gridwatch.thread.cpu.time': {
    instrument: 'counter',
    unit: 's',
    brief: 'CPU time of the thread.',
    attributes: ['thread.name', 'cpu.mode'],
    family: 'threads',
    divisor: 1e9,
  },
  'gridwatch.thread.state.time': {
    instrument: 'counter',
    unit: 's',
    brief: 'Time of the thread by state; spinning is running, a raw Atomics.wait is parked.',
    attributes: ['thread.name', 'gridwatch.thread.role', 'gridwatch.thread.state'],
    family: 'threads',
    divisor: 1e9,
  },
  'gridwatch.thread.context_switches': {
    instrument: 'counter',
    unit: '{context_switch}',
    brief: 'Context switches of the thread.',
    attributes: ['thread.name', 'process.context_switch.type'],
    family: 'threads',
    isInteger: true,
  },
  'gridwatch.thread.startup.duration': {
    instrument: 'histogram',
    buckets: 'waits',
    unit: 's',
    brief: 'From `new Worker` to the first user code of the worker.',
    attributes: [],
    family: 'rest',
    divisor: 1e9,
  },
  'v8js.gc.duration': {
    instrument: 'histogram',
    buckets: 'gc',
    unit: 's',
    brief: 'Garbage collection duration, of every thread.',
    attributes: ['thread.name', 'v8js.gc.type'],
    family: 'threads',
    divisor: 1e9,
  },
  'system.cpu.time': {
    instrument: 'counter',
    unit: 's',
    brief: 'Time of each CPU this process may use, by mode.',
    attributes: ['cpu.logical_number', 'cpu.mode'],
    family: 'rest',
    divisor: 1e9,
  },
  'system.cpu.utilization': {
    instrument: 'gauge',
    unit: '1',
    brief: 'Share of the last interval that each CPU this process may use spent in the mode.',
    attributes: ['cpu.logical_number', 'cpu.mode'],
    family: 'rest',
  },
  'system.cpu.frequency': {
    instrument: 'gauge',
    unit: 'Hz',
    brief: 'Current frequency of each CPU this process may use.',
    attributes: ['cpu.logical_number'],
    family: 'rest',
    isInteger: true,
  },
  'system.cpu.logical.count': {
    instrument: 'updowncounter',
    unit: '{cpu}',
    brief: 'CPUs this process may use.',
    attributes: [],
    family: 'rest',
    isInteger: true,
  },
  'system.cpu.physical.count': {
    instrument: 'updowncounter',
    unit: '{cpu}',
    brief: 'Cores behind the CPUs this process may use.',
    attributes: [],
    family: 'rest',
    isInteger: true,
  },
  'process.cpu.time': {
    instrument: 'counter',
    unit: 's',
    brief: 'CPU time of the process, by mode.',
    attributes: ['cpu.mode'],
    family: 'rest',
    divisor: 1e9,
  },
  'process.cpu.utilization': {
    instrument: 'gauge',
    unit: '1',
    brief: 'CPU time of the last interval over the CPU time this process could have used.',
    attributes: ['cpu.mode'],
    family: 'rest',
  },
  'process.context_switches': {
    instrument: 'counter',
    unit: '{context_switch}',
    brief: 'Context switches of the process.',
    attributes: ['process.context_switch.type'],
    family: 'rest',
    isInteger: true,
  },
  'process.thread.count': {
    instrument: 'updowncounter',
    unit: '{thread}',
    brief: 'Threads of the process as the kernel counts them.',
    attributes: [],
    family: 'rest',
    isInteger: true,
  },
  'process.memory.usage': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: 'Physical memory of the process.',
    attributes: [],
    family: 'rest',
    isInteger: true,
  },
  'process.uptime': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Time since the process started.',
    attributes: [],
    family: 'rest',
    divisor: 1e9,
  },
  'gridwatch.cpu.parallelism': {
    instrument: 'gauge',
    unit: '{thread}',
    brief: 'Threads running at once, on average over the last interval.',
    attributes: [],
    family: 'rest',
  },
  'gridwatch.cpu.demand': {
    instrument: 'gauge',
    unit: '{thread}',
    brief: 'Threads running, runnable or waiting for a lock at once, on average over the last interval.',
    attributes: [],
    family: 'rest',
  },
  'gridwatch.agent.dropped': {
    instrument: 'counter',
    unit: '{record}',
    brief: 'Records lost, by kind.',
    attributes: ['gridwatch.record.kind'],
    family: 'rest',
    isInteger: true,
    startsAtZero: true,
  },
  'gridwatch.agent.drain.duration': {
    instrument: 'histogram',
    buckets: 'waits',
    unit: 's',
    brief: 'One pass over the rings of all threads.',
    attributes: [],
    family: 'rest',
    divisor: 1e9,
  },
  'gridwatch.agent.cpu.time': {
    instrument: 'counter',
    unit: 's',
    brief: 'CPU time of the agent thread.',
    attributes: [],
    family: 'rest',
    divisor: 1e9,
  },
  'gridwatch.agent.memory.usage': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: "The agent thread's heap and buffers, and the shared memory.",
    attributes: [],
    family: 'rest',
    isInteger: true,
  },
  'gridwatch.agent.export.failures': {
    instrument: 'counter',
    unit: '{export}',
    brief: 'Export requests that failed; a backend that does not take a signal is none.',
    attributes: ['gridwatch.signal'],
    family: 'rest',
    isInteger: true,
    startsAtZero: true,
  },
  'gridwatch.agent.spool.size': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: 'Export requests waiting in memory.',
    attributes: [],
    family: 'rest',
    isInteger: true,
  },
  'gridwatch.agent.restarts': {
    instrument: 'counter',
    unit: '{restart}',
    brief: 'Starts of the agent thread after the first.',
    attributes: [],
    family: 'rest',
    isInteger: true,
    startsAtZero: true,
  },
  'gridwatch.agent.series': {
    instrument: 'updowncounter',
    unit: '{series}',
    brief: 'Series exported, as Prometheus counts them.',
    attributes: [],
    family: 'rest',
    isInteger: true,
  },
  'gridwatch.agent.uptime': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Time since the agent thread started: the heartbeat of the alert for a silent agent.',
    attributes: [],
    family: 'rest',
    divisor: 1e9,
  },
  'gridwatch.agent.feature.disabled': {
    instrument: 'updowncounter',
    unit: '{feature}',
    brief: 'Features that are off, and why.',
    attributes: ['gridwatch.feature', 'gridwatch.reason'],
    family: 'rest',
    isInteger: true,
  },
} as const;

/** Spans by name; what stands in angle brackets is a class of things, never a key, an id or a port. */
export const SPANS = {
  'gc <type>': { brief: 'A pause of garbage collection past the threshold.', attributes: ['v8js.gc.type'] },
  'worker.start <name>': {
    brief: 'From `new Worker` to the first user code, or to the failure.',
    attributes: ['gridwatch.thread.os_id'],
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
export type AttributeKey = keyof typeof ATTRIBUTES;
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
