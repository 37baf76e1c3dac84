/**
 * The writing end of a thread's ring: one producer (the thread), one consumer (the agent thread), no waiting on either side.
 *
 * Runs on the application thread that owns the slot. Must never wait: when the ring is full the newest record is dropped and counted by kind.
 *
 * Invariants
 * Q1  A record is stored before the write index that publishes it (plain stores, then one `Atomics.store`).
 * Q2  The writer stores only into places that the read index, as last loaded, says are free.
 * Q3  Records published + records dropped = records offered.
 */
import { ring as ringDoorbell } from './doorbell.ts';
import { type ControlMemory, RECORD_BYTES, RING_RECORDS, SLOT } from './layout.ts';
import type { EncodedRecord, RecordHalf } from './lock-records.ts';
import { FIRST_HALF, RECORD, type RecordKind, SECOND_HALF } from './records.ts';
import { type TraceIds, writeTraceIds } from './registry.ts';

const WORDS = RECORD_BYTES >> 2;

export class RingWriter {
  readonly #memory: ControlMemory;
  /* The views are held here: a record costs 10 ns, of which each step through another object would be one. */
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #ringWord: number;
  readonly #writeAt: number;
  readonly #readAt: number;
  readonly #droppedAt: number;
  #written = 0;
  /** The read index as last loaded: it is loaded again only when the ring looks half full by it. */
  #read = 0;

  constructor(memory: ControlMemory, slot: number) {
    this.#memory = memory;
    this.#i32 = memory.i32;
    this.#f64 = memory.f64;
    this.#ringWord = memory.ringAt(slot) >> 2;
    this.#writeAt = memory.slotAt(slot, SLOT.RING_WRITE) >> 2;
    this.#readAt = memory.slotAt(slot, SLOT.RING_READ) >> 2;
    this.#droppedAt = memory.slotAt(slot, SLOT.DROPPED) >> 2;
  }

  /** Publishes one record, or drops and counts it; false when it was dropped. Rings the doorbell once the ring is half full. */
  offer(kind: RecordKind, number: number, startNs: number, durationNs: number, context: TraceIds | undefined): boolean {
    const written = this.#written;
    if (((written - this.#read) | 0) >= RING_RECORDS / 2 && !this.#hasRoomSlow(kind)) return false;
    const i32 = this.#i32;
    const f64 = this.#f64;
    const at = this.#ringWord + (written & (RING_RECORDS - 1)) * WORDS;
    i32[at + (RECORD.KIND >> 2)] = kind;
    i32[at + (RECORD.NUMBER >> 2)] = number;
    f64[(at >> 1) + (RECORD.START_NS >> 3)] = startNs;
    f64[(at >> 1) + (RECORD.DURATION_NS >> 3)] = durationNs;
    const contextAt = at + (RECORD.CONTEXT >> 2);
    if (context === undefined) i32[contextAt + 6] = 0;
    else writeTraceIds(this.#memory, contextAt << 2, context);
    const next = (written + 1) | 0;
    this.#written = next;
    Atomics.store(i32, this.#writeAt, next);
    return true;
  }

  /** The same for a record of more numbers, or of two halves, which one store of the write index publishes together. */
  offerEncoded([first, second]: EncodedRecord): boolean {
    const written = this.#written;
    const places = second === undefined ? 1 : 2;
    if (((written - this.#read) | 0) >= RING_RECORDS / 2 - 1 && !this.#hasRoomSlow(first.kind, places)) return false;
    this.#write(written, first, second === undefined ? 0 : FIRST_HALF);
    if (second !== undefined) this.#write(written + 1, second, SECOND_HALF);
    const next = (written + places) | 0;
    this.#written = next;
    Atomics.store(this.#i32, this.#writeAt, next);
    return true;
  }

  #write(index: number, half: RecordHalf, flags: number): void {
    const i32 = this.#i32;
    const at = this.#ringWord + (index & (RING_RECORDS - 1)) * WORDS;
    i32[at + (RECORD.KIND >> 2)] = half.kind | flags;
    i32[at + (RECORD.NUMBER >> 2)] = half.number;
    i32[at + (RECORD.SECOND >> 2)] = half.second;
    i32[at + (RECORD.THIRD >> 2)] = half.third;
    i32[at + (RECORD.FOURTH >> 2)] = half.fourth;
    this.#f64[(at >> 1) + (RECORD.START_NS >> 3)] = half.startNs;
    this.#f64[(at >> 1) + (RECORD.DURATION_NS >> 3)] = half.durationNs;
    const contextAt = at + (RECORD.CONTEXT >> 2);
    if (half.context === undefined) i32[contextAt + 6] = 0;
    else writeTraceIds(this.#memory, contextAt << 2, half.context);
  }

  /** Loads the read index anew; rings when the ring is half full all the same, and counts the record as dropped when it is full. */
  #hasRoomSlow(kind: RecordKind, places = 1): boolean {
    this.#read = Atomics.load(this.#i32, this.#readAt);
    const waiting = (this.#written - this.#read) >>> 0;
    if (waiting + places <= RING_RECORDS / 2) return true;
    ringDoorbell(this.#memory);
    if (waiting + places <= RING_RECORDS) return true;
    const at = this.#droppedAt + kind;
    this.#i32[at] = ((this.#i32[at] as number) + 1) | 0;
    return false;
  }
}
