/**
 * Makes spans of senders active on this thread: through the application's context manager, where one is registered.
 *
 * Runs on application threads, around each message that is delivered with a context.
 */
import type { TraceIds } from '../../shared-memory/registry.ts';
import { type Context, type ContextManager, registeredApi, SPAN_KEY, validIds } from '../trace-context.ts';
import type { ContextScopes, LazyContext } from './context-scope.ts';
import { RemoteSpan } from './remote-span.ts';

export class ThreadScopes implements ContextScopes {
  #served: RemoteSpan | undefined;

  get canActivate(): boolean {
    return registeredApi()?.context?.with !== undefined;
  }

  run<T>(context: TraceIds | LazyContext | undefined, fn: () => T): T {
    const before = this.#served;
    const span = context === undefined ? undefined : new RemoteSpan(context);
    const manager = registeredApi()?.context;
    const scope = manager === undefined ? undefined : contextWith(manager, span);
    this.#served = span;
    try {
      return scope === undefined ? fn() : (manager as Required<ContextManager>).with(scope, fn);
    } finally {
      this.#served = before;
    }
  }

  active(): TraceIds | undefined {
    try {
      const span = registeredApi()?.context?.active?.()?.getValue?.(SPAN_KEY) ?? this.#served;
      return validIds(span?.spanContext?.());
    } catch {
      return undefined;
    }
  }
}

/** The context in which this span is the active one; undefined where what is active is as it should be. Never throws. */
function contextWith(manager: ContextManager, span: RemoteSpan | undefined): Context | undefined {
  try {
    if (manager.with === undefined) return undefined;
    const active = manager.active?.();
    if (span !== undefined) return active?.setValue?.(SPAN_KEY, span);
    return active?.getValue?.(SPAN_KEY) instanceof RemoteSpan ? active.deleteValue?.(SPAN_KEY) : undefined;
  } catch {
    return undefined;
  }
}
