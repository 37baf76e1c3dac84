/**
 * `agent/catalog.json` as users of it see it: what rules and dashboards may name. Runs in a test's own process.
 */
import { readFileSync } from 'node:fs';
import { PROMETHEUS_NAMES } from '../e2e/prometheus-names.ts';

interface CatalogMetric {
  readonly name: string;
  readonly instrument: string;
  readonly unit: string;
  readonly attributes: readonly { readonly name: string }[];
  /** Of a histogram, in seconds. */
  readonly bounds?: readonly number[];
}

interface Catalog {
  readonly metrics: readonly CatalogMetric[];
  readonly spans: readonly { readonly name: string }[];
  readonly logs: readonly { readonly name: string }[];
  readonly attributes: readonly { readonly name: string; readonly values?: readonly string[] }[];
  readonly resource: readonly { readonly name: string }[];
}

const catalog: Catalog = JSON.parse(
  readFileSync(new URL('../../agent/catalog.json', import.meta.url), 'utf8'),
) as Catalog;

const translations = new Map<string, string>(Object.entries(PROMETHEUS_NAMES));

/** What Prometheus calls an attribute. */
export function prometheusName(name: string): string {
  return name.replaceAll('.', '_');
}

/** The metric behind a name in Prometheus; a histogram has no series of its whole. */
export function metricNamed(name: string): CatalogMetric | undefined {
  return catalog.metrics.find((metric) => {
    const parts = metric.instrument === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    return parts.some((part) => `${translations.get(metric.name)}${part}` === name);
  });
}

export const attributeNames: readonly string[] = catalog.attributes.map(({ name }) => name);

/** What a process says of itself, on `target_info`. */
export const resourceAttributeNames: readonly string[] = catalog.resource.map(({ name }) => name);

/** What a label in Prometheus can be, where that is a closed list. */
export function valuesOf(label: string): readonly string[] | undefined {
  return catalog.attributes.find(({ name }) => prometheusName(name) === label)?.values;
}

/** Upper bounds of a histogram's buckets. */
export function boundsOf(name: string): readonly number[] {
  return catalog.metrics.find((metric) => metric.name === name)?.bounds ?? [];
}

/** What Jaeger calls the agent's spans; `%s` is the name of a lock, a queue or a thread, or the type of a collection. */
export const operations: readonly string[] = [
  ...catalog.spans.map(({ name }) => name.replace(/<(?:name|queue|type)>/, '%s')),
  ...catalog.logs.map(({ name }) => `incident ${name}`),
  ...(valuesOf('v8js_gc_type') ?? []).map((type) => `gc ${type}`),
];
