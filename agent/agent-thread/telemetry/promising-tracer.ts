/**
 * Starts spans with ids that were given away before: the program's own spans are their children already (`app-thread/span-ids.ts`).
 *
 * Runs on the agent thread. The SDK asks its id generator, which is fixed for the whole provider; so it is asked for these by a tracer that differs from the
 * SDK's in its generator alone. That is a field with an underscore: where it is missing, spans have ids of their own.
 */
import type { Context, Span, SpanOptions, Tracer } from '@opentelemetry/api';

interface IdGenerator {
  generateTraceId(): string;
  generateSpanId(): string;
}

export class PromisingTracer {
  readonly #tracer: Tracer;
  #next: string | undefined;

  constructor(tracer: Tracer) {
    const { _idGenerator: generator } = tracer as unknown as { readonly _idGenerator?: IdGenerator };
    const generateSpanId = (): string => {
      const promised = this.#next;
      this.#next = undefined;
      return promised ?? (generator as IdGenerator).generateSpanId();
    };
    const generateTraceId = (): string => (generator as IdGenerator).generateTraceId();
    this.#tracer = Object.create(
      tracer,
      generator === undefined ? {} : { _idGenerator: { value: { generateTraceId, generateSpanId } } },
    ) as Tracer;
  }

  startSpan(spanId: string, name: string, options: SpanOptions, context: Context): Span {
    this.#next = spanId;
    try {
      return this.#tracer.startSpan(name, options, context);
    } finally {
      this.#next = undefined;
    }
  }
}
