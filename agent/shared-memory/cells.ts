/**
 * Tables of cells in the control buffer: who claims a cell writes there, the agent thread reads it and gives it back when its owner is dead. What stands behind the
 * first four words is each table's own affair (`class-cells.ts`, `queue-cells.ts`).
 *
 *        0  owner         slot + 1, by CAS; 0 = free           8  name    number of a name
 *        4  generation    of the owner's slot                 12  kind    stored last, not zero when the cell is whole
 *
 * Invariants
 * C1  A cell leaves 0 only by its claimer's CAS and returns to 0 only by the agent thread, which zeroes all other words before: a new owner counts from zero.
 * C2  Only the owner writes the other words, by plain stores (see H1, H2 of `histogram.ts`).
 */
import type { ControlMemory } from './layout.ts';
import type { SlotClaim } from './registry.ts';

const CELL = { OWNER: 0, GENERATION: 4, NAME: 8, KIND: 12 } as const;

export interface CellTable {
  readonly count: number;
  /** Of one cell. */
  readonly bytes: number;
  readonly at: (memory: ControlMemory, cell: number) => number;
  /** Byte offsets in the header: cells that were ever in use, where scans end; claims that found none. */
  readonly high: number;
  readonly dropped: number;
}

/** Claims a cell for the calling thread; its byte offset, or -1, and counted, when all are in use. `kind` is not zero. */
export function claimCell(
  memory: ControlMemory,
  table: CellTable,
  claim: SlotClaim,
  nameNumber: number,
  kind: number,
): number {
  const { i32 } = memory;
  for (let cell = 0; cell < table.count; cell++) {
    const at = table.at(memory, cell);
    if (Atomics.load(i32, at >> 2) !== 0) continue;
    /* Before the claim, because a claimer that dies after it must leave a cell that is found. */
    raiseHigh(memory, table, cell);
    if (Atomics.compareExchange(i32, at >> 2, 0, claim.slot + 1) !== 0) continue;
    i32[(at + CELL.GENERATION) >> 2] = claim.generation;
    i32[(at + CELL.NAME) >> 2] = nameNumber;
    Atomics.store(i32, (at + CELL.KIND) >> 2, kind);
    return at;
  }
  Atomics.add(i32, table.dropped >> 2, 1);
  return -1;
}

/** Adds to a count of one's own cell: `field` is its byte offset there. */
export function addToCell({ i32 }: ControlMemory, at: number, field: number, by = 1): void {
  const word = (at + field) >> 2;
  i32[word] = ((i32[word] as number) + by) | 0;
}

/** Visits the cells that are in use and whole: for the agent thread. */
export function scanCells(
  memory: ControlMemory,
  table: CellTable,
  visit: (at: number, owner: SlotClaim, nameNumber: number, kind: number) => void,
): void {
  const { i32 } = memory;
  for (let cell = 0, high = highOf(memory, table); cell < high; cell++) {
    const at = table.at(memory, cell);
    const owner = Atomics.load(i32, at >> 2);
    const kind = Atomics.load(i32, (at + CELL.KIND) >> 2);
    if (owner <= 0 || kind === 0) continue;
    const claim = { slot: owner - 1, generation: i32[(at + CELL.GENERATION) >> 2] as number };
    visit(at, claim, i32[(at + CELL.NAME) >> 2] as number, kind);
  }
}

/** The cells of a slot, also one whose claimer has died before it was whole: for the agent thread, once that thread has ended. */
export function cellsOfSlot(memory: ControlMemory, table: CellTable, slot: number): number[] {
  const found: number[] = [];
  for (let cell = 0, high = highOf(memory, table); cell < high; cell++) {
    const at = table.at(memory, cell);
    if (Atomics.load(memory.i32, at >> 2) === slot + 1) found.push(at);
  }
  return found;
}

/** Gives a dead thread's cell back, once it has been read a last time. For the agent thread. */
export function releaseCell(memory: ControlMemory, table: CellTable, at: number): void {
  memory.u8.fill(0, at + 4, at + table.bytes);
  Atomics.store(memory.i32, at >> 2, 0);
}

function highOf({ i32 }: ControlMemory, { high, count }: CellTable): number {
  return Math.min(Atomics.load(i32, high >> 2), count);
}

function raiseHigh({ i32 }: ControlMemory, table: CellTable, cell: number): void {
  const at = table.high >> 2;
  for (let high = Atomics.load(i32, at); high <= cell; ) {
    const seen = Atomics.compareExchange(i32, at, high, cell + 1);
    if (seen === high) return;
    high = seen;
  }
}
