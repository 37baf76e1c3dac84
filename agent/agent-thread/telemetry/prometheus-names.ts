/**
 * Metric names for a page that Prometheus reads from this process itself. The SDK's exporter turns dots into underscores and appends `_total`; the unit
 * it leaves out, while the Collector and Prometheus's own OTLP endpoint append it. With the unit the names are the same by every way, and so are the
 * rules and dashboards. Runs on the agent thread; plain text, nothing of the SDK.
 */
import type { MetricDefinition } from './catalog.ts';

/** Units as Prometheus spells them, for the UCUM units of the catalog; what stands in braces counts things and adds nothing. */
const SPELT: Readonly<Record<string, string>> = {
  s: 'seconds',
  By: 'bytes',
  Hz: 'hertz',
  J: 'joules',
  W: 'watts',
  g: 'grams',
};

export function nameWithUnit(
  name: string,
  { unit, instrument }: Pick<MetricDefinition, 'unit' | 'instrument'>,
): string {
  const spelt = unit === '1' && instrument === 'gauge' ? 'ratio' : SPELT[unit];
  return spelt === undefined ? name : `${name}_${spelt}`;
}
