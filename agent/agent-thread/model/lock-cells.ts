/**
 * Reads the class cells: what threads have counted of locks that have no block, by class.
 *
 * Runs on the agent thread. A cell of a thread that has ended is read a last time and given back.
 */
import { CELL, cellsOf, releaseClassCell, scanClassCells } from '../../shared-memory/class-cells.ts';
import { HistogramReader } from '../../shared-memory/histogram.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import type { LockClass, LockClasses, ModeTotals } from './lock-classes.ts';

const COUNTS = [
  [CELL.ACQUISITIONS, 'acquisitions'],
  [CELL.CONTENTIONS, 'contentions'],
  [CELL.TIMEOUTS, 'timeouts'],
  [CELL.ABORTS, 'aborts'],
] as const;

/** One cell in one life. */
class CellReader {
  readonly life: string;
  readonly lockClass: LockClass;
  readonly #memory: ControlMemory;
  readonly #at: number;
  readonly #totals: ModeTotals;
  readonly #last = new Uint32Array(COUNTS.length);
  readonly #waits: HistogramReader;
  readonly #holds: HistogramReader;

  constructor(memory: ControlMemory, at: number, life: string, lockClass: LockClass, totals: ModeTotals) {
    this.life = life;
    this.lockClass = lockClass;
    this.#memory = memory;
    this.#at = at;
    this.#totals = totals;
    this.#waits = new HistogramReader(memory.buffer, at + CELL.WAITS);
    this.#holds = new HistogramReader(memory.buffer, at + CELL.HOLDS);
  }

  read(): void {
    for (const [at, [field, name]] of COUNTS.entries()) {
      const last = this.#last[at] as number;
      const delta = ((this.#memory.u32[(this.#at + field) >> 2] as number) - last) >>> 0;
      this.#last[at] = last + delta;
      this.#totals[name] += delta;
    }
    this.#waits.addNewTo(this.#totals.waits);
    this.#holds.addNewTo(this.#totals.holds);
  }

  /** Those that wait there now. */
  addWaiters(nowNs: number): void {
    const { i32, f64 } = this.#memory;
    const waiters = i32[(this.#at + CELL.WAITERS) >> 2] as number;
    if (waiters <= 0) return;
    const sinceNs = f64[(this.#at + CELL.OLDEST_SINCE_NS) >> 3] as number;
    this.lockClass.addWaiter(sinceNs > 0 ? Math.max(0, nowNs - sinceNs) : 0, waiters);
  }
}

export interface LockCellsSettings {
  readonly memory: ControlMemory;
  readonly classes: LockClasses;
  /** The text of the number of a name. */
  readonly text: (number: number) => string;
}

export class LockCells {
  readonly #settings: LockCellsSettings;
  /** By byte offset. */
  readonly #readers = new Map<number, CellReader>();

  constructor(settings: LockCellsSettings) {
    this.#settings = settings;
  }

  /** Adds what is new in all cells to the totals of their classes. */
  read(): void {
    this.#scan((reader) => reader.read());
  }

  addWaiters(nowNs: number): void {
    this.#scan((reader) => reader.addWaiters(nowNs));
  }

  /** A thread has ended, and its slot is still its own: its cells are free for others. */
  release({ slot }: SlotClaim): void {
    const { memory } = this.#settings;
    this.read();
    for (const at of cellsOf(memory, slot)) {
      this.#readers.delete(at);
      releaseClassCell(memory, at);
    }
  }

  #scan(visit: (reader: CellReader) => void): void {
    const { memory, classes, text } = this.#settings;
    scanClassCells(memory, (at, owner, classNumber, kind, mode) => {
      const life = `${owner.slot}.${owner.generation}.${classNumber}.${kind}.${mode}`;
      let reader = this.#readers.get(at);
      if (reader?.life !== life) {
        const lockClass = classes.of(text(classNumber), kind);
        if (lockClass === undefined) return;
        reader = new CellReader(memory, at, life, lockClass, lockClass.of(mode));
        this.#readers.set(at, reader);
      }
      visit(reader);
    });
  }
}
