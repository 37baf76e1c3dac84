/**
 * The reading end of the rings.
 *
 * Runs on the agent thread. What it reads is validated: a program can scribble on shared memory, and the worst that may come of it is a
 * wrong count, never an exception, an endless loop or an absurd span.
 */
import { type ControlMemory, RECORD_BYTES, RING_RECORDS, SLOT } from './layout.ts';
import { GC_TYPES, RECORD, RECORD_KIND_NAMES, RecordKind } from './records.ts';
import { readTraceIds, type TraceIds } from './registry.ts';

/** A record may be published after its reader has looked at the clock; one that ends later than this was never written by a `RingWriter`. */
const MAX_AHEAD_NS = 1e9;

/** One record; the object is the reader's own and is filled anew for the next one. */
export interface RingRecord {
  kind: RecordKind;
  number: number;
  startNs: number;
  durationNs: number;
  context: TraceIds | undefined;
}

export class RingReader {
  readonly #memory: ControlMemory;
  readonly #ringAt: number;
  readonly #writeAt: number;
  readonly #readAt: number;
  readonly #droppedAt: number;
  readonly #lastDropped = new Uint32Array(RECORD_KIND_NAMES.length);
  readonly #record: RingRecord = { kind: RecordKind.GC, number: 0, startNs: 0, durationNs: 0, context: undefined };
  #corrupt = 0;

  constructor(memory: ControlMemory, slot: number) {
    this.#memory = memory;
    this.#ringAt = memory.ringAt(slot);
    this.#writeAt = memory.slotAt(slot, SLOT.RING_WRITE) >> 2;
    this.#readAt = memory.slotAt(slot, SLOT.RING_READ) >> 2;
    this.#droppedAt = memory.slotAt(slot, SLOT.DROPPED) >> 2;
  }

  /** Visits every record published so far and gives their places back in batches; returns how many there were. */
  drain(visit: (record: RingRecord) => void, nowNs: number): number {
    const { i32 } = this.#memory;
    const written = Atomics.load(i32, this.#writeAt);
    let read = Atomics.load(i32, this.#readAt);
    const waiting = (written - read) >>> 0;
    if (waiting === 0) return 0;
    if (waiting > RING_RECORDS) {
      this.#corrupt += 1;
      Atomics.store(i32, this.#readAt, written);
      return 0;
    }
    let visited = 0;
    while (read !== written) {
      if (this.#load(read, nowNs)) {
        visit(this.#record);
        visited++;
      } else {
        this.#corrupt += 1;
      }
      read = (read + 1) | 0;
      if ((read & 255) === 0) Atomics.store(i32, this.#readAt, read);
    }
    Atomics.store(i32, this.#readAt, read);
    return visited;
  }

  /** What was dropped since the last call, by kind: the writer's counts, and the records that could not be believed. */
  takeDropped(count: (kind: (typeof RECORD_KIND_NAMES)[number], dropped: number) => void): void {
    for (let kind = 1; kind < RECORD_KIND_NAMES.length; kind++) {
      const now = this.#memory.u32[this.#droppedAt + kind] as number;
      const dropped = (now - (this.#lastDropped[kind] as number)) >>> 0;
      this.#lastDropped[kind] = now;
      if (dropped > 0) count(RECORD_KIND_NAMES[kind] as (typeof RECORD_KIND_NAMES)[number], dropped);
    }
    if (this.#corrupt > 0) count('corrupt', this.#corrupt);
    this.#corrupt = 0;
  }

  #load(index: number, nowNs: number): boolean {
    const memory = this.#memory;
    const at = this.#ringAt + (index & (RING_RECORDS - 1)) * RECORD_BYTES;
    const record = this.#record;
    const number = memory.i32[(at + RECORD.NUMBER) >> 2] as number;
    const startNs = memory.f64[(at + RECORD.START_NS) >> 3] as number;
    const durationNs = memory.f64[(at + RECORD.DURATION_NS) >> 3] as number;
    const kind = memory.i32[(at + RECORD.KIND) >> 2];
    if (kind !== RecordKind.GC && kind !== RecordKind.EVENTLOOP) return false;
    if (number < 0 || (kind === RecordKind.GC && number >= GC_TYPES.length)) return false;
    if (!(startNs > 0 && durationNs >= 0 && startNs + durationNs <= nowNs + MAX_AHEAD_NS)) return false;
    record.kind = kind;
    record.number = number;
    record.startNs = startNs;
    record.durationNs = durationNs;
    record.context = readTraceIds(memory, at + RECORD.CONTEXT);
    return true;
  }
}
