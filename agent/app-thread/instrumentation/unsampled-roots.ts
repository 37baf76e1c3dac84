/**
 * Sees when a local root span ends that the application's sampler has left out. No processor hears of such a span: it is a stand-in that carries
 * its ids. Without it a service that samples one request in a hundred would learn nothing of what the other ninety-nine waited for.
 *
 * Runs on application threads. `startSpan` of the SDK's class of tracers is replaced, and `end` of the api's class of stand-ins once the first of
 * them was seen. A recorded span costs a call and a load, a stand-in that is a local root two clocks; when it began stands in the stand-in itself,
 * where nobody else sees it.
 */
import { type Method, replaceMethod } from '../replace-method.ts';
import { type Context, type SpanContext, spanContextIn } from '../trace-context.ts';
import type { RootEnded } from './local-roots.ts';

/* The original: a program's tests may replace the global by a clock of their own. */
const nowMs = Date.now;

const NO_TRACE = '0'.repeat(32);
const SAMPLED = 1;

interface Span {
  spanContext(): SpanContext;
  /** Of a recorded span. */
  readonly startTime?: unknown;
}

/** Constructs the object it is given, so that a class derived from it puts its private field there. */
const Given = function (object: object): object {
  return object;
} as unknown as new (
  object: object,
) => object;

/** When a live local root began: a private field of the stand-in, faster than any map, gone with it, and no property. */
class Started extends Given {
  #startMs: number | undefined;

  private constructor(span: object, startMs: number) {
    super(span);
    this.#startMs = startMs;
  }

  static mark(span: object): void {
    if (!(#startMs in span)) new Started(span, nowMs());
  }

  /** The first time it is asked of a root. */
  static take(span: object): number | undefined {
    if (!(#startMs in span)) return undefined;
    const startMs = span.#startMs;
    span.#startMs = undefined;
    return startMs;
  }
}

export class UnsampledRoots {
  readonly #onEnd: RootEnded;
  readonly #undo: (() => void)[] = [];
  readonly #classes = new Set<object>();
  #spanClass: object | undefined;

  constructor(onEnd: RootEnded) {
    this.#onEnd = onEnd;
  }

  /** Follows the tracers of a provider. As long as it has none there is no span to be seen. */
  follow({ _tracers: tracers }: { readonly _tracers?: unknown }): void {
    if (!(tracers instanceof Map)) return;
    for (const tracer of tracers.values() as Iterable<object>) {
      this.#replace(Object.getPrototypeOf(tracer) as object, 'startSpan', (original) => {
        const started = this.#started.bind(this);
        return function (...args): unknown {
          const span = Reflect.apply(original, this, args);
          started(span as Span, args[1], args[2]);
          return span;
        };
      });
      return;
    }
  }

  stop(): void {
    for (const step of this.#undo.splice(0)) step();
    this.#classes.clear();
    this.#spanClass = undefined;
  }

  #started(span: Span, options: unknown, context: unknown): void {
    try {
      if (span.startTime !== undefined) return;
      if ((Number(span.spanContext().traceFlags) & SAMPLED) !== 0) return;
      const isRoot = (options as { root?: unknown } | undefined)?.root === true;
      const parent = isRoot ? undefined : spanContextIn(context as Context | undefined);
      if (parent !== undefined && parent.isRemote !== true && parent.traceId !== NO_TRACE) return;
      const spanClass = Object.getPrototypeOf(span) as object;
      if (spanClass !== this.#spanClass) this.#followEnd(spanClass);
      Started.mark(span);
    } catch {
      /* Not a span, or not a context, as the api has it. */
    }
  }

  #followEnd(spanClass: object): void {
    this.#spanClass = spanClass;
    this.#replace(spanClass, 'end', (original) => {
      const ended = this.#ended.bind(this);
      return function (...args): unknown {
        ended(this as Span);
        return Reflect.apply(original, this, args);
      };
    });
  }

  #ended(span: Span): void {
    const startMs = Started.take(span);
    if (startMs !== undefined) this.#onEnd(span.spanContext(), startMs, nowMs());
  }

  /** Each class once. */
  #replace(prototype: object, name: 'startSpan' | 'end', make: (original: Method) => Method): void {
    if (this.#classes.has(prototype)) return;
    this.#classes.add(prototype);
    const restore = replaceMethod(prototype, name, make);
    if (restore !== undefined) this.#undo.push(restore);
  }
}
