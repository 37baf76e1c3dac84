/**
 * OpenTelemetry's environment variables that say how things are sent: each is set, and what arrives is decoded.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type EnvRow, runRow, signals, to } from '../support/otlp-env-row.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
const pem = (name: string): string => readFileSync(fixture(name), 'utf8');
const TLS = { key: pem('server.key'), cert: pem('server.crt') };
const MUTUAL_TLS = { ...TLS, ca: pem('ca.crt') };
const CLIENT_CERTIFICATE = {
  OTEL_EXPORTER_OTLP_CERTIFICATE: fixture('ca.crt'),
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: fixture('client.crt'),
  OTEL_EXPORTER_OTLP_CLIENT_KEY: fixture('client.key'),
};

const overGrpc = ({ grpcUrl }: OtlpReceiver): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: grpcUrl,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
});
const header = (receiver: OtlpReceiver, signal: string, name: string): string | undefined =>
  receiver.requests.find((request) => request.signal === signal)?.headers[name];
const allSignals = (receiver: OtlpReceiver): void => {
  expect(signals(receiver)).toEqual(['logs', 'metrics', 'traces']);
  expect(receiver.errors).toEqual([]);
};

const rows: EnvRow[] = [
  {
    sets: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    env: to,
    check(receiver) {
      allSignals(receiver);
      expect(receiver.requests.map(({ path }) => path)).toEqual(
        expect.arrayContaining(['/v1/traces', '/v1/metrics', '/v1/logs']),
      );
      expect(header(receiver, 'traces', 'content-type')).toBe('application/x-protobuf');
      const span = receiver.span('gc major');
      expect(span?.durationNs).toBe(123_456_789);
      expect(span?.scope).toEqual({ name: 'gridwatch', version: '1.2.3' });
      expect(receiver.logs[0]).toMatchObject({ eventName: 'gridwatch.thread.failed', severityText: 'ERROR' });
      expect(receiver.point('process.cpu.time')).toMatchObject({
        attributes: { 'cpu.mode': 'user' },
        valueType: 'double',
      });
      expect(receiver.point('process.memory.usage')).toMatchObject({ value: 1001, valueType: 'int' });
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
    env: (receiver) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/base/`,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.url}/elsewhere/v1/metrics`,
    }),
    check(receiver) {
      const paths = new Set(receiver.requests.map(({ path }) => path));
      expect(paths).toEqual(new Set(['/base/v1/traces', '/base/v1/logs', '/elsewhere/v1/metrics']));
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_PROTOCOL=http/json',
    env: (receiver) => ({ ...to(receiver), OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }),
    check(receiver) {
      allSignals(receiver);
      for (const signal of signals(receiver)) expect(header(receiver, signal, 'content-type')).toBe('application/json');
      expect(receiver.point('process.cpu.time')?.value).toBe(1);
      expect(receiver.span('gc major')?.durationNs).toBe(123_456_789);
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_PROTOCOL=grpc',
    env: overGrpc,
    receiver: { isGrpc: true },
    check(receiver) {
      allSignals(receiver);
      expect(receiver.requests.every(({ protocol }) => protocol === 'grpc')).toBe(true);
      expect(receiver.point('process.cpu.time')?.value).toBe(1);
      expect(receiver.span('gc major')?.durationNs).toBe(123_456_789);
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL',
    env: (receiver) => ({ ...to(receiver), OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json' }),
    check(receiver) {
      expect(header(receiver, 'metrics', 'content-type')).toBe('application/json');
      expect(header(receiver, 'traces', 'content-type')).toBe('application/x-protobuf');
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_METRICS_HEADERS',
    env: (receiver) => ({
      ...to(receiver),
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=all,tenant=shop%20one',
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'api-key=metrics',
    }),
    check(receiver) {
      expect(header(receiver, 'traces', 'api-key')).toBe('all');
      expect(header(receiver, 'metrics', 'api-key')).toBe('metrics');
      expect(header(receiver, 'metrics', 'tenant')).toBe('shop one');
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_HEADERS over gRPC',
    env: (receiver) => ({ ...overGrpc(receiver), OTEL_EXPORTER_OTLP_HEADERS: 'api-key=all' }),
    receiver: { isGrpc: true },
    check: (receiver) => expect(header(receiver, 'traces', 'api-key')).toBe('all'),
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_COMPRESSION',
    env: (receiver) => ({
      ...to(receiver),
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'none',
    }),
    check(receiver) {
      allSignals(receiver);
      expect(header(receiver, 'metrics', 'content-encoding')).toBe('gzip');
      expect(header(receiver, 'traces', 'content-encoding')).toBeUndefined();
    },
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_COMPRESSION over gRPC',
    env: (receiver) => ({ ...overGrpc(receiver), OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }),
    receiver: { isGrpc: true },
    check: allSignals,
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
    env: (receiver) => ({ ...to(receiver), OTEL_EXPORTER_OTLP_CERTIFICATE: fixture('ca.crt') }),
    receiver: { tls: TLS },
    check: allSignals,
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _KEY',
    env: (receiver) => ({ ...to(receiver), ...CLIENT_CERTIFICATE }),
    receiver: { tls: MUTUAL_TLS },
    check: allSignals,
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _KEY over gRPC',
    env: (receiver) => ({ ...overGrpc(receiver), ...CLIENT_CERTIFICATE }),
    receiver: { tls: MUTUAL_TLS, isGrpc: true },
    check: allSignals,
  },
  {
    sets: 'OTEL_EXPORTER_OTLP_INSECURE',
    env: (receiver) => ({
      ...overGrpc(receiver),
      OTEL_EXPORTER_OTLP_ENDPOINT: new URL(receiver.grpcUrl).host,
      OTEL_EXPORTER_OTLP_INSECURE: 'true',
    }),
    receiver: { isGrpc: true },
    check: allSignals,
  },
];

test.each(rows)('$sets', async (row) => expect(await runRow(row)).toBe(''));
