/** What the view ships on: unchanged, with the user's headers, over HTTP or gRPC, and never at the program's cost. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { Forwarder } from '../../../../agent/cli/ui/forwarder.ts';
import type { ReceivedBody } from '../../../../agent/cli/ui/receiver.ts';
import type { Destination } from '../../../../agent/cli/ui/reroute.ts';
import { eventually } from '../../../support/eventually.ts';

interface Arrival {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
}

let servers: Server[] = [];
let forwarders: Forwarder[] = [];

afterEach(async () => {
  await Promise.all(forwarders.map(async (forwarder) => forwarder.close(0)));
  for (const server of servers) {
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  }
  servers = [];
  forwarders = [];
});

async function listen(server: Server): Promise<URL> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`);
}

function open(url: URL, options: Partial<Destination> = {}): Forwarder {
  const destination: Destination = {
    url,
    protocol: 'http',
    headers: { authorization: 'secret' },
    timeoutMs: 2000,
    certificate: undefined,
    clientKey: undefined,
    clientCertificate: undefined,
    ...options,
  };
  const forwarder = new Forwarder(new Map([['traces', destination]]));
  forwarders.push(forwarder);
  return forwarder;
}

function body(bytes: Buffer, options: Partial<ReceivedBody> = {}): ReceivedBody {
  return { signal: 'traces', bytes, contentType: 'application/x-protobuf', contentEncoding: undefined, ...options };
}

async function httpEndpoint(status: number, arrivals: Arrival[]): Promise<URL> {
  return listen(
    http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        arrivals.push({ path: request.url ?? '', headers: request.headers, bytes: Buffer.concat(chunks) });
        response.writeHead(status).end();
      });
    }),
  );
}

describe('over HTTP', () => {
  it('ships bodies as they came, with the headers of the user', async () => {
    const arrivals: Arrival[] = [];
    const forwarder = open(await httpEndpoint(200, arrivals));
    forwarder.ship(body(Buffer.from('one')));
    forwarder.ship(body(gzipSync('two'), { contentEncoding: 'gzip', contentType: 'application/json' }));
    forwarder.ship(body(Buffer.from('a signal nobody asked for'), { signal: 'logs' }));
    await eventually('two deliveries', () => forwarder.stats.delivered === 2);
    expect(arrivals).toMatchObject([
      {
        path: '/v1/traces',
        bytes: Buffer.from('one'),
        headers: { authorization: 'secret', 'content-type': 'application/x-protobuf' },
      },
      { bytes: gzipSync('two'), headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' } },
    ]);
    expect(forwarder.stats).toEqual({ delivered: 2, failed: 0, dropped: 0, unsupported: [], lastFailure: '' });
  });

  it('counts what is refused, and says why', async () => {
    const forwarder = open(await httpEndpoint(503, []));
    forwarder.ship(body(Buffer.from('one')));
    await eventually('a failure', () => forwarder.stats.failed === 1);
    expect(forwarder.stats.lastFailure).toBe('HTTP status 503');
  });

  it('stops asking an endpoint that does not take the signal, and counts no failure', async () => {
    const arrivals: Arrival[] = [];
    const forwarder = open(await httpEndpoint(404, arrivals));
    for (let i = 0; i < 3; i++) forwarder.ship(body(Buffer.from('one')));
    await eventually('the answer', () => forwarder.stats.unsupported.length === 1);
    forwarder.ship(body(Buffer.from('one')));
    await forwarder.close(1000);
    expect(forwarder.stats).toMatchObject({ failed: 0, dropped: 0, unsupported: ['traces'] });
    expect(arrivals).toHaveLength(1);
  });

  it('counts a header that HTTP does not allow as a failure, and goes on', async () => {
    const forwarder = open(await httpEndpoint(200, []), { headers: { bad: 'line\nbreak' } });
    forwarder.ship(body(Buffer.from('one')));
    await eventually('a failure', () => forwarder.stats.failed === 1);
    expect(forwarder.stats.lastFailure).toBe('ERR_INVALID_CHAR');
  });

  it('drops the oldest of what waits for a hanging endpoint, counts it, and ends by its deadline', async () => {
    const url = await listen(http.createServer(() => {}));
    const forwarder = open(url);
    for (let i = 0; i < 100; i++) forwarder.ship(body(Buffer.from('one')));
    expect(forwarder.stats.dropped).toBe(100 - 1 - 64);
    const startedMs = performance.now();
    await forwarder.close(50);
    expect(performance.now() - startedMs).toBeLessThan(1000);
    expect(forwarder.stats.dropped).toBe(99);
    await eventually('the last one', () => forwarder.stats.failed === 1);
    expect(forwarder.stats.lastFailure).toBe('no answer in time');
  });
});

describe('over gRPC', () => {
  async function grpcEndpoint(status: string, arrivals: Arrival[]): Promise<URL> {
    const server = http2.createServer();
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        arrivals.push({ path: String(headers[':path']), headers, bytes: Buffer.concat(chunks) });
        if (status === '0') {
          stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
          stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
          stream.end(Buffer.alloc(5));
        } else stream.respond({ ':status': 200, 'grpc-status': status }, { endStream: true });
      });
    });
    return listen(server);
  }

  it('frames the same message', async () => {
    const arrivals: Arrival[] = [];
    const forwarder = open(await grpcEndpoint('0', arrivals), { protocol: 'grpc' });
    forwarder.ship(body(gzipSync('two'), { contentEncoding: 'gzip' }));
    await eventually('a delivery', () => forwarder.stats.delivered === 1);
    expect(arrivals).toMatchObject([
      {
        path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
        bytes: Buffer.from('\0\0\0\0\x03two'),
        headers: { te: 'trailers', authorization: 'secret' },
      },
    ]);
  });

  it.each([
    ['14', { failed: 1, lastFailure: 'gRPC status 14', unsupported: [] }],
    ['12', { failed: 0, unsupported: ['traces'] }],
  ])('understands status %s', async (status, stats) => {
    const forwarder = open(await grpcEndpoint(status, []), { protocol: 'grpc' });
    forwarder.ship(body(Buffer.from('one')));
    await eventually('an answer', () => forwarder.stats.failed + forwarder.stats.unsupported.length === 1);
    expect(forwarder.stats).toMatchObject(stats);
  });

  it('cannot ship JSON, and survives an endpoint that is not there', async () => {
    const forwarder = open(new URL('http://127.0.0.1:1/'), { protocol: 'grpc' });
    forwarder.ship(body(Buffer.from('{}'), { contentType: 'application/json' }));
    forwarder.ship(body(Buffer.from('one')));
    await eventually('two failures', () => forwarder.stats.failed === 2);
  });
});
