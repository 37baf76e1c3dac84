/**
 * The catalog as `catalog.json` has it: for programs that build dashboards, alerts or documentation from what the agent sends. Runs in the process of
 * `npm run catalog`; SemVer covers the names in it.
 */
import {
  ANY_LOG,
  ANY_SPAN,
  ATTRIBUTES,
  FAMILIES,
  LOG_EVENTS,
  type LogDefinition,
  METRICS,
  type MetricDefinition,
  OTHER,
  RESOURCE,
  type ResourceDefinition,
  SPANS,
  type SpanDefinition,
} from '../../agent/agent-thread/telemetry/catalog.ts';
import { EXPLICIT_BOUNDS_S } from '../../agent/shared-memory/histogram.ts';

/** OpenTelemetry's own names are those outside of our namespace. */
function isConvention(name: string): boolean {
  return !name.startsWith('gridwatch.');
}

/** It is sent with any of them; none: always. */
function featuresOf({
  feature = [],
}: {
  readonly feature?: MetricDefinition['feature'] | undefined;
}): readonly string[] {
  return [feature].flat();
}

export function catalogDocument(): object {
  return {
    schema: 1,
    semanticConventions: '1.45',
    other: OTHER,
    metrics: Object.entries(METRICS as Record<string, MetricDefinition>).map(([name, metric]) => ({
      name,
      origin: isConvention(name) ? 'opentelemetry' : 'gridwatch',
      instrument: metric.instrument,
      unit: metric.unit,
      valueType: metric.isInteger === true ? 'int' : 'double',
      description: metric.brief,
      attributes: metric.attributes.map((key) => ({ name: key, required: metric.optional?.includes(key) !== true })),
      ...(metric.buckets === undefined ? {} : { bounds: EXPLICIT_BOUNDS_S[metric.buckets] }),
      startsAtZero: metric.startsAtZero === true,
      family: metric.family,
      features: featuresOf(metric),
    })),
    spans: Object.entries(SPANS as Record<string, SpanDefinition>).map(
      ([name, { kind = 'internal', brief, when, attributes, feature }]) => ({
        name,
        kind,
        description: brief,
        when,
        attributes: [...attributes, ...ANY_SPAN],
        features: featuresOf({ feature }),
      }),
    ),
    logs: Object.entries(LOG_EVENTS as Record<string, LogDefinition>).map(
      ([name, { severity, brief, attributes }]) => ({
        name,
        severity,
        description: brief,
        attributes: [...attributes, ...ANY_LOG],
      }),
    ),
    attributes: Object.entries(ATTRIBUTES).map(([name, definition]) => ({
      name,
      origin: isConvention(name) ? 'opentelemetry' : 'gridwatch',
      type: definition.type,
      description: definition.brief,
      ...('values' in definition ? { values: definition.values } : {}),
    })),
    resource: Object.entries(RESOURCE as Record<string, ResourceDefinition>).map(([name, { type, brief, from }]) => ({
      name,
      type,
      description: brief,
      from,
    })),
    limits: Object.entries(FAMILIES).map(([family, { nameAttribute, maxNames, maxSeries }]) => ({
      family,
      nameAttribute: nameAttribute === '' ? null : nameAttribute,
      maxNames,
      maxSeries,
    })),
  };
}
