/**
 * A context of ours, for threads on which no copy of `@opentelemetry/api` gives one: the same three methods, and as immutable.
 *
 * Runs on application threads.
 */
import { type Context, SPAN_KEY } from '../trace-context.ts';
import type { RemoteSpan } from './remote-span.ts';

export class ScopeContext implements Context {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown>) {
    this.#values = values;
  }

  getValue(key: symbol): ReturnType<Required<Context>['getValue']> {
    return this.#values.get(key) as ReturnType<Required<Context>['getValue']>;
  }

  setValue(key: symbol, value: unknown): Context {
    return new ScopeContext(new Map(this.#values).set(key, value));
  }

  deleteValue(key: symbol): Context {
    const values = new Map(this.#values);
    values.delete(key);
    return new ScopeContext(values);
  }
}

/** The context of a message: that span, and nothing else of its receiver's. */
export function contextOf(span: RemoteSpan): ScopeContext {
  return new ScopeContext(new Map([[SPAN_KEY, span]]));
}

export const EMPTY_CONTEXT: ScopeContext = new ScopeContext(new Map());
