/**
 * Sends received OTLP bodies on to the user's endpoint over HTTP, as they came. Runs in the process of
 * `gridwatch run --ui`. It must never retry or wait longer than the user's timeout: the queue before it is bounded.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { ReceivedBody } from './receiver.ts';
import type { Destination } from './reroute.ts';

/** What became of one body. `unsupported`: this endpoint does not take this signal, and never will. */
export type Delivery =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Sends bodies of one signal to one endpoint, one after the other. */
export interface Shipper {
  /** Rejects only what can never be sent, a header that HTTP does not allow for one. */
  send(body: ReceivedBody, signal: AbortSignal): Promise<Delivery>;
  close(): void;
}

/** An endpoint that answers so has no such path: Jaeger takes traces only. */
const UNSUPPORTED: ReadonlySet<number> = new Set([404, 405, 501]);

export function createHttpShipper(destination: Destination): Shipper {
  const isTls = destination.url.protocol === 'https:';
  const options = { keepAlive: true, maxSockets: 1 };
  const agent = isTls ? new https.Agent({ ...options, ...readTlsFiles(destination) }) : new http.Agent(options);
  const request = isTls ? https.request : http.request;
  return {
    close: () => agent.destroy(),
    send: async (body, signal) =>
      new Promise((resolve) => {
        const fail = (error: Error): void => resolve({ kind: 'failed', reason: reasonOf(error) });
        const outgoing = request(destination.url, {
          agent,
          method: 'POST',
          signal: AbortSignal.any([signal, AbortSignal.timeout(destination.timeoutMs)]),
          headers: {
            ...destination.headers,
            'content-type': body.contentType,
            'content-length': body.bytes.length,
            ...(body.contentEncoding && { 'content-encoding': body.contentEncoding }),
          },
        });
        outgoing.once('error', fail);
        outgoing.once('response', (response) => {
          response.once('error', fail);
          response.once('end', () => resolve(toDelivery(response.statusCode ?? 0)));
          response.resume();
        });
        outgoing.end(body.bytes);
      }),
  };
}

function toDelivery(status: number): Delivery {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  return UNSUPPORTED.has(status) ? { kind: 'unsupported' } : { kind: 'failed', reason: `HTTP status ${status}` };
}

/** The certificates of the user's variables. @throws when a file cannot be read. */
export function readTlsFiles(destination: Destination): { ca?: Buffer; key?: Buffer; cert?: Buffer } {
  const { certificate, clientKey, clientCertificate } = destination;
  return {
    ...(certificate && { ca: readFileSync(certificate) }),
    ...(clientKey && { key: readFileSync(clientKey) }),
    ...(clientCertificate && { cert: readFileSync(clientCertificate) }),
  };
}

export function reasonOf(error: Error): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'no answer in time';
  // HTTP/2 ends all streams of a connection that failed with one and the same code; why it failed stands behind that.
  const cause = error.cause instanceof Error ? error.cause : error;
  return (cause as NodeJS.ErrnoException).code ?? error.message;
}
