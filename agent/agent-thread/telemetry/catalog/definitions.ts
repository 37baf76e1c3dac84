/**
 * What an entry of the catalog says. Types only, for the agent thread and for what is generated from the catalog (`test/catalog/`).
 */
import type { Feature } from '../../../config/options.ts';
import type { HistogramFamily } from '../../../shared-memory/histogram.ts';

/**
 * One attribute. With `values` it is closed; without, its values come from the program: on metrics they are bounded by the series limits, on spans and
 * logs they need no bound.
 */
export interface AttributeDefinition {
  readonly type: 'string' | 'int' | 'double' | 'boolean';
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
  readonly family: 'threads' | 'locks' | 'queues' | 'rest';
  /** Without this feature it is not sent, where several share it without all of them; left out for what is always sent. */
  readonly feature?: Feature | readonly Feature[];
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

/** What a registry of metrics is made from. */
export interface MetricCatalog {
  readonly metrics: { readonly [name: string]: MetricDefinition };
  readonly attributes: { readonly [key: string]: AttributeDefinition };
}

/** One kind of span. What stands in angle brackets in its name is a class of things, never a key, an id or a port. */
export interface SpanDefinition {
  /** Left out: INTERNAL. */
  readonly kind?: 'producer' | 'consumer';
  readonly brief: string;
  readonly when: string;
  /** Besides those that every span of the agent may have. */
  readonly attributes: readonly string[];
  /** Without this feature there is none, where several have it without all of them. */
  readonly feature?: Feature | readonly Feature[];
}

/** One kind of log record, by its EventName. */
export interface LogDefinition {
  readonly severity: 'info' | 'warn' | 'error';
  readonly brief: string;
  readonly attributes: readonly string[];
}

/** One attribute of the resource. */
export interface ResourceDefinition {
  readonly type: AttributeDefinition['type'];
  readonly brief: string;
  /** Where its value is from; the first that has one. */
  readonly from: string;
}
