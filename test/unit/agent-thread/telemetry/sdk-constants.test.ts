/** The SDK is loaded late, so its enums are spelt out where they are needed: here they are held against the SDK's own. */
import { createRequire } from 'node:module';
import type * as Api from '@opentelemetry/api';
import type * as SdkMetrics from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import { POINTS, TEMPORALITY, VALUES } from '../../../../agent/agent-thread/telemetry/metric-view.ts';
import { AGGREGATION } from '../../../../agent/agent-thread/telemetry/readers.ts';
import { SEVERITIES, SPAN_KINDS } from '../../../../agent/agent-thread/telemetry/sdk-output.ts';

const sdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
const api = sdk('@opentelemetry/api') as typeof Api;
const metrics = sdk('@opentelemetry/sdk-metrics') as typeof SdkMetrics;

test('metrics', () => {
  expect(metrics.AggregationTemporality).toMatchObject(TEMPORALITY);
  expect(metrics.DataPointType).toMatchObject(POINTS);
  expect(metrics.AggregationType).toMatchObject(AGGREGATION);
  expect(api.ValueType).toMatchObject(VALUES);
});

test('spans and logs', () => {
  const { INTERNAL, PRODUCER, CONSUMER } = api.SpanKind;
  expect(SPAN_KINDS).toEqual({ internal: INTERNAL, producer: PRODUCER, consumer: CONSUMER });
  const { INFO, WARN, ERROR } = api.SeverityNumber;
  expect(SEVERITIES).toEqual({ info: INFO, warn: WARN, error: ERROR });
});
