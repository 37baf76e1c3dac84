/**
 * What an entry of the catalog says. Types only, for the agent thread and for whatever generates pages from the catalog.
 */
import type { HistogramFamily } from '../../../shared-memory/histogram.ts';

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
  readonly family: 'threads' | 'locks' | 'queues' | 'rest';
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
