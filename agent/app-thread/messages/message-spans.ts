/**
 * The spans of one delivered message: promised when somebody asks for their ids, told of when its handlers have returned.
 *
 * Runs on application threads, for messages that carry a sampled context. It must never throw.
 */
import { encodeMessage, type MessageRecord } from '../../shared-memory/queue-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { LazyContext } from '../context/context-scope.ts';
import type { Recorder } from '../recorder.ts';
import { newSpanId, type PromisedSpans } from '../span-ids.ts';

/** What is known of a message before its handlers run. */
export type Delivered = Omit<MessageRecord, 'processNs' | 'sendSpanId' | 'processSpanId'>;

export class MessageSpans implements LazyContext {
  readonly source: TraceIds;
  readonly #recorder: Recorder;
  readonly #promised: PromisedSpans;
  readonly #message: Delivered;
  readonly #deliveredNs: number;
  readonly #isSlow: boolean;
  #process: TraceIds | undefined;
  #sendSpanId: string | undefined;
  #processNs = -1;

  constructor(recorder: Recorder, promised: PromisedSpans, message: Delivered, source: TraceIds, isSlow: boolean) {
    this.source = source;
    this.#recorder = recorder;
    this.#promised = promised;
    this.#message = message;
    this.#deliveredNs = message.sentNs + message.transitNs;
    this.#isSlow = isSlow;
  }

  wake(): TraceIds {
    if (this.#process !== undefined) return this.#process;
    const sendSpanId = this.#promised.under(this.source.spanId);
    if (sendSpanId === undefined) {
      this.#process = this.source;
      return this.source;
    }
    this.#sendSpanId = sendSpanId;
    this.#process = { ...this.source, spanId: newSpanId() };
    /* Its handlers have returned, and it was told of already if it was slow: then as the spans that it now has. */
    if (this.#processNs >= 0) this.#tell();
    return this.#process;
  }

  /** The handlers have returned. */
  end(): void {
    this.#processNs = Math.max(0, this.#recorder.clock.nowNs() - this.#deliveredNs);
    if (this.#isSlow || this.#sendSpanId !== undefined) this.#tell();
  }

  #tell(): void {
    this.#recorder.record(
      encodeMessage({
        ...this.#message,
        processNs: this.#processNs,
        sendSpanId: this.#sendSpanId,
        processSpanId: this.#sendSpanId === undefined ? undefined : this.#process?.spanId,
      }),
    );
  }
}
