/**
 * What one application thread records with: its slot, and the writing ends of everything that stands there.
 *
 * Runs on application threads, one recorder a thread. It must never wait and never throw.
 */
import { Clock } from '../shared-memory/clock.ts';
import { HISTOGRAM_BYTES, HistogramWriter } from '../shared-memory/histogram.ts';
import { type ControlMemory, HEADER, SLOT } from '../shared-memory/layout.ts';
import type { EncodedRecord } from '../shared-memory/lock-records.ts';
import { GC_TYPES, RecordKind } from '../shared-memory/records.ts';
import type { SlotClaim, TraceIds } from '../shared-memory/registry.ts';
import { RingWriter } from '../shared-memory/ring-writer.ts';
import { WaitWordWriter } from '../shared-memory/wait-word.ts';

/** What a word of a record holds at most: 35 minutes of microseconds. */
const MAX_WORD = 0x7fffffff;

export class Recorder {
  readonly memory: ControlMemory;
  readonly claim: SlotClaim;
  readonly clock: Clock;
  readonly waitWord: WaitWordWriter;
  readonly #ring: RingWriter;
  readonly #gcHistograms: readonly HistogramWriter[];

  constructor(memory: ControlMemory, claim: SlotClaim) {
    this.memory = memory;
    this.claim = claim;
    this.clock = new Clock(memory.baseS);
    this.waitWord = new WaitWordWriter(memory, claim.slot);
    this.#ring = new RingWriter(memory, claim.slot);
    const histogramsAt = memory.slotAt(claim.slot, SLOT.GC_HISTOGRAMS);
    this.#gcHistograms = GC_TYPES.map(
      (_, type) => new HistogramWriter('gc', memory.buffer, histogramsAt + type * HISTOGRAM_BYTES),
    );
  }

  /** Whether any of these features (`featureBits`) is switched off, now: the control file or the agent's budget may do so at any time. */
  isOff(bits: number): boolean {
    return ((this.memory.i32[HEADER.FEATURES_OFF >> 2] as number) & bits) !== 0;
  }

  /** Whether no spans of the agent leave the process. */
  get areSpansOff(): boolean {
    return this.memory.i32[HEADER.SPANS_OFF >> 2] === 1;
  }

  /** Whether this thread's collections go unseen, because its event loop does not turn. */
  setGcSuspended(isSuspended: boolean): void {
    this.memory.i32[this.memory.slotAt(this.claim.slot, SLOT.GC_SUSPENDED) >> 2] = isSuspended ? 1 : 0;
  }

  /** Contexts of messages do not become active on this thread, for a reason that is an index of `CONTEXT_LOSSES`. */
  setContextLoss(reason: number): void {
    const at = this.memory.slotAt(this.claim.slot, SLOT.CONTEXT_LOSSES) >> 2;
    this.memory.i32[at] = (this.memory.i32[at] as number) | (1 << reason);
  }

  /** One garbage collection, into the histogram of its type; true when it is past the threshold, and so a record. */
  countGc(type: number, durationNs: number): boolean {
    this.#gcHistograms[type]?.record(durationNs);
    return durationNs >= (this.memory.f64[HEADER.GC_THRESHOLD_NS >> 3] as number);
  }

  /** A garbage collection past the threshold: by itself, or as part of what a span of the application did. */
  recordGc(type: number, startNs: number, durationNs: number, context: TraceIds | undefined): void {
    this.#ring.offer(RecordKind.GC, type, startNs, durationNs, context);
  }

  /** A turn of the event loop past the threshold, and the CPU time it took. */
  recordLoopBlocked(startNs: number, durationNs: number, cpuUs: number): void {
    this.#ring.offer(RecordKind.EVENTLOOP, Math.min(MAX_WORD, cpuUs), startNs, durationNs, undefined);
  }
  /** A record of more than one number, or of two halves. */
  record(encoded: EncodedRecord): void {
    this.#ring.offerEncoded(encoded);
  }
}
