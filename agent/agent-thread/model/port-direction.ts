/**
 * One direction of a channel as the agent thread has read it so far: what is new since then is added to the total of its name.
 *
 * Runs on the agent thread, a hundred bytes or two for each direction of each channel. Nothing that is read is certain.
 */
import { HISTOGRAM_BYTES, type HistogramTotal } from '../../shared-memory/histogram.ts';
import { EndState } from '../../shared-memory/ledger.ts';
import { postedNs } from '../../shared-memory/ledger-entries.ts';
import { DIRECTION, END, type MessageMemory } from '../../shared-memory/message-memory.ts';
import type { QueueTotal } from './queue-totals.ts';

const CELLS = (HISTOGRAM_BYTES - 8) / 4;

/**
 * What was read of a histogram: of most ports a few cells are ever used, so only those are kept. `HistogramReader`, with arrays of its own, would be 1 kB.
 */
class SparseHistogram {
  /** Cell, count, cell, count, in no order. */
  #seen: number[] = [];
  #sumNs = 0;

  addNewTo(total: () => HistogramTotal, { u32, f64 }: MessageMemory, at: number): void {
    const cellsAt = (at + 8) >> 2;
    let added = 0;
    for (let cell = 0; cell < CELLS; cell++) {
      const now = u32[cellsAt + cell] as number;
      if (now === 0) continue;
      const delta = this.#deltaOf(cell, now);
      if (delta === 0) continue;
      const { counts } = total();
      counts[cell] = (counts[cell] as number) + delta;
      added += delta;
    }
    if (added === 0) return;
    const sumNs = f64[at >> 3] as number;
    if (sumNs > this.#sumNs && Number.isFinite(sumNs)) {
      total().sumNs += sumNs - this.#sumNs;
      this.#sumNs = sumNs;
    }
  }

  #deltaOf(cell: number, now: number): number {
    const seen = this.#seen;
    for (let i = 0; i < seen.length; i += 2)
      if (seen[i] === cell) {
        const delta = (now - (seen[i + 1] as number)) >>> 0;
        seen[i + 1] = now;
        return delta;
      }
    seen.push(cell, now);
    return now;
  }
}

export class PortDirection {
  readonly #memory: MessageMemory;
  readonly #carrier: number;
  readonly #total: QueueTotal;
  readonly #onLost: (count: number) => void;
  #withoutEntry = 0;
  #posted = 0;
  #delivered = 0;
  #sendErrors = 0;
  #receiveErrors = 0;
  #oldestNs = 0;
  #transit: SparseHistogram | undefined;
  #serialise: SparseHistogram | undefined;

  /** `onLost` is told of messages of which nothing but their number is known. */
  constructor(memory: MessageMemory, carrier: number, total: QueueTotal, onLost: (count: number) => void) {
    this.#memory = memory;
    this.#carrier = carrier;
    this.#total = total;
    this.#onLost = onLost;
  }

  /** The name of the queue that it is. */
  get queue(): string {
    return this.#total.name;
  }

  /** Adds what is new. */
  read(): void {
    const memory = this.#memory;
    const total = this.#total;
    const [channel, direction] = [this.#carrier >> 1, this.#carrier & 1];
    const at = memory.directionAt(channel, direction);
    const load = (field: number): number => Atomics.load(memory.i32, (at + field) >> 2);
    /* Signed: a post that is taken back makes the count go back for a moment. */
    const posts = (load(DIRECTION.POSTED) - this.#posted) | 0;
    if (posts > 0) {
      this.#posted = (this.#posted + posts) | 0;
      total.arrivals += posts;
      this.#serialise ??= new SparseHistogram();
    }
    const deliveries = (load(DIRECTION.DELIVERED) - this.#delivered) | 0;
    if (deliveries > 0) {
      this.#delivered = (this.#delivered + deliveries) | 0;
      total.completions += deliveries;
      this.#transit ??= new SparseHistogram();
    }
    const sendErrors = (load(DIRECTION.SEND_ERRORS) - this.#sendErrors) | 0;
    const receiveErrors = (load(DIRECTION.RECEIVE_ERRORS) - this.#receiveErrors) | 0;
    if (sendErrors > 0) this.#sendErrors = (this.#sendErrors + sendErrors) | 0;
    if (receiveErrors > 0) this.#receiveErrors = (this.#receiveErrors + receiveErrors) | 0;
    total.errors += Math.max(0, sendErrors) + Math.max(0, receiveErrors);
    const withoutEntry = (load(DIRECTION.WITHOUT_ENTRY) - this.#withoutEntry) | 0;
    if (withoutEntry > 0) {
      this.#withoutEntry = (this.#withoutEntry + withoutEntry) | 0;
      this.#onLost(withoutEntry);
    }
    /* Also where nothing is new: a histogram is written a little later than its count. */
    this.#serialise?.addNewTo(() => total.serialises, memory, memory.serialiseAt(channel, direction));
    this.#transit?.addNewTo(() => total.waits, memory, memory.transitAt(channel, direction));
  }

  /** What is on its way now, and since when the oldest is. */
  look(nowNs: number): void {
    const { i32 } = this.#memory;
    const size = (this.#posted - this.#delivered) | 0;
    const receiver = Atomics.load(
      i32,
      (this.#memory.endAt(this.#carrier >> 1, 1 - (this.#carrier & 1)) + END.WORD) >> 2,
    );
    if (size <= 0 || (receiver & 3) === EndState.CLOSED) return;
    /* One without an entry came after the last one that had one: it is at most as old as that. */
    this.#oldestNs = postedNs(this.#memory, this.#carrier, this.#delivered) ?? this.#oldestNs;
    this.#total.holds(size, this.#oldestNs > 0 ? Math.max(0, nowNs - this.#oldestNs) : 0);
  }
}
