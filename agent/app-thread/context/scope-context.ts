/**
 * A context of ours, for threads on which no copy of `@opentelemetry/api` gives one: the same three methods, and as immutable.
 *
 * Runs on application threads. One is made for each message, so the span has a field of its own.
 */
import { type Context, SPAN_KEY } from '../trace-context.ts';

type Span = ReturnType<Required<Context>['getValue']>;

export class ScopeContext implements Context {
  readonly #span: Span;
  readonly #others: ReadonlyMap<symbol, unknown> | undefined;

  constructor(span: Span, others?: ReadonlyMap<symbol, unknown>) {
    this.#span = span;
    this.#others = others;
  }

  getValue(key: symbol): Span {
    return key === SPAN_KEY ? this.#span : (this.#others?.get(key) as Span);
  }

  setValue(key: symbol, value: unknown): Context {
    if (key === SPAN_KEY) return new ScopeContext(value as Span, this.#others);
    return new ScopeContext(this.#span, new Map(this.#others).set(key, value));
  }

  deleteValue(key: symbol): Context {
    if (key === SPAN_KEY) return new ScopeContext(undefined, this.#others);
    const others = new Map(this.#others);
    others.delete(key);
    return new ScopeContext(this.#span, others);
  }
}

export const EMPTY_CONTEXT: ScopeContext = new ScopeContext(undefined);
