/**
 * An OTLP receiver inside the test: HTTP (protobuf and JSON, gzip, TLS) and gRPC on loopback, ports chosen by the system. Runs in a test's own
 * process. What arrives is decoded into flat lists; how it answers can be changed at any time. It must be stopped at the end of the test.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type * as Grpc from '@grpc/grpc-js';
import {
  decodeOtlp,
  type OtlpLog,
  type OtlpMetric,
  type OtlpPoint,
  type OtlpSignal,
  type OtlpSpan,
} from '../../agent/cli/otlp-decode.ts';

/** How a request is answered. Left out: 200, everything taken. */
export interface ReceiverAnswer {
  readonly status?: number;
  /** For gRPC, instead of `status`. */
  readonly grpcCode?: number;
  readonly retryAfterS?: number;
  readonly partialSuccess?: { readonly rejected: number; readonly message: string };
  /** Never answers; the connection ends with the receiver. */
  readonly isHanging?: boolean;
  /** Cuts the connection without an answer. */
  readonly isCut?: boolean;
}

export interface ReceivedRequest {
  readonly signal: OtlpSignal;
  readonly protocol: 'http' | 'grpc';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As sent, before decompression. */
  readonly sizeBytes: number;
  readonly answer: ReceiverAnswer;
}

export interface ReceiverOptions {
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string };
  /** Also listen for gRPC. */
  readonly isGrpc?: boolean;
  /** A port that was free a moment ago, for a receiver that comes back. */
  readonly port?: number;
}

const SIGNALS: readonly OtlpSignal[] = ['traces', 'metrics', 'logs'];
const SERVICES = { traces: ['trace', 'Trace'], metrics: ['metrics', 'Metrics'], logs: ['logs', 'Logs'] } as const;

export class OtlpReceiver {
  readonly spans: OtlpSpan[] = [];
  readonly metrics: OtlpMetric[] = [];
  readonly logs: OtlpLog[] = [];
  readonly requests: ReceivedRequest[] = [];
  /** By signal; to be changed at any time. */
  readonly answers: Record<OtlpSignal, ReceiverAnswer> = { traces: {}, metrics: {}, logs: {} };
  /** Requests that could not be decoded. */
  readonly errors: unknown[] = [];
  #server: Server | undefined;
  #grpcServer: Grpc.Server | undefined;
  #url = '';
  #grpcUrl = '';
  readonly #waiting = new Set<() => void>();

  static async start(options: ReceiverOptions = {}): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await receiver.#listen(options);
    if (options.isGrpc === true) await receiver.#listenGrpc(options);
    return receiver;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT, over HTTP. */
  get url(): string {
    return this.#url;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT, over gRPC. */
  get grpcUrl(): string {
    return this.#grpcUrl;
  }

  get port(): number {
    return Number(new URL(this.#url).port);
  }

  /** Answers all signals alike. */
  answerAll(answer: ReceiverAnswer): void {
    for (const signal of SIGNALS) this.answers[signal] = answer;
  }

  /** The newest point of a metric that has at least these attributes. */
  point(name: string, attributes: Readonly<Record<string, unknown>> = {}): OtlpPoint | undefined {
    const points = this.metrics.filter((metric) => metric.name === name).flatMap(({ points: all }) => all);
    return points.findLast((point) =>
      Object.entries(attributes).every(([key, value]) => point.attributes[key] === value),
    );
  }

  span(name: string): OtlpSpan | undefined {
    return this.spans.find((span) => span.name === name);
  }

  /** Forgets what has arrived. */
  clear(): void {
    for (const list of [this.spans, this.metrics, this.logs, this.requests, this.errors]) list.length = 0;
  }

  /** Resolves with the first truthy answer; asks now and after every request. */
  async waitFor<T>(what: string, ask: (receiver: this) => T, timeoutMs = 45_000): Promise<NonNullable<T>> {
    const { promise, resolve, reject } = defer<NonNullable<T>>();
    const check = (): void => {
      const answer = ask(this);
      if (answer) resolve(answer);
    };
    const timer = setTimeout(
      () => reject(new Error(`waited ${timeoutMs} ms for ${what}; ${this.#summary()}`)),
      timeoutMs,
    );
    this.#waiting.add(check);
    try {
      check();
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(check);
    }
  }

  /** Closes the connections that wait for the next request, as a server does after a while. */
  closeConnections(): void {
    this.#server?.closeIdleConnections();
  }

  async stop(): Promise<void> {
    this.#grpcServer?.forceShutdown();
    const server = this.#server;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #listen({ tls, port = 0 }: ReceiverOptions): Promise<void> {
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((error: unknown) => {
        this.errors.push(error);
        response.writeHead(400).end();
      });
    };
    const mutual = tls?.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
    const server = tls === undefined ? createServer(handle) : createTlsServer({ ...tls, ...mutual }, handle);
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    const scheme = tls === undefined ? 'http' : 'https';
    this.#url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    const path = request.url ?? '';
    const signal = SIGNALS.find((one) => path.endsWith(`/v1/${one}`));
    const headers = request.headers as Record<string, string>;
    if (signal === undefined) {
      response.writeHead(404).end();
      return;
    }
    const body = headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const contentType = headers['content-type'] ?? '';
    const answer = this.#receive(
      { signal, protocol: 'http', path, headers, sizeBytes: sent.length },
      contentType,
      body,
    );
    if (answer.isHanging === true) return;
    if (answer.isCut === true) {
      request.socket.destroy();
      return;
    }
    if (answer.retryAfterS !== undefined) response.setHeader('Retry-After', answer.retryAfterS);
    response.writeHead(answer.status ?? 200, { 'Content-Type': contentType });
    response.end(responseBody(signal, contentType, answer));
  }

  /** The grpc-js that the exporters use; it is no dependency of ours. */
  async #listenGrpc({ tls }: ReceiverOptions): Promise<void> {
    const sdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
    const base = createRequire(sdk.resolve('@opentelemetry/otlp-grpc-exporter-base'));
    const grpc = base('@grpc/grpc-js') as typeof Grpc;
    const server = new grpc.Server();
    for (const signal of SIGNALS) this.#addService(server, signal);
    const credentials =
      tls === undefined
        ? grpc.ServerCredentials.createInsecure()
        : grpc.ServerCredentials.createSsl(
            tls.ca === undefined ? null : Buffer.from(tls.ca),
            [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }],
            tls.ca !== undefined,
          );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
    });
    this.#grpcServer = server;
    this.#grpcUrl = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  #addService(server: Grpc.Server, signal: OtlpSignal): void {
    const [folder, name] = SERVICES[signal];
    const path = `/opentelemetry.proto.collector.${folder}.v1.${name}Service/Export`;
    const asItIs = (bytes: Buffer): Buffer => bytes;
    const methods = {
      export: {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: asItIs,
        requestDeserialize: asItIs,
        responseSerialize: asItIs,
        responseDeserialize: asItIs,
      },
    } as const;
    server.addService(methods, {
      export: (call: Grpc.ServerUnaryCall<Buffer, Buffer>, callback: Grpc.sendUnaryData<Buffer>) => {
        const headers = Object.fromEntries(
          Object.entries(call.metadata.getMap()).map(([key, value]) => [key, String(value)]),
        );
        const request = { signal, protocol: 'grpc', path, headers, sizeBytes: call.request.length } as const;
        const answer = this.#receive(request, 'application/x-protobuf', call.request);
        if (answer.isHanging === true) return;
        if (answer.grpcCode !== undefined) callback({ code: answer.grpcCode, details: 'as the test wants it' });
        else callback(null, responseBody(signal, '', answer));
      },
    });
  }

  #receive(request: Omit<ReceivedRequest, 'answer'>, contentType: string, body: Uint8Array): ReceiverAnswer {
    const answer = this.answers[request.signal];
    this.requests.push({ ...request, answer });
    const isTaken = (answer.status ?? 200) < 300 && answer.grpcCode === undefined && answer.isCut !== true;
    if (isTaken && answer.isHanging !== true) {
      try {
        const { spans, metrics, logs } = decodeOtlp(request.signal, contentType, body);
        this.spans.push(...spans);
        this.metrics.push(...metrics);
        this.logs.push(...logs);
      } catch (error) {
        this.errors.push(error);
      }
    }
    for (const check of this.#waiting) check();
    return answer;
  }

  #summary(): string {
    const names = (items: readonly { readonly name: string }[]): string =>
      [...new Set(items.map(({ name }) => name))].join(', ');
    return [
      `requests: ${this.requests.map(({ signal, protocol }) => `${protocol} ${signal}`).join(', ') || 'none'}`,
      `spans: ${names(this.spans) || 'none'}`,
      `metrics: ${names(this.metrics) || 'none'}`,
      `logs: ${this.logs.map(({ eventName }) => eventName).join(', ') || 'none'}`,
      ...(this.errors.length === 0 ? [] : [`errors: ${inspect(this.errors)}`]),
    ].join('; ');
  }
}

const REJECTED = { traces: 'rejectedSpans', metrics: 'rejectedDataPoints', logs: 'rejectedLogRecords' } as const;

function responseBody(signal: OtlpSignal, contentType: string, { partialSuccess }: ReceiverAnswer): Buffer {
  if (/\bjson\b/.test(contentType)) {
    if (partialSuccess === undefined) return Buffer.from('{}');
    const { rejected, message } = partialSuccess;
    return Buffer.from(
      JSON.stringify({ partialSuccess: { [REJECTED[signal]]: String(rejected), errorMessage: message } }),
    );
  }
  if (partialSuccess === undefined) return Buffer.alloc(0);
  const message = Buffer.from(partialSuccess.message);
  const partial = Buffer.concat([Buffer.from([0x08, partialSuccess.rejected, 0x12, message.length]), message]);
  return Buffer.concat([Buffer.from([0x0a, partial.length]), partial]);
}

function defer<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
