/**
 * One line of export: the requests of one exporter on their way to its endpoint, one at a time and in order. Runs on the agent thread. It decides
 * what an answer means: delivered, refused (the endpoint does not take this signal), rejected (this request will never be taken), or not reached,
 * in which case the requests wait in the spool and are tried again with growing pauses. It must never lose a request uncounted, unless nobody wants its
 * signal there, and never keep the thread alive.
 */
import type { Diag } from '../../diag.ts';
import type { RecordKind, Signal } from './catalog.ts';
import type { Outages } from './outages.ts';
import type { Batch, SpoolQueue } from './spool.ts';

/** What a transport of the OTLP exporters answers. */
export interface SendResult {
  readonly status: 'success' | 'failure' | 'retryable';
  readonly data?: Uint8Array;
  readonly error?: Error & { readonly code?: unknown };
  readonly retryInMillis?: number;
}

export interface ExportLineSettings {
  readonly signal: Signal;
  /** Where to, for the lines on stderr: without path and credentials. */
  readonly endpoint: string;
  readonly queue: SpoolQueue;
  readonly outages: Outages;
  readonly diag: Diag;
  readonly send: (body: Uint8Array) => Promise<SendResult>;
  /** What the endpoint says it has left out although it took the request. */
  readonly rejectedIn: (response: Uint8Array) => { readonly records: number; readonly message: string };
  readonly countDrop: (kind: RecordKind, records: number) => void;
  readonly countFailure: (signal: Signal) => void;
  readonly nowMs: () => number;
}

/** What is lost when a request of the signal is. */
export const DROP_KINDS: Readonly<Record<Signal, RecordKind>> = { traces: 'span', metrics: 'metric', logs: 'log' };

/** An endpoint that does not take a signal is asked again after this long. */
const REFUSED_MS = 600_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

const REFUSING_HTTP = new Set<unknown>([404, 405, 501]);
/** UNIMPLEMENTED; gRPC also gives it for an HTTP 404. */
const REFUSING_GRPC = 12;
/** CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS: those that OTLP lets a client try again. */
const RETRYABLE_GRPC = new Set<unknown>([1, 4, 8, 10, 11, 14, 15]);
/** A kept-alive connection that the other side has closed: the same request, sent again, opens a new one. */
const STALE_CONNECTION = new Set<unknown>(['ECONNRESET', 'EPIPE']);

type Outcome = 'delivered' | 'refused' | 'rejected' | 'unreached';

export class ExportLine {
  readonly #settings: ExportLineSettings;
  #refusedUntilMs = 0;
  #retryAtMs = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(settings: ExportLineSettings) {
    this.#settings = settings;
  }

  /** Whether a request would go nowhere, so that it need not even be serialised. */
  isClosedTo(isReplaceable: boolean): boolean {
    const nowMs = this.#settings.nowMs();
    return nowMs < this.#refusedUntilMs || (isReplaceable && nowMs < this.#retryAtMs);
  }

  add(body: Uint8Array, records: number, isReplaceable: boolean): void {
    this.#settings.queue.add({ body, records, isReplaceable, isInFlight: false });
    if (this.#settings.nowMs() >= this.#retryAtMs) void this.#send();
  }

  /** What is added from now on is tried at once. */
  endPause(): void {
    this.#retryAtMs = 0;
  }

  /** Resolves when everything has been delivered, or an attempt to do so has failed. */
  flush(): Promise<void> {
    return this.#sending ?? this.#send();
  }

  async #send(): Promise<void> {
    if (this.#settings.queue.first !== undefined) await (this.#sending ??= this.#sendAll());
  }

  async #sendAll(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await this.#sendUntilUnreached();
    } finally {
      this.#sending = undefined;
    }
  }

  async #sendUntilUnreached(): Promise<void> {
    const { queue, signal, endpoint, outages } = this.#settings;
    for (let batch = queue.first; batch !== undefined; batch = queue.first) {
      const { outcome, reason, retryInMs } = await this.#attempt(batch);
      if (outcome === 'delivered') this.#delivered();
      else if (outcome === 'refused') this.#refused(reason);
      else {
        this.#settings.countFailure(signal);
        outages.failed(endpoint, signal, reason);
      }
      if (outcome === 'rejected') this.#settings.countDrop(DROP_KINDS[signal], batch.records);
      if (outcome !== 'unreached' || batch.isReplaceable) queue.remove(batch);
      if (outcome === 'unreached') {
        this.#pause(retryInMs);
        return;
      }
    }
  }

  async #attempt(batch: Batch): Promise<{ outcome: Outcome; reason: string; retryInMs?: number | undefined }> {
    batch.isInFlight = true;
    const { status, data, error, retryInMillis } = await this.#sendTwice(batch.body);
    batch.isInFlight = false;
    if (status === 'success') {
      if (data !== undefined) this.#countRejected(data);
      return { outcome: 'delivered', reason: '' };
    }
    const code = error?.code;
    const reason = describe(error);
    if (status === 'retryable' || typeof code !== 'number') {
      return { outcome: 'unreached', reason, retryInMs: retryInMillis };
    }
    if (REFUSING_HTTP.has(code) || code === REFUSING_GRPC) return { outcome: 'refused', reason };
    return { outcome: RETRYABLE_GRPC.has(code) ? 'unreached' : 'rejected', reason };
  }

  async #sendTwice(body: Uint8Array): Promise<SendResult> {
    try {
      const result = await this.#settings.send(body);
      return STALE_CONNECTION.has(result.error?.code) ? await this.#settings.send(body) : result;
    } catch (error) {
      return { status: 'failure', error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #countRejected(response: Uint8Array): void {
    const { signal, endpoint, diag } = this.#settings;
    const { records, message } = this.#settings.rejectedIn(response);
    if (records > 0) this.#settings.countDrop(DROP_KINDS[signal], records);
    if (records === 0 && message === '') return;
    diag.once(`partial ${signal} ${endpoint}`).warn(`${endpoint} left out some ${signal}: ${message}`, { records });
  }

  #delivered(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#retryAtMs = 0;
    this.#settings.outages.delivered(this.#settings.endpoint, this.#settings.signal);
  }

  #refused(reason: string): void {
    const { signal, endpoint, queue, diag } = this.#settings;
    this.#refusedUntilMs = this.#settings.nowMs() + REFUSED_MS;
    queue.clear();
    diag
      .once(`refused ${signal} ${endpoint}`)
      .info(`${endpoint} does not take ${signal} (${reason}): they are off, and offered again every ten minutes`);
  }

  #pause(retryInMs = 0): void {
    const pauseMs = Math.max(retryInMs, this.#pauseMs * (0.8 + Math.random() * 0.4));
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#retryAtMs = this.#settings.nowMs() + pauseMs;
    this.#timer = setTimeout(() => void this.#send(), pauseMs).unref();
  }
}

/** An HTTP error's message is the status text alone; a failed connection to several addresses has none. Of a URL without its `https://` a user is the protocol. */
function describe(error: SendResult['error']): string {
  if (error === undefined) return 'it asks to try again later';
  const { code, message } = error;
  if (code === 'ERR_INVALID_PROTOCOL') return 'it does not begin with http:// or https://';
  if (typeof code === 'number' && code >= 100) return `HTTP ${code}${message === '' ? '' : ` ${message}`}`;
  return message === '' ? String(code) : message;
}
