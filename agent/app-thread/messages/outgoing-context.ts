/**
 * The context that messages of this thread carry: that of the active span, or of a task that a pool hands over.
 *
 * Runs on application threads, at each post. It must never throw.
 */
import { type ContextWords, contextWords, NO_SPANS } from '../../shared-memory/ledger-entries.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import { type Context, type ContextManager, registeredApi, spanContextIn, validIds } from '../trace-context.ts';

/** To look a symbol up on the global takes as long as all the rest: a program without a context manager is asked once in so many nanoseconds. */
const ABSENT_NS = 1e5;

export class OutgoingContext {
  /** Most messages in a row carry the same one. */
  #last: TraceIds | undefined;
  #lastWords: ContextWords | undefined;
  #lastMarks = 0;
  #isTask = false;
  #task: TraceIds | undefined;

  readonly #scopes: { readonly context?: Context | undefined };
  readonly #onPost: (spanId: string) => void;
  #lookAgainNs = 0;

  /** `scopes`: the context of what is served, where no manager of the application's has it. `onPost` is told of each message that a span is active for. */
  constructor(scopes: { readonly context?: Context | undefined }, onPost: (spanId: string) => void) {
    this.#scopes = scopes;
    this.#onPost = onPost;
  }

  /** Undefined without one. */
  words(nowNs: number): ContextWords | undefined {
    if (this.#isTask) return this.#wordsOf(this.#task, NO_SPANS);
    try {
      const context = this.#manager(nowNs)?.active?.() ?? this.#scopes.context;
      if (context === undefined) return undefined;
      const ids = validIds(spanContextIn(context));
      if (ids !== undefined) this.#onPost(ids.spanId);
      return this.#wordsOf(ids, 0);
    } catch {
      return undefined;
    }
  }

  #manager(nowNs: number): ContextManager | undefined {
    if (nowNs < this.#lookAgainNs) return undefined;
    const manager = registeredApi()?.context;
    if (manager === undefined) this.#lookAgainNs = nowNs + ABSENT_NS;
    return manager;
  }

  /** What `fn` posts carries this context, as a task's. */
  postAs<T>(context: TraceIds | undefined, fn: () => T): T {
    const wasTask = this.#isTask;
    const before = this.#task;
    this.#isTask = true;
    this.#task = context;
    try {
      return fn();
    } finally {
      this.#isTask = wasTask;
      this.#task = before;
    }
  }

  #wordsOf(ids: TraceIds | undefined, marks: number): ContextWords | undefined {
    if (ids === undefined) return undefined;
    const last = this.#last;
    if (
      last === undefined ||
      last.spanId !== ids.spanId ||
      last.traceId !== ids.traceId ||
      last.traceFlags !== ids.traceFlags ||
      this.#lastMarks !== marks
    ) {
      this.#last = ids;
      this.#lastMarks = marks;
      this.#lastWords = contextWords(ids, marks);
    }
    return this.#lastWords;
  }
}
