/**
 * The reading end of the rings.
 *
 * Runs on the agent thread. What it reads is validated: a program can scribble on shared memory, and the worst that may come of it is a
 * wrong count, never an exception, an endless loop or an absurd span.
 */
import { type ControlMemory, RECORD_BYTES, RING_RECORDS, SLOT } from './layout.ts';
import type { RecordHalf } from './lock-records.ts';
import { isPossible } from './record-shapes.ts';
import { FIRST_HALF, RECORD, RECORD_KIND_NAMES, RecordKind, SECOND_HALF } from './records.ts';
import { readTraceIds } from './registry.ts';

/** The clocks of two threads differ by less; a record that ends later than this was never written by a `RingWriter`. */
const MAX_AHEAD_NS = 1e9;

/** One record; the object is the reader's own and is filled anew for the next one. */
export interface RingRecord extends RecordHalf {
  /** The second half of a record that has two. */
  other: RecordHalf | undefined;
}

export class RingReader {
  readonly #memory: ControlMemory;
  readonly #ringAt: number;
  readonly #writeAt: number;
  readonly #readAt: number;
  readonly #droppedAt: number;
  readonly #lastDropped = new Uint32Array(RECORD_KIND_NAMES.length);
  readonly #record: RingRecord = { ...emptyHalf(), other: undefined };
  readonly #otherHalf: RecordHalf = emptyHalf();
  #corrupt = 0;

  constructor(memory: ControlMemory, slot: number) {
    this.#memory = memory;
    this.#ringAt = memory.ringAt(slot);
    this.#writeAt = memory.slotAt(slot, SLOT.RING_WRITE) >> 2;
    this.#readAt = memory.slotAt(slot, SLOT.RING_READ) >> 2;
    this.#droppedAt = memory.slotAt(slot, SLOT.DROPPED) >> 2;
  }

  /**
   * Visits every record published so far and gives their places back in batches; returns how many there were. The clock is looked at after the write index, because
   * on a machine that is busy enough the thread may stand still for seconds in between, and records go on to be published.
   */
  drain(visit: (record: RingRecord) => void, clock: () => number): number {
    const { i32 } = this.#memory;
    const written = Atomics.load(i32, this.#writeAt);
    let read = Atomics.load(i32, this.#readAt);
    const waiting = (written - read) >>> 0;
    if (waiting === 0) return 0;
    const nowNs = clock();
    if (waiting > RING_RECORDS) {
      this.#corrupt += 1;
      Atomics.store(i32, this.#readAt, written);
      return 0;
    }
    let visited = 0;
    while (read !== written) {
      const places = this.#load(read, (written - read) >>> 0, nowNs);
      if (places > 0) {
        visit(this.#record);
        visited++;
      } else {
        this.#corrupt += 1;
      }
      const next = (read + Math.max(1, places)) | 0;
      if (next >> 8 !== read >> 8) Atomics.store(i32, this.#readAt, next);
      read = next;
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

  /** Loads the record that begins there; the places it takes, or 0 when it cannot be believed. */
  #load(index: number, waiting: number, nowNs: number): number {
    const record = this.#record;
    const flags = this.#loadHalf(index, record);
    record.other = undefined;
    if (flags === FIRST_HALF && waiting >= 2) {
      if (this.#loadHalf(index + 1, this.#otherHalf) !== SECOND_HALF || this.#otherHalf.kind !== record.kind) return 0;
      record.other = this.#otherHalf;
    } else if (flags !== 0) {
      return 0;
    }
    if (!isPossible(record, record.other, nowNs + MAX_AHEAD_NS)) return 0;
    return record.other === undefined ? 1 : 2;
  }

  /** Fills in one place of the ring; gives back its flags. */
  #loadHalf(index: number, half: RecordHalf): number {
    const { i32, f64 } = this.#memory;
    const at = this.#ringAt + (index & (RING_RECORDS - 1)) * RECORD_BYTES;
    const kind = i32[(at + RECORD.KIND) >> 2] as number;
    half.kind = (kind & 0xff) as RecordKind;
    half.number = i32[(at + RECORD.NUMBER) >> 2] as number;
    half.second = i32[(at + RECORD.SECOND) >> 2] as number;
    half.third = i32[(at + RECORD.THIRD) >> 2] as number;
    half.fourth = i32[(at + RECORD.FOURTH) >> 2] as number;
    half.startNs = f64[(at + RECORD.START_NS) >> 3] as number;
    half.durationNs = f64[(at + RECORD.DURATION_NS) >> 3] as number;
    half.context = readTraceIds(this.#memory, at + RECORD.CONTEXT);
    return kind & ~0xff;
  }
}

function emptyHalf(): RecordHalf {
  return {
    kind: RecordKind.GC,
    number: 0,
    second: 0,
    third: 0,
    fourth: 0,
    startNs: 0,
    durationNs: 0,
    context: undefined,
  };
}
