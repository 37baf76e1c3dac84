/**
 * What those who deliver messages and run tasks need of trace context: to make the span of a sender active in what they call.
 *
 * Runs on application threads. What `run` calls is the program's: it is called once whatever happens, and what it throws gets out as it is.
 */
import type { TraceIds } from '../../shared-memory/registry.ts';

/** A context whose ids are made only when somebody other than the agent asks for them. */
export interface LazyContext {
  /** The span at the post: the agent's own readers take it as long as nobody else has asked. */
  readonly source: TraceIds;
  /** Called once, at the first question: the ids of a span that will be exported, or `source` where there is none to be had. It must not throw. */
  wake(): TraceIds;
}

export interface ContextScopes {
  /** False where `run` merely remembers what is served: there is no context manager on this thread, and none of ours. It may change at any time. */
  readonly canActivate: boolean;
  /** Nothing that came with a message is active: a call without a context needs no `run`. */
  readonly isClear: boolean;
  /**
   * Calls `fn` with a span of these ids active, and all that it begins. Without a context, no span of an earlier message is active: what
   * the application's own context manager has for such a call stays as it is.
   */
  run<T>(context: TraceIds | LazyContext | undefined, fn: () => T): T;
  /** The ids of the active span, or of what is served now; it counts as a question, so it wakes a lazy context. */
  active(): TraceIds | undefined;
}

export function isLazy(context: TraceIds | LazyContext): context is LazyContext {
  return 'wake' in context;
}
