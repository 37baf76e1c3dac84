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
import { RECORD, type RecordKind } from './records.ts';
import { type TraceIds, writeTraceIds } from './registry.ts';

export class RingWriter {
  readonly #memory: ControlMemory;
  readonly #ringAt: number;
  readonly #writeAt: number;
  readonly #readAt: number;
  readonly #droppedAt: number;
  #written = 0;
  /** The read index as last loaded: it is loaded again only when the ring looks half full by it. */
  #read = 0;

  constructor(memory: ControlMemory, slot: number) {
    this.#memory = memory;
    this.#ringAt = memory.ringAt(slot);
    this.#writeAt = memory.slotAt(slot, SLOT.RING_WRITE) >> 2;
    this.#readAt = memory.slotAt(slot, SLOT.RING_READ) >> 2;
    this.#droppedAt = memory.slotAt(slot, SLOT.DROPPED) >> 2;
  }

  /** Publishes one record, or drops and counts it; false when it was dropped. Rings the doorbell once the ring is half full. */
  offer(kind: RecordKind, number: number, startNs: number, durationNs: number, context: TraceIds | undefined): boolean {
    const memory = this.#memory;
    const written = this.#written;
    if ((written - this.#read) >>> 0 >= RING_RECORDS / 2) {
      this.#read = Atomics.load(memory.i32, this.#readAt);
      const waiting = (written - this.#read) >>> 0;
      if (waiting >= RING_RECORDS / 2) ringDoorbell(memory);
      if (waiting >= RING_RECORDS) {
        const at = this.#droppedAt + kind;
        memory.u32[at] = (memory.u32[at] as number) + 1;
        return false;
      }
    }
    const at = this.#ringAt + (written & (RING_RECORDS - 1)) * RECORD_BYTES;
    memory.i32[(at + RECORD.KIND) >> 2] = kind;
    memory.i32[(at + RECORD.NUMBER) >> 2] = number;
    memory.f64[(at + RECORD.START_NS) >> 3] = startNs;
    memory.f64[(at + RECORD.DURATION_NS) >> 3] = durationNs;
    const contextAt = at + RECORD.CONTEXT;
    if (context === undefined) memory.i32[(contextAt >> 2) + 6] = 0;
    else writeTraceIds(memory, contextAt, context);
    this.#written = (written + 1) | 0;
    Atomics.store(memory.i32, this.#writeAt, this.#written);
    return true;
  }
}
