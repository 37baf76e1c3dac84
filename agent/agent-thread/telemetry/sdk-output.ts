/**
 * Writes spans and log records with the SDK's tracer and logger. Runs on the agent thread, once the SDK is there. Times are explicit and have the
 * clock's nanoseconds. It must never let a batch processor drop a span unseen: a full one is emptied into the spool first.
 */
import type * as Api from '@opentelemetry/api';
import type { Clock, HrTime } from '../../shared-memory/clock.ts';
import type { RecordKind } from './catalog.ts';
import type { OutgoingLog } from './logs.ts';
import { PromisingTracer } from './promising-tracer.ts';
import type { OutgoingChild, OutgoingSpan, SpanParent } from './spans.ts';

type Api = typeof Api;

/** `SpanKind` and `SeverityNumber` of the API; `sdk-constants.test.ts` compares. */
export const SPAN_KINDS = { internal: 0, producer: 3, consumer: 4 } as const;
export const SEVERITIES = { info: 9, warn: 13, error: 17 } as const;
const ERROR_STATUS = 2;
const RECORD_AND_SAMPLED = 2;
const SAMPLED = 1;

/** A trace id that every sampler keeps which keeps a share of all: the largest there is, whose four words also cancel each other out. */
const IN_EVERY_SHARE = 'f'.repeat(32);

/** What is used of a provider; the fields with an underscore are undocumented, and taken for empty where they are missing. */
interface Provider {
  forceFlush?(): Promise<void>;
  readonly _activeSpanProcessor?: { readonly _spanProcessors?: readonly BatchProcessor[] };
  readonly _sharedState?: { readonly processors?: readonly BatchProcessor[] };
}

/** What the API holds until an SDK registers, and after. */
interface ProxyProvider {
  getDelegate(): Api.TracerProvider;
}

interface BatchProcessor {
  readonly _maxQueueSize?: number;
  readonly _finishedSpans?: readonly unknown[];
  readonly _finishedLogRecords?: readonly unknown[];
}

export interface SdkOutputSettings {
  readonly api: Api;
  readonly clock: Clock;
  readonly scope: { readonly name: string; readonly version: string };
  readonly countDrop: (kind: RecordKind, records: number) => void;
}

export class SdkOutput {
  readonly #settings: SdkOutputSettings;
  readonly #tracer: Api.Tracer;
  readonly #rootTracer: Api.Tracer;
  /** Samples everything. */
  readonly #incidentTracer: Api.Tracer;
  readonly #promisingTracer: PromisingTracer;
  readonly #logger: Api.Logger;
  readonly #tracerProvider: Provider;
  readonly #loggerProvider: Provider;
  #flushing: Promise<void> = Promise.resolve();
  #isFlushQueued = false;

  constructor(settings: SdkOutputSettings) {
    const { api, scope } = settings;
    this.#settings = settings;
    const provider = (api.trace.getTracerProvider() as unknown as ProxyProvider).getDelegate();
    this.#tracerProvider = provider as Provider;
    this.#loggerProvider = api.logs.getLoggerProvider() as Provider;
    this.#tracer = provider.getTracer(scope.name, scope.version);
    this.#rootTracer = withSampler(this.#tracer, keepingShares);
    this.#incidentTracer = withSampler(this.#tracer, () => () => ({ decision: RECORD_AND_SAMPLED }));
    this.#promisingTracer = new PromisingTracer(this.#incidentTracer);
    this.#logger = api.logs.getLogger(scope.name, scope.version);
  }

  /** Whether spans go anywhere. */
  get hasSpans(): boolean {
    return this.#tracerProvider.forceFlush !== undefined;
  }

  /** Whether neither spans nor log records go anywhere: an SDK that has not registered leaves the API's own providers, which cannot be flushed. */
  get isEmpty(): boolean {
    return !this.hasSpans && this.#loggerProvider.forceFlush === undefined;
  }

  writeSpan(span: OutgoingSpan): void {
    const { clock, countDrop } = this.#settings;
    if (isFull(this.#tracerProvider) && !this.#makeRoom(this.#tracerProvider)) {
      countDrop('span', 1);
      return;
    }
    const started = this.#start(this.#tracerFor(span), span, span.parent, span.links);
    for (const { name, attributes, timeNs } of span.events ?? []) {
      started.addEvent(name, { ...attributes }, clock.toHrTime(timeNs));
    }
    if (span.error !== undefined) started.setStatus(errorStatus(span.error));
    started.end(this.#endTime(span));
    for (const child of span.children ?? []) this.#writeChild(child, started.spanContext());
    if (span.isIncident === true) this.#flushSoon();
  }

  /** One that is exported has all its children: what decided on it has decided on them. */
  #writeChild(child: OutgoingChild, parent: SpanParent): void {
    const { countDrop } = this.#settings;
    if ((parent.traceFlags & SAMPLED) === 0) return;
    if (isFull(this.#tracerProvider) && !this.#makeRoom(this.#tracerProvider)) countDrop('span', 1);
    else this.#start(this.#incidentTracer, child, parent).end(this.#endTime(child));
  }

  /** A nanosecond after the start at the earliest: Jaeger takes a span that takes no time for one that ends before it begins, and warns. */
  #endTime({ startNs, endNs }: OutgoingChild): HrTime {
    return this.#settings.clock.toHrTime(Math.max(endNs, startNs + 1));
  }

  #start(tracer: Api.Tracer, span: OutgoingChild, parent?: SpanParent, links: readonly SpanParent[] = []): Api.Span {
    const options: Api.SpanOptions = {
      kind: SPAN_KINDS[span.kind ?? 'internal'],
      startTime: this.#settings.clock.toHrTime(span.startNs),
      attributes: span.attributes,
      links: links.map((context) => ({ context })),
    };
    const context = this.#contextOf(parent);
    /* Its parent is sampled, and spans of the program are its children: a sampler that drops it would tear the trace apart. */
    if (span.spanId !== undefined) return this.#promisingTracer.startSpan(span.spanId, span.name, options, context);
    return tracer.startSpan(span.name, options, context);
  }

  writeLog(log: OutgoingLog): void {
    const { clock, countDrop } = this.#settings;
    if (isFull(this.#loggerProvider) && !this.#makeRoom(this.#loggerProvider)) {
      countDrop('log', 1);
      return;
    }
    this.#logger.emit({
      eventName: log.eventName,
      severityNumber: SEVERITIES[log.severity],
      severityText: log.severity.toUpperCase(),
      body: log.body,
      attributes: log.attributes,
      timestamp: clock.toHrTime(log.timeNs),
      observedTimestamp: clock.toHrTime(clock.nowNs()),
      context: this.#contextOf(log.parent),
    });
    if (log.severity !== 'info') this.#flushSoon();
  }

  /** Hands everything written so far to the exporters. One at a time: the SDK's log processor answers a second flush at once, with nothing done. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      await Promise.allSettled([this.#tracerProvider.forceFlush?.(), this.#loggerProvider.forceFlush?.()]);
    });
    return this.#flushing;
  }

  #flushSoon(): void {
    if (this.#isFlushQueued) return;
    this.#isFlushQueued = true;
    queueMicrotask(() => {
      this.#isFlushQueued = false;
      void this.flush();
    });
  }

  /** A flush takes the records out of the processor's queue before it first waits for anything. */
  #makeRoom(provider: Provider): boolean {
    provider.forceFlush?.().catch(() => undefined);
    return !isFull(provider);
  }

  #tracerFor({ isIncident, parent }: OutgoingSpan): Api.Tracer {
    if (isIncident === true) return this.#incidentTracer;
    return parent === undefined ? this.#rootTracer : this.#tracer;
  }

  #contextOf(parent: SpanParent | undefined): Api.Context {
    const { ROOT_CONTEXT, trace } = this.#settings.api;
    return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  }
}

function errorStatus(message: string): Api.SpanStatus {
  return message === '' ? { code: ERROR_STATUS } : { code: ERROR_STATUS, message };
}

function isFull({ _activeSpanProcessor, _sharedState }: Provider): boolean {
  const processors = _activeSpanProcessor?._spanProcessors ?? _sharedState?.processors ?? [];
  return processors.some(({ _maxQueueSize, _finishedSpans, _finishedLogRecords }) => {
    const queued = (_finishedSpans ?? _finishedLogRecords)?.length ?? 0;
    return _maxQueueSize !== undefined && queued >= _maxQueueSize;
  });
}

type ShouldSample = (context: Api.Context, traceId: string, ...rest: unknown[]) => { readonly decision: number };

/** The same tracer, deciding otherwise: incidents are exported whatever OTEL_TRACES_SAMPLER says. */
function withSampler(tracer: Api.Tracer, decide: (configured: ShouldSample) => ShouldSample): Api.Tracer {
  const { _sampler: sampler } = tracer as unknown as { readonly _sampler: { readonly shouldSample: ShouldSample } };
  const shouldSample = decide((...args) => sampler.shouldSample(...args));
  return Object.create(tracer, { _sampler: { value: { shouldSample } } }) as Api.Tracer;
}

/**
 * A root that comes this far is the slowest of its name in ten seconds. A sampler that keeps one trace in a hundred by its id would lose it as it
 * loses the others, and show nothing for a quarter of an hour: so such a sampler keeps it, and one that keeps none is obeyed.
 */
function keepingShares(configured: ShouldSample): ShouldSample {
  return (context, traceId, ...rest) => {
    const result = configured(context, traceId, ...rest);
    return result.decision === RECORD_AND_SAMPLED ? result : configured(context, IN_EVERY_SHARE, ...rest);
  };
}
