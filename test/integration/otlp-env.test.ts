/**
 * OpenTelemetry's environment variables that say what is sent, and when: each is set, and what arrives is decoded. How it is sent is in
 * otlp-transport.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { type EnvRow, runRow, signals, to } from '../support/otlp-env-row.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';
import type { TelemetryThread } from '../support/telemetry-thread.ts';

const choice: EnvRow[] = [
  {
    sets: 'OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_LOGS_EXPORTER = none',
    env: (receiver) => ({
      ...to(receiver),
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
    }),
    async check(receiver, thread) {
      expect(receiver.requests).toEqual([]);
      expect(await thread.state()).toMatchObject({ drops: {}, lines: [], stats: { state: 'off' } });
    },
  },
  {
    sets: 'OTEL_METRICS_EXPORTER=none',
    env: (receiver) => ({ ...to(receiver), OTEL_METRICS_EXPORTER: 'none' }),
    check: (receiver) => expect(signals(receiver)).toEqual(['logs', 'traces']),
  },
  {
    sets: 'OTEL_METRICS_EXPORTER=console',
    env: (receiver) => ({ ...to(receiver), OTEL_METRICS_EXPORTER: 'console', OTEL_METRIC_EXPORT_INTERVAL: '100' }),
    check(receiver, thread) {
      expect(signals(receiver)).toEqual(['logs', 'traces']);
      expect(thread.stdout).toContain('process.cpu.time');
    },
  },
  {
    sets: 'OTEL_SDK_DISABLED',
    env: (receiver) => ({ ...to(receiver), OTEL_SDK_DISABLED: 'true' }),
    async check(receiver, thread) {
      expect(receiver.requests).toEqual([]);
      expect(await thread.state()).toMatchObject({ drops: {}, lines: [], stats: { state: 'off' } });
    },
  },
  {
    sets: 'OTEL_TRACES_SAMPLER=always_off: incidents alone',
    env: (receiver) => ({ ...to(receiver), OTEL_TRACES_SAMPLER: 'always_off' }),
    async check(receiver, thread) {
      const incidents = receiver.spans.length;
      expect(receiver.span('gc major')).toBeDefined();
      await thread.emitSpans(3);
      await thread.flush();
      expect(receiver.spans).toHaveLength(incidents);
    },
  },
  {
    sets: 'OTEL_TRACES_SAMPLER_ARG',
    env: (receiver) => ({
      ...to(receiver),
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
    }),
    async check(receiver, thread) {
      receiver.clear();
      await thread.emitSpans(3);
      await thread.emitSpans(3, { traceFlags: 1 });
      await thread.flush();
      expect(receiver.spans.map(({ parentSpanId }) => parentSpanId === '')).toEqual([false, false, false]);
    },
  },
  {
    sets: 'OTEL_TRACES_SAMPLER=parentbased_traceidratio: the slowest root of each name, whatever the share',
    env: (receiver) => ({
      ...to(receiver),
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.000001',
    }),
    check: expectSlowestRoots,
  },
  {
    sets: 'OTEL_TRACES_SAMPLER=traceidratio: the slowest root of each name, whatever the share',
    env: (receiver) => ({ ...to(receiver), OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.000001' }),
    check: expectSlowestRoots,
  },
];

async function expectSlowestRoots(receiver: OtlpReceiver, thread: TelemetryThread): Promise<void> {
  for (let round = 0; round < 3; round++) {
    receiver.clear();
    await thread.emitSpans(3);
    await thread.flush();
    expect(receiver.spans).toHaveLength(1);
    expect(receiver.spans[0]?.attributes['gridwatch.suppressed']).toBe(2);
  }
}

describe('what is sent', () => {
  test.each(choice)('$sets', async (row) => expect(await runRow(row)).toBe(''));
});

const metrics: EnvRow[] = [
  {
    sets: 'OTEL_METRIC_EXPORT_INTERVAL',
    env: (receiver) => ({ ...to(receiver), OTEL_METRIC_EXPORT_INTERVAL: '100' }),
    async check(receiver) {
      receiver.clear();
      await receiver.waitFor('three exports that nobody asked for', ({ requests }) => requests.length >= 3);
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative',
    env: (receiver) => ({ ...to(receiver), OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'cumulative' }),
    async check(receiver, thread) {
      await thread.flush();
      expect(receiver.point('process.cpu.time')?.value).toBe(2);
      expect(receiver.point('gridwatch.thread.startup.duration')?.histogram?.count).toBe(2);
      expect(temporalities(receiver)).toEqual({
        counter: 'cumulative',
        updowncounter: 'cumulative',
        histogram: 'cumulative',
      });
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta',
    env: (receiver) => ({ ...to(receiver), OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta' }),
    async check(receiver, thread) {
      await thread.flush();
      const [first, second] = receiver.metrics
        .filter(({ name }) => name === 'process.cpu.time')
        .map(({ points }) => points[0]);
      expect([first?.value, second?.value]).toEqual([1, 1]);
      expect(second?.startUnixNs).toBe(first?.timeUnixNs);
      expect(receiver.point('gridwatch.thread.startup.duration')?.histogram?.count).toBe(1);
      expect(receiver.point('process.memory.usage')?.value).toBe(1002);
      expect(temporalities(receiver)).toEqual({ counter: 'delta', updowncounter: 'cumulative', histogram: 'delta' });
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=lowmemory',
    env: (receiver) => ({ ...to(receiver), OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'lowmemory' }),
    check(receiver) {
      expect(temporalities(receiver)).toEqual({
        counter: 'cumulative',
        updowncounter: 'cumulative',
        histogram: 'delta',
      });
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
    env: (receiver) => ({
      ...to(receiver),
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
    }),
    check(receiver) {
      const point = receiver.point('gridwatch.thread.startup.duration');
      expect(point?.histogram).toBeUndefined();
      expect(point?.exponentialHistogram).toMatchObject({ count: 1, scale: 2, positive: { counts: [1] } });
      const { offset } = point?.exponentialHistogram?.positive ?? { offset: 0 };
      expect(2 ** (offset / 4)).toBeLessThan(0.03);
      expect(2 ** ((offset + 1) / 4)).toBeGreaterThanOrEqual(0.03);
    },
  },
];

function temporalities(receiver: OtlpReceiver): Record<string, string | undefined> {
  const of = (name: string): string | undefined => receiver.metrics.find((metric) => metric.name === name)?.temporality;
  return {
    counter: of('process.cpu.time'),
    updowncounter: of('process.memory.usage'),
    histogram: of('gridwatch.thread.startup.duration'),
  };
}

describe('metrics', () => {
  test.each(metrics)('$sets', async (row) => expect(await runRow(row)).toBe(''));
});

const batches: EnvRow[] = [
  {
    sets: 'OTEL_BSP_SCHEDULE_DELAY',
    env: (receiver) => ({ ...to(receiver), OTEL_BSP_SCHEDULE_DELAY: '50' }),
    async check(receiver, thread) {
      receiver.clear();
      await thread.emitSpans(1, { traceFlags: 1 });
      await receiver.waitFor('a span that nobody flushed', ({ spans }) => spans.length > 0);
    },
  },
  {
    sets: 'OTEL_BLRP_SCHEDULE_DELAY',
    env: (receiver) => ({ ...to(receiver), OTEL_BLRP_SCHEDULE_DELAY: '50' }),
    async check(receiver, thread) {
      receiver.clear();
      await thread.emitLog('info');
      await receiver.waitFor('a log record that nobody flushed', ({ logs }) => logs.length > 0);
    },
  },
  {
    sets: 'OTEL_BSP_MAX_QUEUE_SIZE: a full queue loses nothing',
    env: (receiver) => ({ ...to(receiver), OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' }),
    async check(receiver, thread) {
      receiver.clear();
      await thread.emitSpans(1000, { traceFlags: 1 });
      const { drops } = await thread.flush();
      expect(receiver.spans).toHaveLength(1000);
      expect(drops).toEqual({});
      expect(receiver.requests.filter(({ signal }) => signal === 'traces')).toHaveLength(100);
    },
  },
  {
    sets: 'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
    env: (receiver) => ({ ...to(receiver), OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '1' }),
    check: (receiver) => expect(Object.keys(receiver.span('gc major')?.attributes ?? {})).toHaveLength(1),
  },
];

describe('batches and limits', () => {
  test.each(batches)('$sets', async (row) => expect(await runRow(row)).toBe(''));
});

const resources: EnvRow[] = [
  {
    sets: 'nothing of the resource',
    env: to,
    check(receiver) {
      const [resource] = receiver.spans.map((span) => span.resource);
      expect(resource).toMatchObject({
        'service.name': 'from-package-json',
        'process.pid': process.pid,
        'telemetry.distro.name': 'gridwatch',
        'telemetry.distro.version': '1.2.3',
        'telemetry.sdk.name': 'opentelemetry',
        'os.type': expect.any(String),
        'host.name': expect.any(String),
        'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      const revealing = [
        'process.command',
        'process.command_args',
        'process.executable.path',
        'process.owner',
        'host.id',
      ];
      expect(Object.keys(resource ?? {}).filter((key) => revealing.includes(key))).toEqual([]);
      const instances = [...receiver.spans, ...receiver.metrics, ...receiver.logs].map(
        (item) => item.resource['service.instance.id'],
      );
      expect(new Set(instances).size).toBe(1);
    },
  },
  {
    sets: 'OTEL_RESOURCE_ATTRIBUTES',
    env: (receiver) => ({
      ...to(receiver),
      OTEL_RESOURCE_ATTRIBUTES:
        'service.name=from-attributes,service.instance.id=one,deployment.environment.name=a%20b',
    }),
    check: (receiver) =>
      expect(receiver.spans[0]?.resource).toMatchObject({
        'service.name': 'from-attributes',
        'service.instance.id': 'one',
        'deployment.environment.name': 'a b',
      }),
  },
  {
    sets: 'OTEL_SERVICE_NAME',
    env: (receiver) => ({
      ...to(receiver),
      OTEL_SERVICE_NAME: 'from-name',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=from-attributes',
    }),
    check: (receiver) => expect(receiver.spans[0]?.resource['service.name']).toBe('from-name'),
  },
  {
    sets: 'OTEL_NODE_RESOURCE_DETECTORS=none',
    env: (receiver) => ({ ...to(receiver), OTEL_NODE_RESOURCE_DETECTORS: 'none' }),
    check(receiver) {
      expect(receiver.spans[0]?.resource).not.toHaveProperty('host.name');
      expect(receiver.spans[0]?.resource).toMatchObject({ 'service.name': 'from-package-json' });
    },
  },
];

describe('the resource', () => {
  test.each(resources)('$sets', async (row) => expect(await runRow(row)).toBe(''));
});

const voices: EnvRow[] = [
  {
    sets: 'OTEL_LOG_LEVEL=debug',
    env: (receiver) => ({ ...to(receiver), OTEL_LOG_LEVEL: 'debug' }),
    async check(_receiver, thread) {
      const { lines } = await thread.state();
      expect(lines.some((line) => line.startsWith('gridwatch: OpenTelemetry: OTLPExportDelegate'))).toBe(false);
      expect(lines.some((line) => line.startsWith('gridwatch: OpenTelemetry: OTEL_TRACES_EXPORTER is empty'))).toBe(
        true,
      );
    },
  },
  {
    sets: 'nothing of the voice',
    env: to,
    check: async (_receiver, thread) => expect((await thread.state()).lines).toEqual([]),
  },
];

describe('the voice', () => {
  test.each(voices)('$sets', async (row) => expect(await runRow(row)).toBe(''));
});
