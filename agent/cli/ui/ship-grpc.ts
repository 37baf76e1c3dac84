/**
 * Sends received OTLP bodies on over gRPC, for users whose endpoint speaks that. The request's message is the very body
 * that came over HTTP; only the frame around it differs: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
 * Runs in the process of `gridwatch run --ui`, with Node's own HTTP/2 and nothing else.
 */
import http2 from 'node:http2';
import { gunzipSync } from 'node:zlib';
import type { OtlpSignal } from '../otlp-decode.ts';
import type { ReceivedBody } from './receiver.ts';
import type { Destination } from './reroute.ts';
import { type Delivery, readTlsFiles, reasonOf, type Shipper } from './ship-http.ts';

const PATHS: Readonly<Record<OtlpSignal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/** gRPC status 12: the server has no such service. */
const UNIMPLEMENTED = '12';

/** A byte that says "not compressed", and the message's length in four. */
const FRAME_HEAD_BYTES = 5;

export function createGrpcShipper(destination: Destination): Shipper {
  const tls = destination.url.protocol === 'https:' ? readTlsFiles(destination) : {};
  let session: http2.ClientHttp2Session | undefined;
  const connect = (): http2.ClientHttp2Session => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    session = http2.connect(destination.url.origin, tls);
    // Every stream of a failed session fails with it, and reports that.
    session.on('error', () => {});
    return session;
  };
  return {
    close: () => session?.destroy(),
    send: async (body, signal) => {
      if (body.contentType !== 'application/x-protobuf') {
        return { kind: 'failed', reason: 'JSON cannot be sent over gRPC' };
      }
      return new Promise((resolve) => {
        const stream = connect().request(
          {
            ...destination.headers,
            ':method': 'POST',
            ':path': PATHS[body.signal],
            'content-type': 'application/grpc+proto',
            te: 'trailers',
          },
          { signal: AbortSignal.any([signal, AbortSignal.timeout(destination.timeoutMs)]) },
        );
        // A server that refuses at once answers with headers only, and its status stands there.
        const settle = (headers: http2.IncomingHttpHeaders): void => {
          const status = headers['grpc-status'];
          if (status !== undefined) resolve(toDelivery(String(status)));
        };
        stream.once('response', settle);
        stream.once('trailers', settle);
        stream.once('error', (error) => resolve({ kind: 'failed', reason: reasonOf(error) }));
        stream.once('close', () => resolve({ kind: 'failed', reason: 'the stream ended without a gRPC status' }));
        stream.resume();
        stream.end(frame(body));
      });
    },
  };
}

function toDelivery(status: string): Delivery {
  if (status === '0') return { kind: 'delivered' };
  return status === UNIMPLEMENTED ? { kind: 'unsupported' } : { kind: 'failed', reason: `gRPC status ${status}` };
}

function frame(body: ReceivedBody): Buffer {
  const message = body.contentEncoding === 'gzip' ? gunzipSync(body.bytes) : body.bytes;
  const framed = Buffer.alloc(FRAME_HEAD_BYTES + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, FRAME_HEAD_BYTES);
  return framed;
}
