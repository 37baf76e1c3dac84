/**
 * Class cells: counts and histograms of one class of locks on one thread: promise locks, Web Locks, raw `Atomics.wait` by site. Locks of `gridwatch/sync`
 * have theirs beside the lock (`lock-memory.ts`).
 *
 * A thread claims a cell for each class it uses and writes there; the agent thread reads, and gives the cells of a dead thread back.
 *
 *        0  owner         slot + 1, by CAS; 0 = free
 *        4  generation    of the owner's slot                               16  acquisitions   20  contentions   24  timeouts   28  aborts
 *        8  class         number of a name                                  32  waiters now, of activities
 *       12  kind          | mode << 8; stored last, not zero when whole     40  Float64: sum of the `since` of those waiters, ns
 *                                                                           48  Float64: since when the oldest of them waits, 0 = nobody
 *       64  waits         histogram        576 holds, sampled with weights
 *
 * Invariants
 * C1  A cell leaves 0 only by its claimer's CAS and returns to 0 only by the agent thread, which zeroes all other words before: a new owner counts from zero.
 * C2  Only the owner writes the other words, by plain stores (see H1, H2 of `histogram.ts`).
 */

import { LOCK_MODES, type LockMode } from './async-locks.ts';
import { HistogramWriter } from './histogram.ts';
import { CLASS_CELL_BYTES, CLASS_CELLS, type ControlMemory, HEADER } from './layout.ts';
import { LOCK_KINDS, type LockKind } from './lock-block.ts';
import type { SlotClaim } from './registry.ts';

export const CELL = {
  OWNER: 0,
  GENERATION: 4,
  CLASS: 8,
  KIND: 12,
  ACQUISITIONS: 16,
  CONTENTIONS: 20,
  TIMEOUTS: 24,
  ABORTS: 28,
  WAITERS: 32,
  OLDEST_SINCE_NS: 48,
  WAITS: 64,
  HOLDS: 576,
} as const;

/** The writing end of one cell. */
export interface ClassCell {
  readonly waits: Pick<HistogramWriter, 'record'>;
  readonly holds: Pick<HistogramWriter, 'record'>;
  /** Adds one to a count: a byte offset of `CELL`. */
  add(field: number, by?: number): void;
  setOldestSince(ns: number): void;
}

/** Claims a cell for a class on the calling thread; undefined, and counted, when there is none. To be called once a class and thread. */
export function claimClassCell(
  memory: ControlMemory,
  claim: SlotClaim,
  classNumber: number,
  kind: LockKind,
  mode: LockMode,
): ClassCell | undefined {
  const { i32, f64, buffer } = memory;
  for (let cell = 0; cell < CLASS_CELLS; cell++) {
    const at = memory.classCellAt(cell);
    if (Atomics.load(i32, at >> 2) !== 0) continue;
    /* Before the claim, because a claimer that dies after it must leave a cell that is found. */
    raiseHigh(memory, cell);
    if (Atomics.compareExchange(i32, at >> 2, 0, claim.slot + 1) !== 0) continue;
    i32[(at + CELL.GENERATION) >> 2] = claim.generation;
    i32[(at + CELL.CLASS) >> 2] = classNumber;
    Atomics.store(i32, (at + CELL.KIND) >> 2, LOCK_KINDS.indexOf(kind) | (LOCK_MODES.indexOf(mode) << 8));
    return {
      waits: new HistogramWriter('waits', buffer, at + CELL.WAITS),
      holds: new HistogramWriter('waits', buffer, at + CELL.HOLDS),
      add: (field, by = 1) => {
        const word = (at + field) >> 2;
        i32[word] = ((i32[word] as number) + by) | 0;
      },
      setOldestSince: (ns) => {
        f64[(at + CELL.OLDEST_SINCE_NS) >> 3] = ns;
      },
    };
  }
  Atomics.add(i32, HEADER.LOCKS_DROPPED >> 2, 1);
  return undefined;
}

/** Visits the cells that are in use and whole: for the agent thread. */
export function scanClassCells(
  memory: ControlMemory,
  visit: (at: number, owner: SlotClaim, classNumber: number, kind: LockKind, mode: LockMode) => void,
): void {
  const { i32 } = memory;
  const high = Math.min(Atomics.load(i32, HEADER.CLASS_CELLS_HIGH >> 2), CLASS_CELLS);
  for (let cell = 0; cell < high; cell++) {
    const at = memory.classCellAt(cell);
    const owner = Atomics.load(i32, at >> 2);
    const what = Atomics.load(i32, (at + CELL.KIND) >> 2);
    const kind = LOCK_KINDS[what & 0xff];
    const mode = LOCK_MODES[(what >> 8) & 0xff];
    if (owner <= 0 || what === 0 || kind === undefined || mode === undefined) continue;
    const claim = { slot: owner - 1, generation: i32[(at + CELL.GENERATION) >> 2] as number };
    visit(at, claim, i32[(at + CELL.CLASS) >> 2] as number, kind, mode);
  }
}

/** The cells of a slot, also one whose claimer has died before it was whole: for the agent thread, once that thread has ended. */
export function cellsOf(memory: ControlMemory, slot: number): number[] {
  const { i32 } = memory;
  const high = Math.min(Atomics.load(i32, HEADER.CLASS_CELLS_HIGH >> 2), CLASS_CELLS);
  const found: number[] = [];
  for (let cell = 0; cell < high; cell++) {
    const at = memory.classCellAt(cell);
    if (Atomics.load(i32, at >> 2) === slot + 1) found.push(at);
  }
  return found;
}

/** Gives a dead thread's cell back, once it has been read a last time. For the agent thread. */
export function releaseClassCell(memory: ControlMemory, at: number): void {
  memory.u8.fill(0, at + 4, at + CLASS_CELL_BYTES);
  Atomics.store(memory.i32, at >> 2, 0);
}

function raiseHigh({ i32 }: ControlMemory, cell: number): void {
  const at = HEADER.CLASS_CELLS_HIGH >> 2;
  for (let high = Atomics.load(i32, at); high <= cell; ) {
    const seen = Atomics.compareExchange(i32, at, high, cell + 1);
    if (seen === high) return;
    high = seen;
  }
}
