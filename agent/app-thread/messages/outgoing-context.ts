/**
 * The context that messages of this thread carry: that of the active span, or of a task that a pool hands over.
 *
 * Runs on application threads, at each post. It must never throw.
 */
import { type ContextWords, contextWords, NO_SPANS } from '../../shared-memory/ledger-entries.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import { activeTraceIds } from '../trace-context.ts';

export class OutgoingContext {
  /** Most messages in a row carry the same one. */
  #last: TraceIds | undefined;
  #lastWords: ContextWords | undefined;
  #lastMarks = 0;
  #isTask = false;
  #task: TraceIds | undefined;

  /** Undefined without one. */
  get words(): ContextWords | undefined {
    if (this.#isTask) return this.#wordsOf(this.#task, NO_SPANS);
    return this.#wordsOf(activeTraceIds(), 0);
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
