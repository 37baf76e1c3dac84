/**
 * What a running Collector counts of itself. Runs in a test's own process; it reads the page that Prometheus would scrape.
 */
import { readMetricsPage } from './prometheus-api.ts';

const SIGNALS = ['spans', 'metric_points', 'log_records'] as const;
/** Its own counters of what it did not pass on. */
const LOSSES = [
  'receiver_refused',
  'receiver_failed',
  'processor_memory_limiter_refused',
  'exporter_enqueue_failed',
  'exporter_send_failed',
] as const;

/**
 * A metric, added up over its series: 0 before the first.
 *
 * @param url - of its own metrics, without a path.
 * @param name - without the prefix and any `_total`.
 */
export async function collectorTotal(
  url: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const wanted = new Set([`otelcol_${name}`, `otelcol_${name}_total`]);
  return (await readMetricsPage(`${url}/metrics`))
    .filter((each) => wanted.has(each.labels['__name__'] ?? ''))
    .filter((each) => Object.entries(labels).every(([key, value]) => each.labels[key] === value))
    .reduce((total, { value }) => total + value, 0);
}

/** What it refused, gave up or could not queue, by its metric; empty when nothing. */
export async function collectorLosses(url: string): Promise<Record<string, number>> {
  const names = LOSSES.flatMap((kind) => SIGNALS.map((signal) => `${kind}_${signal}`));
  const totals = await Promise.all(names.map(async (name) => [name, await collectorTotal(url, name)] as const));
  return Object.fromEntries(totals.filter(([, total]) => total !== 0));
}
