/** What `gridwatch doctor` makes of an endpoint: what it answers, what to do about it, and whether credentials go there in clear text. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkEndpoint } from '../../../../agent/cli/doctor/endpoint.ts';
import type { Check } from '../../../../agent/cli/doctor.ts';

function levels(checks: readonly Check[]): string[] {
  return checks.map(({ level }) => level);
}

describe('the endpoint', () => {
  let server: Server | undefined;

  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
    server = undefined;
  });

  async function answering(statusOf: (path: string) => number | undefined): Promise<string> {
    server = createServer((request, response) => {
      const status = statusOf(request.url ?? '');
      request.resume();
      if (status !== undefined) response.writeHead(status).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('is fine when it takes everything', async () => {
    const url = await answering(() => 200);
    expect(await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: url })).toEqual([
      { level: 'ok', found: `${url} takes logs, metrics, and traces.`, remedy: '' },
    ]);
  });

  it('may take traces only, as Jaeger does', async () => {
    const url = await answering((path) => (path === '/v1/traces' ? 200 : 404));
    const checks = await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(checks).toMatchObject([
      { level: 'ok', found: `${url} takes traces.` },
      { level: 'note', found: expect.stringContaining('does not take logs and metrics') },
    ]);
  });

  it.each([
    [401, {}, /^It wants credentials: set OTEL_EXPORTER_OTLP_HEADERS/],
    [
      403,
      { OTEL_EXPORTER_OTLP_HEADERS: 'api-key=1' },
      /^It does not take the credentials .* correct those in OTEL_EXPORTER_OTLP_HEADERS/,
    ],
    [500, {}, /log of what listens/],
  ])('answers %i, given %j', async (status, env, remedy) => {
    const url = await answering(() => status);
    const checks = await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: url, ...env });
    expect(checks).toMatchObject([{ level: 'problem', remedy: expect.stringMatching(remedy) }]);
  });

  it('does not answer', async () => {
    const url = await answering(() => undefined);
    const startedMs = performance.now();
    expect(await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: url })).toMatchObject([
      { level: 'problem', found: expect.stringContaining('no answer in time') },
    ]);
    expect(performance.now() - startedMs).toBeLessThan(4000);
  });

  it('is not there, is no URL, or stands in a file', async () => {
    expect(await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })).toMatchObject([
      { remedy: expect.stringContaining('Nothing listens there') },
    ]);
    const OTEL_EXPORTER_OTLP_PROTOCOL = 'grpc';
    const nowhere = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_PROTOCOL };
    expect(await checkEndpoint(nowhere)).toMatchObject([
      {
        found: expect.stringContaining('(gRPC) did not take logs, metrics, and traces: ECONNREFUSED'),
        remedy: expect.stringContaining('Nothing listens there'),
      },
    ]);
    expect(await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' })).toMatchObject([
      { level: 'problem', found: expect.stringContaining('is a URL') },
    ]);
    expect(await checkEndpoint({ OTEL_CONFIG_FILE: 'otel.yaml' })).toMatchObject([{ level: 'note' }]);
    expect(
      await checkEndpoint({ OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' }),
    ).toMatchObject([{ level: 'note' }]);
  });

  it('cannot be asked with a certificate that is not there, or a header that is none', async () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'https://127.0.0.1:1';
    const OTEL_EXPORTER_OTLP_CERTIFICATE = join(tmpdir(), 'gridwatch-none.pem');
    expect(await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_CERTIFICATE })).toMatchObject([
      { level: 'problem', remedy: expect.stringContaining('OTEL_EXPORTER_OTLP_CERTIFICATE') },
    ]);
    const OTEL_EXPORTER_OTLP_HEADERS = 'bad header=1';
    expect(await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS })).toMatchObject([
      { level: 'problem', remedy: expect.stringContaining('OTEL_EXPORTER_OTLP_HEADERS') },
    ]);
  });

  it('must not get credentials in clear text, unless it is on this machine', async () => {
    const url = await answering(() => 200);
    const OTEL_EXPORTER_OTLP_HEADERS = 'x-api-key=1';
    expect(levels(await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS }))).toEqual([
      'ok',
    ]);
    const checks = await checkEndpoint({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.invalid:4318',
      OTEL_EXPORTER_OTLP_HEADERS,
    });
    expect(checks.at(-1)).toMatchObject({
      level: 'problem',
      found: 'Credentials (x-api-key) go to collector.invalid:4318 in clear text, with logs, metrics, and traces.',
    });
  });

  it('is told of for each signal that carries credentials, in headers, as user and password, or as a parameter', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.invalid:4318',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-honeycomb-team=s3cret,x-tenant=one',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://user:s3cret@metrics.invalid/v1/metrics?api_key=s3cret&plain=1',
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://user:s3cret@logs.invalid/v1/logs',
    };
    const checks = await checkEndpoint(env);
    expect(checks.map(({ found }) => found).filter((found) => found.startsWith('Credentials'))).toEqual([
      'Credentials (x-honeycomb-team) go to collector.invalid:4318 in clear text, with traces.',
      'Credentials (the user and password in the URL, api_key in the URL) go to metrics.invalid in clear text, with metrics.',
    ]);
    expect(JSON.stringify(checks)).not.toContain('s3cret');
  });

  it.each(['ftp://user:s3cret@host/x', 'user:s3cret@collector:4318', 'collector:4318?key=s3cret', 'x://a@b:s3cret@c'])(
    'that is no URL is named without its secrets: %s',
    async (endpoint) => {
      const checks = await checkEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
      expect(checks).toMatchObject([{ level: 'problem', found: expect.stringContaining('is a URL') }]);
      expect(JSON.stringify(checks)).not.toContain('s3cret');
    },
  );
});
