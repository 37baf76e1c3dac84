/**
 * The span that is active while a message is served: the sender's, or one that the agent thread will export once somebody asks for its ids. It is a whole `Span`
 * of the api 1.x that records nothing, so every version takes it.
 *
 * Runs on application threads. It must never throw.
 */
import type { TraceIds } from '../../shared-memory/registry.ts';
import { OWN_IDS, type SpanContext, validIds } from '../trace-context.ts';
import { isLazy, type LazyContext } from './context-scope.ts';

export class RemoteSpan {
  readonly #given: TraceIds | LazyContext;
  #shown: SpanContext | undefined;

  constructor(context: TraceIds | LazyContext) {
    this.#given = context;
  }

  static {
    /* For the agent's own readers: the ids as they are now, without a question. */
    const get = function (this: RemoteSpan): SpanContext {
      return this.#shown ?? shown(isLazy(this.#given) ? this.#given.source : this.#given);
    };
    Object.defineProperty(this.prototype, OWN_IDS, { get, configurable: true });
  }

  spanContext(): SpanContext {
    this.#shown ??= shown(isLazy(this.#given) ? wake(this.#given) : this.#given);
    return this.#shown;
  }

  setAttribute(_key: string, _value: unknown): this {
    return this;
  }

  setAttributes(_attributes: unknown): this {
    return this;
  }

  addEvent(_name: string, _attributesOrStartTime?: unknown, _startTime?: unknown): this {
    return this;
  }

  addLink(_link: unknown): this {
    return this;
  }

  addLinks(_links: unknown): this {
    return this;
  }

  setStatus(_status: unknown): this {
    return this;
  }

  updateName(_name: string): this {
    return this;
  }

  end(_endTime?: unknown): void {}

  isRecording(): boolean {
    return false;
  }

  recordException(_exception: unknown, _time?: unknown): void {}
}

function shown({ traceId, spanId, traceFlags }: TraceIds): SpanContext {
  return { traceId, spanId, traceFlags, isRemote: true };
}

/** Never throws, and gives valid ids. */
function wake(context: LazyContext): TraceIds {
  try {
    return validIds(context.wake()) ?? context.source;
  } catch {
    return context.source;
  }
}
