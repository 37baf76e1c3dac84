/**
 * Endpoints that are not there, do not answer, or do not take everything: nothing is lost uncounted, nothing takes longer than it may, and the person
 * at the terminal hears of it once.
 */
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { to } from '../support/otlp-env-row.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { TelemetryThread } from '../support/telemetry-thread.ts';

/** A port nobody listens on: one that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('an endpoint like Jaeger, which takes traces only', () => {
  test.each(['http', 'grpc'] as const)(
    'over %s: the others are off, with one line each, and nothing has failed',
    async (protocol) => {
      await using receiver = await OtlpReceiver.start({ isGrpc: true });
      receiver.answers.metrics = { status: 404, grpcCode: 12 };
      receiver.answers.logs = { status: 404, grpcCode: 12 };
      await using thread = await TelemetryThread.start(
        protocol === 'http'
          ? to(receiver)
          : { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.grpcUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      );
      for (let i = 0; i < 3; i++) {
        await thread.emitSpans(1, { isIncident: true });
        await thread.emitLog('error');
        await thread.flush();
      }
      const { stats, drops, lines } = await thread.state();
      expect(receiver.requests.filter(({ signal }) => signal === 'metrics')).toHaveLength(1);
      expect(receiver.requests.filter(({ signal }) => signal === 'logs')).toHaveLength(1);
      expect(receiver.spans.filter(({ name }) => name === 'gc major')).toHaveLength(3);
      expect(stats).toMatchObject({ exportFailures: { traces: 0, metrics: 0, logs: 0 }, spoolBytes: 0 });
      expect(drops).toEqual({});
      expect(lines).toHaveLength(2);
      expect(lines.join()).toMatch(/does not take (?:metrics|logs)/);
    },
  );
});

describe('an endpoint that is not there', () => {
  test('costs a flush nothing, and gets everything when it comes', async () => {
    const port = await freePort();
    await using thread = await TelemetryThread.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_METRIC_EXPORT_INTERVAL: '100',
    });
    await thread.emitSpans(7, { traceFlags: 1 });
    await thread.emitLog('error');
    const { tookMs } = await thread.flush(5000);
    expect(tookMs).toBeLessThan(2500);
    const failed = await thread.state();
    expect(failed.stats.exportFailures).toMatchObject({ traces: expect.any(Number), logs: expect.any(Number) });
    expect(failed.stats.exportFailures.traces).toBeGreaterThan(0);
    expect(failed.stats.spoolBytes).toBeGreaterThan(0);
    expect(failed.drops).toEqual({});
    expect(failed.lines).toHaveLength(1);

    await using receiver = await OtlpReceiver.start({ port });
    await receiver.waitFor('the spans', ({ spans }) => spans.filter(({ name }) => name === 'gc major').length === 7);
    await receiver.waitFor('the log record', ({ logs }) => logs.length === 1);
    await receiver.waitFor('metrics with the failures', (received) => {
      const failures = received.point('gridwatch.agent.export.failures', { 'gridwatch.signal': 'traces' });
      return Number(failures?.value) > 0;
    });
    await eventually('the end of the outage to be told', async () => {
      const { lines, stats, drops } = await thread.state();
      expect(lines).toHaveLength(2);
      expect(stats.spoolBytes).toBe(0);
      expect(drops).toEqual({});
      return true;
    });
  });

  test('over gRPC likewise', async () => {
    const port = await freePort();
    await using thread = await TelemetryThread.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    });
    await thread.emitSpans(7, { traceFlags: 1 });
    const { stats, drops, lines } = await thread.flush(5000);
    expect(stats.exportFailures.traces).toBeGreaterThan(0);
    expect(stats.spoolBytes).toBeGreaterThan(0);
    expect(drops).toEqual({});
    expect(lines).toHaveLength(1);
  });

  test('delta metrics wait for it, so that no increment is lost', async () => {
    const port = await freePort();
    await using thread = await TelemetryThread.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
    });
    await thread.flush();
    await thread.flush();
    await using receiver = await OtlpReceiver.start({ port });
    await thread.flush();
    const increments = receiver.metrics.filter(({ name }) => name === 'process.cpu.time');
    expect(increments.map(({ points }) => points[0]?.value)).toEqual([1, 1, 1]);
  });
});

describe('an endpoint that never answers', () => {
  test('a flush ends at its deadline', async () => {
    await using receiver = await OtlpReceiver.start();
    receiver.answerAll({ isHanging: true });
    await using thread = await TelemetryThread.start(to(receiver));
    await thread.emitSpans(1, { isIncident: true });
    const { tookMs } = await thread.flush(300);
    expect(tookMs).toBeGreaterThanOrEqual(299);
    expect(tookMs).toBeLessThan(1500);
  });

  const timeouts = [
    ['OTEL_EXPORTER_OTLP_TIMEOUT', ['traces', 'metrics', 'logs']],
    ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', ['traces']],
    ['OTEL_METRIC_EXPORT_TIMEOUT', ['metrics']],
    ['OTEL_BSP_EXPORT_TIMEOUT', ['traces']],
    ['OTEL_BLRP_EXPORT_TIMEOUT', ['logs']],
  ] as const;
  test.each(timeouts)('%s is when it counts as failed', async (variable, signals) => {
    await using receiver = await OtlpReceiver.start();
    for (const signal of signals) receiver.answers[signal] = { isHanging: true };
    await using thread = await TelemetryThread.start({ ...to(receiver), [variable]: '100' });
    await thread.emitSpans(1, { traceFlags: 1 });
    await thread.emitLog('info');
    // Without the variable it would be ten seconds, and the flush would end before.
    const { stats } = await thread.flush(8000);
    expect(stats.exportFailures).toEqual({
      traces: 0,
      metrics: 0,
      logs: 0,
      ...Object.fromEntries(signals.map((signal) => [signal, 1])),
    });
  });
});

describe('an endpoint that takes some', () => {
  test.each(['http/protobuf', 'http/json', 'grpc'])(
    'over %s: what it leaves out is counted by kind',
    async (protocol) => {
      await using receiver = await OtlpReceiver.start({ isGrpc: true });
      receiver.answers.traces = { partialSuccess: { rejected: 2, message: 'too old' } };
      await using thread = await TelemetryThread.start({
        OTEL_EXPORTER_OTLP_ENDPOINT: protocol === 'grpc' ? receiver.grpcUrl : receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      });
      await thread.emitSpans(5, { traceFlags: 1 });
      const { drops, lines } = await thread.flush();
      expect(drops).toEqual({ span: 2 });
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('left out some traces: too old');
    },
  );

  test('what it rejects is counted', async () => {
    await using receiver = await OtlpReceiver.start();
    receiver.answers.traces = { status: 400 };
    await using thread = await TelemetryThread.start(to(receiver));
    await thread.emitSpans(5, { traceFlags: 1 });
    const { drops, stats } = await thread.flush();
    expect(drops).toEqual({ span: 5 });
    expect(stats).toMatchObject({ exportFailures: { traces: 1, metrics: 0 }, spoolBytes: 0 });
  });

  test('a connection that is cut is opened again', async () => {
    await using receiver = await OtlpReceiver.start();
    await using thread = await TelemetryThread.start(to(receiver));
    await thread.flush();
    receiver.closeConnections();
    await thread.emitSpans(5, { traceFlags: 1 });
    const { stats, lines } = await thread.flush();
    expect(receiver.spans).toHaveLength(5);
    expect(stats.exportFailures).toEqual({ traces: 0, metrics: 0, logs: 0 });
    expect(lines).toEqual([]);
  });
});

describe('Prometheus', () => {
  const read = (port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/metrics', agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(text));
      }).on('error', reject);
    });

  test('reads what OTLP is sent, cumulative and with explicit bounds whatever OTLP prefers', async () => {
    await using receiver = await OtlpReceiver.start();
    const port = await freePort();
    await using thread = await TelemetryThread.start({
      ...to(receiver),
      OTEL_METRICS_EXPORTER: 'otlp,prometheus',
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
    });
    await thread.flush();
    const first = await eventually('the first page', () => read(port));
    const second = await read(port);
    const value = (page: string, line: RegExp): number => Number(line.exec(page)?.[1]);
    const cpuTime = /^process_cpu_time_total\{cpu_mode="user".*\} (\d+)$/m;
    expect(value(second, cpuTime)).toBe(value(first, cpuTime) + 1);
    expect(second).toMatch(/^gridwatch_thread_startup_duration_seconds_bucket\{.*le="0\.05"\} 3$/m);
    expect(second).toMatch(/^gridwatch_agent_dropped_total\{gridwatch_record_kind="span".*\} 0$/m);
    expect(second).toMatch(/^target_info\{.*service_name="from-package-json".*\} 1$/m);
    expect(receiver.point('gridwatch.thread.startup.duration')?.exponentialHistogram?.count).toBe(1);
  });

  test('a port that is taken is said, and all else goes on', async () => {
    await using receiver = await OtlpReceiver.start();
    await using thread = await TelemetryThread.start({
      ...to(receiver),
      OTEL_METRICS_EXPORTER: 'prometheus',
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(receiver.port),
    });
    await thread.emitSpans(1, { isIncident: true });
    await thread.flush();
    expect(receiver.spans).toHaveLength(1);
    await eventually('the line', async () => {
      const { lines } = await thread.state();
      return lines.some((line) => line.includes('EADDRINUSE'));
    });
  });
});
