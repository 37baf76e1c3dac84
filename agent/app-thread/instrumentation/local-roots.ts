/**
 * Sees when a local root span of the application ends: the outermost one of a trace on this thread, such as the server span of a request.
 *
 * Runs on application threads, with whichever OpenTelemetry SDK (1.x, 2.x, 3.x) the application has registered, and imports none of it. A recorded
 * span is seen where the SDK itself hands it over at its end: `onEnd` of the one processor behind a provider becomes an own property that calls the
 * class's. Spans of a trace that was not sampled reach no processor; `unsampled-roots.ts` sees those. Nothing is done at a span's start, and a child
 * costs a few loads. Whatever is not as the SDKs have it is left alone: no root is seen then, and nothing else changes.
 */
import { replaceMethod } from '../replace-method.ts';
import { registeredTracerProvider, type SpanContext } from '../trace-context.ts';
import { UnsampledRoots } from './unsampled-roots.ts';

/** Told of every local root span that ends, with its times in milliseconds of the epoch, as the SDK has them. Must not throw. */
export type RootEnded = (context: SpanContext, startMs: number, endMs: number) => void;

type HrTime = readonly [seconds: number, nanoseconds: number];

/** A span at its end. 1.x has `parentSpanId`, from 2.x on there is `parentSpanContext`. */
interface EndedSpan {
  spanContext(): SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly kind: number;
  readonly parentSpanContext?: SpanContext;
  readonly parentSpanId?: string;
}

interface Processor {
  readonly _spanProcessors?: readonly unknown[];
}

interface Provider {
  readonly activeSpanProcessor?: Processor;
  readonly _activeSpanProcessor?: Processor;
}

/** `SpanKind`. */
const SERVER = 1;
const CONSUMER = 4;

export class LocalRoots {
  readonly #onEnd: RootEnded;
  readonly #unsampled: UnsampledRoots;
  readonly #undo: (() => void)[] = [];
  #followed: Processor | undefined;

  constructor(onEnd: RootEnded) {
    this.#onEnd = onEnd;
    this.#unsampled = new UnsampledRoots(onEnd);
  }

  /** Follows what is registered by now. To be called now and then; costs nothing when there is nothing new. Never throws. */
  look(): void {
    try {
      const provider = registeredTracerProvider() as Provider | undefined;
      const processor = provider?._activeSpanProcessor ?? provider?.activeSpanProcessor;
      if (processor === undefined || isIdle(processor)) return;
      if (processor !== this.#followed) this.#follow(processor);
      this.#unsampled.follow(provider as object);
    } catch {
      /* Another SDK, or a frozen one. */
    }
  }

  stop(): void {
    for (const step of this.#undo.splice(0)) step();
    this.#unsampled.stop();
    this.#followed = undefined;
  }

  #follow(processor: Processor): void {
    this.#followed = processor;
    const ended = this.#onEnd;
    const restore = replaceMethod(processor, 'onEnd', (original) => {
      return function (this: object, ...args): unknown {
        const given = Reflect.apply(original, this, args);
        try {
          const span = args[0] as EndedSpan;
          if (isLocalRoot(span)) ended(span.spanContext(), toMs(span.startTime), toMs(span.endTime));
        } catch {
          /* Not a span as the SDKs have it. */
        }
        return given;
      };
    });
    if (restore !== undefined) this.#undo.push(restore);
  }
}

/** Its spans go nowhere: a child of one would be an orphan in every backend. */
function isIdle({ _spanProcessors: processors, constructor }: Processor): boolean {
  return processors?.length === 0 || constructor.name === 'NoopSpanProcessor';
}

/** In 1.x a span does not know whether its parent is of another process, but a server's or consumer's parent is. */
function isLocalRoot({ parentSpanContext, parentSpanId, kind }: EndedSpan): boolean {
  if (parentSpanContext !== undefined) return parentSpanContext.isRemote === true;
  return parentSpanId === undefined || kind === SERVER || kind === CONSUMER;
}

function toMs(time: HrTime): number {
  return time[0] * 1e3 + time[1] / 1e6;
}
