/**
 * Reads the queue cells: what threads have counted of their pools and queues, by name, and what is in these now.
 *
 * Runs on the agent thread. A cell of a thread that has ended is read a last time and given back; what waited there is gone with the thread.
 */
import { HistogramReader } from '../../shared-memory/histogram.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import {
  type Direction,
  QUEUE_CELL,
  type QueueKind,
  queueCellsOf,
  releaseQueueCell,
  scanQueueCells,
} from '../../shared-memory/queue-cells.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import type { QueueReader, QueueTotal, QueueTotals } from './queue-totals.ts';

const COUNTS = [
  [QUEUE_CELL.ARRIVALS, 'arrivals'],
  [QUEUE_CELL.COMPLETIONS, 'completions'],
  [QUEUE_CELL.REJECTIONS, 'rejections'],
  [QUEUE_CELL.ABORTS, 'aborts'],
  [QUEUE_CELL.ERRORS, 'errors'],
] as const;

/** Looks at the three words of the busy time, which their thread may just be writing. */
const MAX_LOOKS = 3;

/** One cell in one life. */
class CellReader {
  readonly owner: SlotClaim;
  readonly nameNumber: number;
  readonly total: QueueTotal;
  readonly #memory: ControlMemory;
  readonly #at: number;
  readonly #last = new Uint32Array(COUNTS.length);
  readonly #waits: HistogramReader;
  readonly #services: HistogramReader;
  #busyNs = 0;

  constructor(memory: ControlMemory, at: number, owner: SlotClaim, nameNumber: number, total: QueueTotal) {
    this.owner = owner;
    this.nameNumber = nameNumber;
    this.total = total;
    this.#memory = memory;
    this.#at = at;
    this.#waits = new HistogramReader(memory.buffer, at + QUEUE_CELL.WAITS);
    this.#services = new HistogramReader(memory.buffer, at + QUEUE_CELL.SERVICES);
  }

  isOf({ slot, generation }: SlotClaim, nameNumber: number, kind: QueueKind, direction: Direction): boolean {
    const isSameLife = this.owner.slot === slot && this.owner.generation === generation;
    const { total } = this;
    return isSameLife && this.nameNumber === nameNumber && total.kind === kind && total.direction === direction;
  }

  /** Adds what was counted since the last call. */
  count(): void {
    const { u32 } = this.#memory;
    for (const [at, [field, name]] of COUNTS.entries()) {
      const last = this.#last[at] as number;
      const delta = ((u32[(this.#at + field) >> 2] as number) - last) >>> 0;
      this.#last[at] = last + delta;
      this.total[name] += delta;
    }
    this.#waits.addNewTo(() => this.total.waits);
    this.#services.addNewTo(() => this.total.services);
  }

  /** Adds the time that was worked since the last call. */
  work(nowNs: number): void {
    const busyNs = this.#busyUntil(nowNs);
    if (!Number.isFinite(busyNs) || busyNs <= this.#busyNs) return;
    this.total.use.busyNs += busyNs - this.#busyNs;
    this.#busyNs = busyNs;
  }

  /** What is there now. */
  look(nowNs: number): void {
    const { i32, f64 } = this.#memory;
    const word = (field: number): number => i32[(this.#at + field) >> 2] as number;
    const sinceNs = f64[(this.#at + QUEUE_CELL.OLDEST_SINCE_NS) >> 3] as number;
    const oldestNs = sinceNs > 0 && sinceNs < nowNs ? nowNs - sinceNs : 0;
    this.total.holds(word(QUEUE_CELL.SIZE), oldestNs, word(QUEUE_CELL.CAPACITY));
    this.total.use.has(word(QUEUE_CELL.ACTIVE), word(QUEUE_CELL.THREADS), word(QUEUE_CELL.LIMIT));
  }

  /** Those that work now have done so since the words were written. Where the words change at every look the last one has to do: the next reading mends it. */
  #busyUntil(nowNs: number): number {
    const { i32, f64 } = this.#memory;
    const busyAt = (this.#at + QUEUE_CELL.BUSY_NS) >> 3;
    for (let look = 1; ; look++) {
      const untilNs = f64[busyAt + 1] as number;
      const busyNs = f64[busyAt] as number;
      const active = i32[(this.#at + QUEUE_CELL.ACTIVE) >> 2] as number;
      if (f64[busyAt + 1] === untilNs || look === MAX_LOOKS)
        return active > 0 && untilNs > 0 ? busyNs + active * Math.max(0, nowNs - untilNs) : busyNs;
    }
  }
}

export interface QueueCellsSettings {
  readonly memory: ControlMemory;
  readonly totals: QueueTotals;
  /** The text of the number of a name. */
  readonly text: (number: number) => string;
}

export class QueueCells implements QueueReader {
  readonly #settings: QueueCellsSettings;
  /** By byte offset. */
  readonly #readers = new Map<number, CellReader>();

  constructor(settings: QueueCellsSettings) {
    this.#settings = settings;
  }

  read(nowNs: number): void {
    scanQueueCells(this.#settings.memory, (at, owner, nameNumber, kind, direction) => {
      const reader = this.#readerOf(at, owner, nameNumber, kind, direction);
      reader.count();
      reader.work(nowNs);
      reader.look(nowNs);
    });
  }

  /** A thread has ended, and its slot is still its own: its cells are free for others. */
  end({ slot }: SlotClaim, nowNs: number): void {
    const { memory } = this.#settings;
    scanQueueCells(memory, (at, owner, nameNumber, kind, direction) => {
      if (owner.slot !== slot) return;
      const reader = this.#readerOf(at, owner, nameNumber, kind, direction);
      reader.count();
      reader.work(nowNs);
    });
    for (const at of queueCellsOf(memory, slot)) {
      this.#readers.delete(at);
      releaseQueueCell(memory, at);
    }
  }

  #readerOf(at: number, owner: SlotClaim, nameNumber: number, kind: QueueKind, direction: Direction): CellReader {
    const known = this.#readers.get(at);
    if (known?.isOf(owner, nameNumber, kind, direction) === true) return known;
    const { memory, totals, text } = this.#settings;
    const reader = new CellReader(memory, at, owner, nameNumber, totals.of(text(nameNumber), kind, direction));
    this.#readers.set(at, reader);
    return reader;
  }
}
