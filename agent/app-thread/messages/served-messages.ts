/**
 * What becomes of a message that has reached its thread, whichever way: the context in which its handlers run, the spans it has if they ask for any, and the record
 * of one that was long on its way.
 *
 * Runs on application threads, once for each message that a context came with, or that was slow. It must never throw anything but what the handlers throw.
 */
import { HEADER, SLOT } from '../../shared-memory/layout.ts';
import { encodeMessage } from '../../shared-memory/queue-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { ContextScopes } from '../context/context-scope.ts';
import type { Recorder } from '../recorder.ts';
import { PromisedSpans } from '../span-ids.ts';
import { type Delivered, MessageSpans } from './message-spans.ts';

const SAMPLED = 1;
/** Slow messages without spans of the program's are told of at most so often; all are counted. */
const TOLD_IN_A_WINDOW = 50;
const WINDOW_NS = 5e8;

/** What the handlers of a message run in; undefined for nothing that came with it. */
export type ServedContext = TraceIds | MessageSpans | undefined;

export class ServedMessages {
  readonly #recorder: Recorder;
  readonly #scopes: Pick<ContextScopes, 'run'>;
  readonly #promised: PromisedSpans;
  #windowNs = 0;
  #told = 0;

  constructor(recorder: Recorder, scopes: Pick<ContextScopes, 'run'>) {
    this.#recorder = recorder;
    this.#scopes = scopes;
    this.#promised = new PromisedSpans(() => recorder.areSpansOff);
  }

  isSlow(transitNs: number): boolean {
    return transitNs >= (this.#recorder.memory.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] as number);
  }

  /** The context for its handlers: with spans of its own in a sampled trace; any other message is told of here, if it was slow. */
  contextOf(message: Delivered): ServedContext {
    const { context, transitNs } = message;
    const isSlow = this.isSlow(transitNs);
    if (context !== undefined && (context.traceFlags & SAMPLED) !== 0)
      return new MessageSpans(this.#recorder, this.#promised, message, context, isSlow && this.#mayTell());
    if (isSlow) this.#tell(message);
    return context;
  }

  /** Calls the handlers in that context, and tells of its spans once they have returned. */
  run(context: ServedContext, handlers: () => unknown): unknown {
    try {
      return this.#scopes.run(context, handlers);
    } finally {
      if (context instanceof MessageSpans) context.end();
    }
  }

  /** For a message that has no handlers: it was fetched. */
  tellIfSlow(message: Delivered): void {
    if (this.isSlow(message.transitNs)) this.#tell(message);
  }

  /** A slow message that has no spans for the program's to be children of. */
  #tell(message: Delivered): void {
    if (message.context === undefined && message.sentNs < this.#startedNs) return;
    if (!this.#mayTell()) return;
    const record = { ...message, processNs: 0, sendSpanId: undefined, processSpanId: undefined };
    this.#recorder.record(encodeMessage(record));
  }

  /** What was posted to a thread before it ran has waited for its start, of which `worker.start` tells. */
  get #startedNs(): number {
    const { memory, claim } = this.#recorder;
    return memory.f64[memory.slotAt(claim.slot, SLOT.STARTED_NS) >> 3] as number;
  }

  #mayTell(): boolean {
    const nowNs = this.#recorder.clock.nowNs();
    if (nowNs - this.#windowNs > WINDOW_NS) {
      this.#windowNs = nowNs;
      this.#told = 0;
    }
    return ++this.#told <= TOLD_IN_A_WINDOW;
  }
}
