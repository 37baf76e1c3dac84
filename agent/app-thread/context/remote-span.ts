/**
 * The span that is active while a message is served: the sender's, or one that the agent thread will export once somebody asks for its ids. It is a whole `Span`
 * of the api 1.x that records nothing, so every version takes it.
 *
 * Runs on application threads. It must never throw.
 */
import type { TraceIds } from '../../shared-memory/registry.ts';
import { OWN_IDS, type SpanContext } from '../trace-context.ts';
import { isLazy, type LazyContext } from './context-scope.ts';

export class RemoteSpan {
  #ids: TraceIds | undefined;
  readonly #lazy: LazyContext | undefined;
  #context: SpanContext | undefined;

  constructor(context: TraceIds | LazyContext) {
    if (isLazy(context)) this.#lazy = context;
    else this.#ids = context;
  }

  /** For the agent's own readers: the ids as they are now, without a question. */
  get [OWN_IDS](): TraceIds {
    return this.#ids ?? (this.#lazy as LazyContext).source;
  }

  spanContext(): SpanContext {
    this.#ids ??= (this.#lazy as LazyContext).wake();
    const { traceId, spanId, traceFlags } = this.#ids;
    this.#context ??= { traceId, spanId, traceFlags, isRemote: true };
    return this.#context;
  }

  setAttribute(_key: string, _value: unknown): this {
    return this;
  }

  setAttributes(_attributes: unknown): this {
    return this;
  }

  addEvent(_name: string, _attributes?: unknown): this {
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
