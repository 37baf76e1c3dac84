/**
 * An OTLP/HTTP receiver for one run: it listens on a free port of the loopback address, decodes what arrives and hands it
 * on. Runs in the process of `gridwatch run --ui`. Any process of this machine can send to it and any web page can try, so
 * it must never answer a Host that is not loopback (a rebound DNS name), allow another origin, or take more memory than the
 * bounds below; what it cannot read it answers with the status the protocol has for it.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { decodeOtlp, type OtlpBatch, OtlpDecodeError, type OtlpSignal } from '../otlp-decode.ts';

/** A request as it came: compressed if it was. */
export interface ReceivedBody {
  readonly signal: OtlpSignal;
  readonly bytes: Buffer;
  readonly contentType: string;
  /** `undefined` when not compressed. */
  readonly contentEncoding: 'gzip' | undefined;
}

export interface ReceiverSettings {
  /** Told of every request that could be read. */
  onReceived(batch: OtlpBatch, body: ReceivedBody): void;
}

export interface Receiver {
  /** What a program sets OTEL_EXPORTER_OTLP_ENDPOINT to. */
  readonly url: string;
  /** Requests answered with an error: their telemetry is not shown. */
  readonly refusedCount: number;
  close(): Promise<void>;
}

/** One body, and one body unpacked. A Collector takes 20 MiB; an SDK's batch of 512 spans is below 1 MiB. */
const MAX_BODY_BYTES = 16 * 2 ** 20;

/** All bodies being read at one time. */
const MAX_BODIES_BYTES = 64 * 2 ** 20;

const SIGNAL_OF_PATH: ReadonlyMap<string, OtlpSignal> = new Map([
  ['/v1/traces', 'traces'],
  ['/v1/metrics', 'metrics'],
  ['/v1/logs', 'logs'],
]);

const unpack = promisify(gunzip);

/** A request that gets no more than a status. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Whether a Host header names the loopback interface, with any port or none. */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(:\d{1,5})?$/.exec(host ?? '')?.[1]?.toLowerCase();
  if (name === undefined) return false;
  return name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
}

export async function startReceiver(settings: ReceiverSettings): Promise<Receiver> {
  const receiver = new OtlpReceiver(settings);
  await receiver.listen();
  return receiver;
}

class OtlpReceiver implements Receiver {
  readonly #settings: ReceiverSettings;
  readonly #server: Server;
  #openBytes = 0;
  refusedCount = 0;

  constructor(settings: ReceiverSettings) {
    this.#settings = settings;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const contentType = await this.#receive(request);
      response.writeHead(200, { 'content-type': contentType });
      response.end(contentType === 'application/json' ? '{}' : '');
    } catch (error) {
      this.refusedCount++;
      if (!(error instanceof Refusal)) {
        response.destroy();
        return;
      }
      // A sender that is cut off in the middle of its body would not read the answer: the rest is received and forgotten.
      request.resume();
      if (!request.closed) await once(request, 'close');
      response.writeHead(error.status, { 'content-type': 'text/plain' });
      response.end(`${error.message}\n`);
    }
  }

  /** Reads, unpacks and decodes one request. Returns the media type to answer in. */
  async #receive(request: IncomingMessage): Promise<string> {
    if (!isLoopbackHost(request.headers.host))
      throw new Refusal(403, 'The Host header must name the loopback interface.');
    const signal = SIGNAL_OF_PATH.get(request.url?.split('?', 1)[0] ?? '');
    if (signal === undefined) throw new Refusal(404, 'There are /v1/traces, /v1/metrics and /v1/logs.');
    if (request.method !== 'POST') throw new Refusal(405, 'OTLP/HTTP is sent by POST.');
    const contentType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
    if (contentType !== 'application/x-protobuf' && contentType !== 'application/json') {
      throw new Refusal(415, 'OTLP is application/x-protobuf or application/json.');
    }
    const contentEncoding = request.headers['content-encoding']?.trim().toLowerCase() || undefined;
    if (contentEncoding !== undefined && contentEncoding !== 'identity' && contentEncoding !== 'gzip') {
      throw new Refusal(415, 'The one encoding known here is gzip.');
    }
    const isPacked = contentEncoding === 'gzip';
    const bytes = await this.#read(request);
    const batch = decode(signal, contentType, isPacked ? await unpackBounded(bytes) : bytes);
    this.#settings.onReceived(batch, { signal, bytes, contentType, contentEncoding: isPacked ? 'gzip' : undefined });
    return contentType;
  }

  async #read(request: IncomingMessage): Promise<Buffer> {
    const tooLarge = (): Refusal => new Refusal(413, `A body may have ${MAX_BODY_BYTES} bytes.`);
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
    const chunks: Buffer[] = [];
    let readBytes = 0;
    try {
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        readBytes += chunk.length;
        this.#openBytes += chunk.length;
        if (readBytes > MAX_BODY_BYTES) throw tooLarge();
        if (this.#openBytes > MAX_BODIES_BYTES) throw new Refusal(503, 'Too many bodies are being read at once.');
        chunks.push(chunk);
      }
    } finally {
      this.#openBytes -= readBytes;
    }
    return Buffer.concat(chunks);
  }
}

async function unpackBounded(bytes: Buffer): Promise<Buffer> {
  try {
    return await unpack(bytes, { maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge
      ? new Refusal(413, `An unpacked body may have ${MAX_BODY_BYTES} bytes.`)
      : new Refusal(400, 'The body is not gzip.');
  }
}

function decode(signal: OtlpSignal, contentType: string, bytes: Buffer): OtlpBatch {
  try {
    return decodeOtlp(signal, contentType, bytes);
  } catch (error) {
    if (error instanceof OtlpDecodeError) throw new Refusal(400, error.message);
    throw error;
  }
}
