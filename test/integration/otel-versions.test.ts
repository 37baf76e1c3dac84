/**
 * The package installs beside every OpenTelemetry an application may have, and reads its active span right, whichever
 * copy of the api it belongs to: a worker that is started inside a span has its start in that span's trace.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { installBeside } from '../support/installed.ts';
import { observe } from '../support/observe.ts';

const APP = fileURLToPath(new URL('../fixtures/apps/traced.cjs', import.meta.url));

/** The first install of each takes npm up to a minute. */
const INSTALL_MS = 180_000;

const VERSIONS = [
  { sdk: '1.x', api: '1.4.1', sdkNode: '0.57.2' },
  { sdk: '1.x', api: '1.9.0', sdkNode: '0.57.2' },
  { sdk: '2.x', api: '1.9.0', sdkNode: '0.203.0' },
  { sdk: '3.x', api: '1.10.0', sdkNode: '0.301.0' },
];

interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

describe.each(VERSIONS)('api $api with SDK $sdk', ({ api, sdkNode }) => {
  it(
    'is installed beside, and its active span is the parent of what happens inside',
    async ({ skip }) => {
      const installed = await installBeside({ '@opentelemetry/api': api, '@opentelemetry/sdk-node': sdkNode });
      if ('reason' in installed) return skip(installed.reason);
      const { folder, registerFile } = installed;
      const env = { OTEL_SERVICE_NAME: 'app', OTEL_METRICS_EXPORTER: 'otlp' };
      const { result, observed } = await observe({ args: [APP], cwd: folder, registerFile, env });
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      const { sampled, unsampled } = JSON.parse(result.stdout) as { sampled: SpanIds; unsampled: SpanIds };

      const [start, ...others] = observed.spans.filter(({ name }) => name === 'worker.start sampled');
      expect(others).toEqual([]);
      expect(start).toMatchObject({ traceId: sampled.traceId, parentSpanId: sampled.spanId });
      const parent = observed.spans.find(({ name, scope }) => name === 'sampled' && scope.name === 'app');
      expect(parent).toMatchObject({ traceId: sampled.traceId, spanId: sampled.spanId });
      expect(start?.startUnixNs).toBeGreaterThan((parent?.startUnixNs ?? 0n) - CLOCK_NS);
      expect(start?.endUnixNs).toBeLessThan((parent?.endUnixNs ?? 0n) + CLOCK_NS);

      const root = observed.spans.find(({ name }) => name === 'worker.start unsampled');
      expect(root?.parentSpanId).toBe('');
      expect(root?.traceId).not.toBe(unsampled.traceId);
      expect(root?.attributes).toMatchObject({
        'gridwatch.parent.trace_id': unsampled.traceId,
        'gridwatch.parent.span_id': unsampled.spanId,
      });

      const outside = observed.spans.find(({ name }) => name === 'worker.start outside');
      expect(outside?.parentSpanId).toBe('');
      expect(outside?.attributes).not.toHaveProperty('gridwatch.parent.trace_id');
    },
    INSTALL_MS,
  );
});

/** The SDK takes the start of a span from the wall clock, in whole milliseconds; the agent from a monotonic one. */
const CLOCK_NS = 5_000_000n;
