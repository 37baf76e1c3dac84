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
 */

import { LOCK_MODES, type LockMode } from './async-locks.ts';
import { addToCell, type CellTable, cellsOfSlot, claimCell, releaseCell, scanCells } from './cells.ts';
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

const TABLE: CellTable = {
  count: CLASS_CELLS,
  bytes: CLASS_CELL_BYTES,
  at: (memory, cell) => memory.classCellAt(cell),
  high: HEADER.CLASS_CELLS_HIGH,
  dropped: HEADER.LOCKS_DROPPED,
};

/** Claims a cell for a class on the calling thread; undefined, and counted, when there is none. To be called once a class and thread. */
export function claimClassCell(
  memory: ControlMemory,
  claim: SlotClaim,
  classNumber: number,
  kind: LockKind,
  mode: LockMode,
): ClassCell | undefined {
  const at = claimCell(memory, TABLE, claim, classNumber, LOCK_KINDS.indexOf(kind) | (LOCK_MODES.indexOf(mode) << 8));
  if (at < 0) return undefined;
  const { f64, buffer } = memory;
  return {
    waits: new HistogramWriter('waits', buffer, at + CELL.WAITS),
    holds: new HistogramWriter('waits', buffer, at + CELL.HOLDS),
    add: (field, by) => addToCell(memory, at, field, by),
    setOldestSince: (ns) => {
      f64[(at + CELL.OLDEST_SINCE_NS) >> 3] = ns;
    },
  };
}

/** Visits the cells that are in use and whole: for the agent thread. */
export function scanClassCells(
  memory: ControlMemory,
  visit: (at: number, owner: SlotClaim, classNumber: number, kind: LockKind, mode: LockMode) => void,
): void {
  scanCells(memory, TABLE, (at, owner, classNumber, what) => {
    const kind = LOCK_KINDS[what & 0xff];
    const mode = LOCK_MODES[(what >> 8) & 0xff];
    if (kind !== undefined && mode !== undefined) visit(at, owner, classNumber, kind, mode);
  });
}

/** The cells of a slot, also one whose claimer has died before it was whole: for the agent thread, once that thread has ended. */
export function cellsOf(memory: ControlMemory, slot: number): number[] {
  return cellsOfSlot(memory, TABLE, slot);
}

/** Gives a dead thread's cell back, once it has been read a last time. For the agent thread. */
export function releaseClassCell(memory: ControlMemory, at: number): void {
  releaseCell(memory, TABLE, at);
}
