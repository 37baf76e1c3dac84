/** The names on a page for Prometheus, against those that the Collector gives, which the e2e tests hold against a real one. */
import { expect, test } from 'vitest';
import { METRICS, type MetricDefinition, type MetricName } from '../../../../agent/agent-thread/telemetry/catalog.ts';
import { nameWithUnit } from '../../../../agent/agent-thread/telemetry/prometheus-names.ts';
import { PROMETHEUS_NAMES } from '../../../e2e/prometheus-names.ts';

test.each(Object.entries(METRICS) as [MetricName, MetricDefinition][])('%s', (name, definition) => {
  const served = nameWithUnit(name, definition).replaceAll('.', '_');
  expect(definition.instrument === 'counter' ? `${served}_total` : served).toBe(PROMETHEUS_NAMES[name]);
});

test('every unit of the catalog is one that Prometheus has a word for, or counts things', () => {
  const units = new Set((Object.values(METRICS) as MetricDefinition[]).map(({ unit }) => unit));
  const bare = [...units].filter((unit) => nameWithUnit('a', { unit, instrument: 'gauge' }) === 'a');
  for (const unit of bare) expect(unit).toMatch(/^\{\w+\}$/);
});
