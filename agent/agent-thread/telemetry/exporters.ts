/**
 * The one choke point of everything that leaves over OTLP: `OTLPExporterBase.prototype.export`, in every copy the SDK has loaded, hands what it is
 * given to an `ExportLine` instead of sending it itself. Runs on the agent thread. Serialisation, compression, headers, TLS and protocols stay the
 * SDK's own. It must never make the SDK wait for an endpoint: a request is accepted when it is in the spool.
 *
 * It reads fields the SDK does not document (the exporter's delegate with its serializer and transport); the versions are pinned, and
 * `otlp-env.test.ts` fails if they move. An exporter that looks different is left alone, with a line that says so.
 */
import type { ExportResult } from '@opentelemetry/core';
import type { Diag } from '../../diag.ts';
import type { RecordKind, Signal } from './catalog.ts';
import { DROP_KINDS, ExportLine, type SendResult } from './export-line.ts';
import { TEMPORALITY } from './metric-view.ts';
import { Outages } from './outages.ts';
import { Spool, type SpoolQueue } from './spool.ts';

interface Transport {
  send(body: Uint8Array, timeoutMs: number): Promise<SendResult>;
  readonly _parameters?: { readonly url?: string; readonly address?: string };
  /** What a transport that retries on its own wraps: our lines retry, with the spool. */
  readonly _transport?: Transport;
}

interface Delegate {
  readonly _serializer: {
    serializeRequest(items: unknown): Uint8Array | undefined;
    deserializeResponse(data: Uint8Array): { readonly partialSuccess?: PartialSuccess };
  };
  readonly _transport: Transport;
  readonly _timeout: number;
}

interface PartialSuccess {
  readonly rejectedSpans?: unknown;
  readonly rejectedDataPoints?: unknown;
  readonly rejectedLogRecords?: unknown;
  readonly errorMessage?: string;
}

interface OtlpExporter {
  readonly _delegate?: Partial<Delegate>;
}

export type ExportDone = (result: ExportResult) => void;

/** A class whose `export` is to be replaced: `OTLPExporterBase`. */
export interface ExporterClass {
  readonly prototype: { export: (this: OtlpExporter, items: unknown, done: ExportDone) => void };
}

export interface ExportersSettings {
  readonly diag: Diag;
  /** The processors' and readers' own limits on an export, where the environment sets one that is shorter than the exporter's. */
  readonly timeoutsMs: Readonly<Record<Signal, number>>;
  readonly countDrop: (kind: RecordKind, records: number) => void;
  readonly nowMs: () => number;
}

const SUCCESS: ExportResult = { code: 0 };

export class Exporters {
  readonly #settings: ExportersSettings;
  readonly #outages: Outages;
  readonly #spool: Spool;
  readonly #lines = new Map<OtlpExporter, ExportLine>();
  readonly #signalOf = new Map<SpoolQueue, Signal>();
  readonly failures: Record<Signal, number> = { traces: 0, metrics: 0, logs: 0 };

  constructor(settings: ExportersSettings) {
    this.#settings = settings;
    this.#outages = new Outages(settings.diag, settings.nowMs);
    this.#spool = new Spool((queue, batch) => {
      const signal = this.#signalOf.get(queue);
      if (signal !== undefined) settings.countDrop(DROP_KINDS[signal], batch.records);
    });
  }

  get spoolBytes(): number {
    return this.#spool.sizeBytes;
  }

  /** Takes over the exports of every instance of the class. */
  takeOver(exporterClass: ExporterClass): void {
    const { prototype } = exporterClass;
    const original = prototype.export;
    const exportInstead = this.#export.bind(this);
    prototype.export = function (items, done): void {
      if (!exportInstead(this, items, done)) original.call(this, items, done);
    };
  }

  /** What is exported from now on is tried at once, even where the last attempt failed. */
  endPauses(): void {
    for (const line of this.#lines.values()) line.endPause();
  }

  /** Resolves when everything in the spool has been delivered, or tried once more. */
  async flush(): Promise<void> {
    await Promise.all(Array.from(this.#lines.values(), (line) => line.flush()));
  }

  #export(exporter: OtlpExporter, items: unknown, done: ExportDone): boolean {
    const { _serializer: serializer, _transport: transport, _timeout: timeoutMs } = exporter._delegate ?? {};
    if (serializer === undefined || transport === undefined || timeoutMs === undefined) {
      this.#settings.diag
        .once('unknown exporter')
        .warn('this OTLP exporter is unknown: it is used as it is, unspooled');
      return false;
    }
    const delegate = { _serializer: serializer, _transport: transport, _timeout: timeoutMs };
    const { signal, records, isReplaceable } = describeItems(items);
    if (records > 0) {
      const line = this.#lines.get(exporter) ?? this.#openLine(exporter, delegate, signal);
      if (!line.isClosedTo(isReplaceable))
        this.#add(line, serializer.serializeRequest(items), signal, records, isReplaceable);
    }
    done(SUCCESS);
    return true;
  }

  #add(line: ExportLine, body: Uint8Array | undefined, signal: Signal, records: number, isReplaceable: boolean): void {
    if (body === undefined) this.#settings.countDrop(DROP_KINDS[signal], records);
    else line.add(body, records, isReplaceable);
  }

  #openLine(exporter: OtlpExporter, delegate: Delegate, signal: Signal): ExportLine {
    const queue = this.#spool.openQueue();
    const transport = delegate._transport._transport ?? delegate._transport;
    const timeoutMs = Math.min(delegate._timeout, this.#settings.timeoutsMs[signal]);
    const { diag, countDrop, nowMs } = this.#settings;
    const line = new ExportLine({
      signal,
      endpoint: describeEndpoint(transport),
      queue,
      outages: this.#outages,
      diag,
      send: (body) => transport.send(body, timeoutMs),
      rejectedIn: (response) => readPartialSuccess(delegate, response),
      countDrop,
      countFailure: (failed) => this.failures[failed]++,
      nowMs,
    });
    this.#lines.set(exporter, line);
    this.#signalOf.set(queue, signal);
    return line;
  }
}

interface ItemsContent {
  readonly signal: Signal;
  readonly records: number;
  readonly isReplaceable: boolean;
}

/** Spans and log records come in arrays, and only spans have a duration; metrics come with their resource. */
function describeItems(items: unknown): ItemsContent {
  if (Array.isArray(items)) {
    const isTraces = items.length === 0 || 'duration' in (items[0] as object);
    return { signal: isTraces ? 'traces' : 'logs', records: items.length, isReplaceable: false };
  }
  const { scopeMetrics } = items as {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly { readonly aggregationTemporality: number; readonly dataPoints: readonly unknown[] }[];
    }[];
  };
  let records = 0;
  let isReplaceable = true;
  for (const { metrics } of scopeMetrics) {
    for (const { aggregationTemporality, dataPoints } of metrics) {
      records += dataPoints.length;
      if (aggregationTemporality === TEMPORALITY.DELTA) isReplaceable = false;
    }
  }
  return { signal: 'metrics', records, isReplaceable };
}

/** Where it is not sure what of it is the host. */
const UNNAMED = 'the endpoint';
/** With a user before it and a path or more behind it; an `@` in there may be one of a password, or of a token. */
const HOST = /^(?:[^@/?#]*@)?([^@/?#]+)(?:[/?#][^@]*)?$/;

/** Without path and credentials, also where it has no `https://`: then it is gRPC's host and port, or a mistake. */
function describeEndpoint({ _parameters: parameters }: Transport): string {
  const given = parameters?.url ?? parameters?.address ?? UNNAMED;
  if (!URL.canParse(given) || !given.includes('//')) return HOST.exec(given)?.[1] ?? UNNAMED;
  const { origin, host } = new URL(given);
  /* That of gRPC's `unix://` has neither. */
  return origin === 'null' ? host || UNNAMED : origin;
}

/** An answer that cannot be read is no error: the request was taken. */
function readPartialSuccess(delegate: Delegate, response: Uint8Array): { records: number; message: string } {
  try {
    const partial = delegate._serializer.deserializeResponse(response).partialSuccess;
    const rejected = partial?.rejectedSpans ?? partial?.rejectedDataPoints ?? partial?.rejectedLogRecords ?? 0;
    return { records: Number(rejected) || 0, message: partial?.errorMessage ?? '' };
  } catch {
    return { records: 0, message: '' };
  }
}
