/** The variables of a program under `--ui`: its exports come to the view, and go on to where the user wanted them. */
import { describe, expect, it } from 'vitest';
import { reroute } from '../../../../agent/cli/ui/reroute.ts';

const HERE = 'http://127.0.0.1:5';

describe('reroute', () => {
  it('sends everything to the receiver, as protobuf over HTTP, often', () => {
    const { env, destinations, notes } = reroute({ PATH: '/bin' }, HERE);
    expect(env).toEqual({
      PATH: '/bin',
      GRIDWATCH_IDENTITY_WAIT_MS: '1500',
      OTEL_EXPORTER_OTLP_ENDPOINT: HERE,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_METRIC_EXPORT_TIMEOUT: '1000',
      OTEL_BSP_SCHEDULE_DELAY: '500',
      OTEL_BLRP_SCHEDULE_DELAY: '500',
    });
    expect(destinations.size).toBe(0);
    expect(notes).toEqual([]);
  });

  it('keeps the intervals that are set, and a timeout that fits them', () => {
    const { env } = reroute(
      { OTEL_METRIC_EXPORT_INTERVAL: '5000', OTEL_METRIC_EXPORT_TIMEOUT: '3000', OTEL_BSP_SCHEDULE_DELAY: '9' },
      HERE,
    );
    expect(env).toMatchObject({
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
      OTEL_METRIC_EXPORT_TIMEOUT: '3000',
      OTEL_BSP_SCHEDULE_DELAY: '9',
    });
    expect(reroute({ OTEL_METRIC_EXPORT_TIMEOUT: '30000' }, HERE).env['OTEL_METRIC_EXPORT_TIMEOUT']).toBe('1000');
  });

  it('takes the way to the endpoint out of the environment, and keeps it for the way on', () => {
    const { env, destinations } = reroute(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example/base/',
        OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20abc, x=1',
        OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
        OTEL_EXPORTER_OTLP_CERTIFICATE: '/ca.pem',
        OTEL_EXPORTER_OTLP_TIMEOUT: '5000',
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://jaeger.example:4318/own/path',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x=2',
        OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'grpc',
      },
      HERE,
    );
    expect(
      Object.keys(env).filter((name) => /_(HEADERS|CERTIFICATE|TRACES_ENDPOINT|LOGS_PROTOCOL)$/.test(name)),
    ).toEqual([]);
    expect(env).toMatchObject({ OTEL_EXPORTER_OTLP_ENDPOINT: HERE, OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' });
    expect(destinations.get('traces')).toMatchObject({
      url: new URL('http://jaeger.example:4318/own/path'),
      headers: { authorization: 'Basic abc', x: '2' },
    });
    expect(destinations.get('metrics')).toMatchObject({
      url: new URL('https://collector.example/base/v1/metrics'),
      protocol: 'http',
      headers: { authorization: 'Basic abc', x: '1' },
      timeoutMs: 5000,
      certificate: '/ca.pem',
    });
    expect(destinations.get('logs')).toMatchObject({
      protocol: 'grpc',
      url: new URL('https://collector.example/base/'),
    });
  });

  it('shows a signal that the user exports elsewhere or nowhere, and does not ship it', () => {
    const { env, destinations } = reroute(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c',
        OTEL_METRICS_EXPORTER: 'prometheus',
        OTEL_LOGS_EXPORTER: 'none',
        OTEL_TRACES_EXPORTER: 'console, otlp',
      },
      HERE,
    );
    expect(env).toMatchObject({
      OTEL_METRICS_EXPORTER: 'otlp,prometheus',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'console, otlp',
    });
    expect([...destinations.keys()]).toEqual(['traces']);
  });

  it('lets exports wait for who the process is where somebody else sees them, and as long as the user says', () => {
    const name = 'GRIDWATCH_IDENTITY_WAIT_MS';
    expect(reroute({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, HERE).env[name]).toBeUndefined();
    expect(reroute({ [name]: '7' }, HERE).env[name]).toBe('7');
  });

  it('understands a gRPC endpoint without a scheme', () => {
    const grpc = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' };
    expect(reroute(grpc, HERE).destinations.get('logs')?.url.href).toBe('https://collector:4317/');
    const insecure = { ...grpc, OTEL_EXPORTER_OTLP_INSECURE: 'true' };
    expect(reroute(insecure, HERE).destinations.get('logs')?.url.href).toBe('http://collector:4317/');
  });

  it('says once what it cannot honour', () => {
    const { env, destinations, notes } = reroute(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
        OTEL_CONFIG_FILE: 'otel.yaml',
        OTEL_SDK_DISABLED: 'true',
        GRIDWATCH_ENABLED: '0',
      },
      HERE,
    );
    expect(destinations.size).toBe(0);
    expect(env).not.toHaveProperty('OTEL_CONFIG_FILE');
    expect(notes.map((note) => note.split(' ')[0])).toEqual([
      'Nothing',
      'OTEL_CONFIG_FILE',
      'OTEL_SDK_DISABLED',
      'GRIDWATCH_ENABLED',
    ]);
  });

  it('says why the view may stay empty', () => {
    const firstWords = (env: NodeJS.ProcessEnv): string[] =>
      reroute(env, HERE).notes.map((note) => note.split(' ')[0] ?? '');
    expect(firstWords({ GRIDWATCH_ENABLE_RATIO: '0.1' })).toEqual(['GRIDWATCH_ENABLE_RATIO']);
    expect(firstWords({ GRIDWATCH_FEATURES: 'gc' })).toEqual(['GRIDWATCH_FEATURES']);
    expect(firstWords({ GRIDWATCH_FEATURES: '-gc', GRIDWATCH_ENABLE_RATIO: '1' })).toEqual([]);
  });
});
