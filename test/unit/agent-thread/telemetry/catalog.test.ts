/** The catalog holds together: what an entry refers to exists, and what the contract asks of all entries is true of each. */
import { describe, expect, test } from 'vitest';
import type { AttributeDefinition, MetricDefinition } from '../../../../agent/agent-thread/telemetry/catalog.ts';
import {
  ANY_LOG,
  ANY_SPAN,
  ATTRIBUTES,
  FAMILIES,
  LOG_EVENTS,
  METRICS,
  SPANS,
} from '../../../../agent/agent-thread/telemetry/catalog.ts';
import { EXPLICIT_BOUNDS_S } from '../../../../agent/shared-memory/histogram.ts';

const metrics = Object.entries(METRICS) as [string, MetricDefinition][];

describe.each(metrics)('%s', (name, metric) => {
  test('has attributes that the catalog describes', () => {
    for (const key of metric.attributes) expect(Object.keys(ATTRIBUTES)).toContain(key);
    for (const key of metric.optional ?? []) expect(metric.attributes).toContain(key);
  });

  test('has buckets if and only if it is a histogram', () => {
    expect(metric.buckets !== undefined).toBe(metric.instrument === 'histogram');
  });

  test('is counted in nanoseconds if its unit is the second, in microjoules if it is the joule', () => {
    expect(metric.divisor).toBe({ s: 1e9, J: 1e6 }[metric.unit]);
  });

  test('is an integer if it counts things', () => {
    // A quota may be one and a half CPUs.
    const countsThings =
      name !== 'gridwatch.cpu.quota.limit' &&
      ((metric.unit.startsWith('{') && metric.instrument !== 'gauge') || /^(?:By|Hz)$/.test(metric.unit));
    expect(metric.isInteger === true).toBe(countsThings);
  });

  test('has a unit of UCUM and a sentence that says what it is', () => {
    expect(metric.unit).toMatch(/^(?:s|By|Hz|J|W|g|1|\{[a-z_]+\})$/);
    expect(metric.brief).toMatch(/^[A-Z].*\.$/);
  });

  test('stands under gridwatch. or is a convention of OpenTelemetry', () => {
    expect(name).toMatch(/^(?:gridwatch|v8js|nodejs|system|process|container|db)\.[a-z_]+(?:\.[a-z0-9_]+)*$/);
  });

  test('names a thread, lock or queue only in a family that limits them', () => {
    const { nameAttribute } = FAMILIES[metric.family];
    const names = Object.values(FAMILIES).map((family) => family.nameAttribute);
    const itsNames = names.filter((key) => metric.attributes.includes(key));
    expect(itsNames.length === 0 || itsNames.includes(nameAttribute)).toBe(true);
  });
});

test('the counters that alerts read start at zero', () => {
  const zeros = metrics.filter(([, { startsAtZero }]) => startsAtZero).map(([name]) => name);
  expect(zeros).toEqual(
    expect.arrayContaining([
      'gridwatch.thread.exits',
      'gridwatch.agent.dropped',
      'gridwatch.deadlocks',
      'gridwatch.deadlock.thread.count',
      'gridwatch.lock.order.inversions',
      'gridwatch.findings',
    ]),
  );
});

test('the families share 3 000 series', () => {
  expect(Object.values(FAMILIES).reduce((sum, { maxSeries }) => sum + maxSeries, 0)).toBe(3000);
});

test('log events stand under gridwatch.', () => {
  for (const name of Object.keys(LOG_EVENTS)) expect(name).toMatch(/^gridwatch\./);
});

test('spans and log records have attributes that the catalog describes', () => {
  const used = [...Object.values(SPANS), ...Object.values(LOG_EVENTS)].flatMap(({ attributes }) => [...attributes]);
  for (const key of [...used, ...ANY_SPAN, ...ANY_LOG]) expect(Object.keys(ATTRIBUTES)).toContain(key);
});

test('an incident has whatever a log record of WARN and up may have', () => {
  const { attributes } = SPANS['incident <event>'];
  for (const event of Object.values(LOG_EVENTS))
    expect(attributes).toEqual(expect.arrayContaining([...event.attributes]));
});

test('what the others of a family leave out is closed: what is open is one value among them', () => {
  for (const { notOfOthers } of Object.values(FAMILIES))
    for (const key of notOfOthers) expect(ATTRIBUTES[key]).toHaveProperty('values');
});

test('every attribute is used by something', () => {
  const used = [...metrics.map(([, metric]) => metric), ...Object.values(SPANS), ...Object.values(LOG_EVENTS)];
  const names = new Set<string>([...used.flatMap(({ attributes }) => [...attributes]), ...ANY_SPAN, ...ANY_LOG]);
  expect(Object.keys(ATTRIBUTES).filter((key) => !names.has(key))).toEqual([]);
});

/** Series of Prometheus that a metric has at most under one name, or of all others together: every combination of its closed attributes. */
function seriesOfAName({ attributes, buckets }: MetricDefinition, leftOut: readonly string[]): number {
  const counts = attributes
    .filter((key) => !leftOut.includes(key))
    .map((key) => (ATTRIBUTES as Record<string, AttributeDefinition>)[key]?.values?.length ?? 1);
  const ofHistogram = buckets === undefined ? 1 : EXPLICIT_BOUNDS_S[buckets].length + 3;
  return counts.reduce((product, count) => product * count, ofHistogram);
}

test.each(Object.entries(FAMILIES))(
  'the names of %s that always keep their series, and the others together, fit into its share',
  (family, limits) => {
    const ofFamily = metrics.filter(([, metric]) => metric.family === family);
    const kept = ofFamily.reduce((sum, [, metric]) => sum + seriesOfAName(metric, []), 0);
    const others = ofFamily.reduce((sum, [, metric]) => sum + seriesOfAName(metric, limits.notOfOthers), 0);
    expect(kept * limits.alwaysKept.length + others).toBeLessThanOrEqual(limits.maxSeries);
  },
);
