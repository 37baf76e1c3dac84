/**
 * Queue cells: counts and histograms of the queues of one name on one thread: pools, task queues, connection pools, broadcast channels, IPC. Ports have theirs in
 * their ledger (`ledger.ts`). Channels of `gridwatch/sync` count beside the channel (`channel-words.ts`); of these a cell has the waits alone, written by the
 * thread that received.
 *
 * A thread claims a cell for each name it uses and writes there; the agent thread reads, and gives the cells of a dead thread back.
 *
 *        0  owner         slot + 1, by CAS; 0 = free                16  arrivals   20  completions   24  rejections   28  aborts   32  errors
 *        4  generation    of the owner's slot                       36  size: items that wait now
 *        8  name          number of a name                          40  capacity, 0 = none       44  threads that work now     48  threads there are
 *       12  kind          + 1, direction << 8; stored last, not zero when whole     52  threads there may be
 *                                                                   56  Float64: since when the oldest item waits, 0 = nothing does
 *       64  Float64: threads that worked, summed up over time, ns   72  Float64: until when that is summed up
 *       80  items in service that have put items into it which wait
 *      128  waits         histogram        640 service times
 */
import { addToCell, type CellTable, cellsOfSlot, claimCell, releaseCell, scanCells } from './cells.ts';
import { HistogramWriter } from './histogram.ts';
import { type ControlMemory, HEADER, QUEUE_CELL_BYTES, QUEUE_CELLS } from './layout.ts';
import type { SlotClaim } from './registry.ts';

/** As `gridwatch.queue.kind` names them; the index stands in memory. */
export const QUEUE_KINDS = [
  'message_port',
  'broadcast',
  'pool',
  'task_queue',
  'channel',
  'ipc',
  'libuv',
  'http_agent',
  'connection_pool',
] as const;
export type QueueKind = (typeof QUEUE_KINDS)[number];

/** Which way a message went, as seen from a port's ledger, or from a process; the index stands in memory. */
export const DIRECTIONS = ['none', 'to_worker', 'to_parent'] as const;
export type Direction = (typeof DIRECTIONS)[number];

export const QUEUE_CELL = {
  OWNER: 0,
  GENERATION: 4,
  NAME: 8,
  KIND: 12,
  ARRIVALS: 16,
  COMPLETIONS: 20,
  REJECTIONS: 24,
  ABORTS: 28,
  ERRORS: 32,
  SIZE: 36,
  CAPACITY: 40,
  ACTIVE: 44,
  THREADS: 48,
  LIMIT: 52,
  OLDEST_SINCE_NS: 56,
  BUSY_NS: 64,
  BUSY_UNTIL_NS: 72,
  SELF_WAITING: 80,
  WAITS: 128,
  SERVICES: 640,
} as const;

/** The writing end of one cell. */
export interface QueueCell {
  readonly waits: Pick<HistogramWriter, 'record'>;
  readonly services: Pick<HistogramWriter, 'record'>;
  /** Adds to a count: a byte offset of `QUEUE_CELL`. */
  add(field: number, by?: number): void;
  setOldestSince(ns: number): void;
  /** Adds to the threads that work, and sums up what those before did until now. */
  addActive(by: number, nowNs: number): void;
}

const TABLE: CellTable = {
  count: QUEUE_CELLS,
  bytes: QUEUE_CELL_BYTES,
  at: (memory, cell) => memory.queueCellAt(cell),
  high: HEADER.QUEUE_CELLS_HIGH,
  dropped: HEADER.QUEUES_DROPPED,
};

/** Claims a cell for a name on the calling thread; undefined, and counted, when there is none. To be called once a name and thread. */
export function claimQueueCell(
  memory: ControlMemory,
  claim: SlotClaim,
  nameNumber: number,
  kind: QueueKind,
  direction: Direction = 'none',
): QueueCell | undefined {
  const what = (QUEUE_KINDS.indexOf(kind) + 1) | (DIRECTIONS.indexOf(direction) << 8);
  const at = claimCell(memory, TABLE, claim, nameNumber, what);
  return at < 0 ? undefined : cellAt(memory, at);
}

function cellAt(memory: ControlMemory, at: number): QueueCell {
  const { i32, f64, buffer } = memory;
  const busyAt = (at + QUEUE_CELL.BUSY_NS) >> 3;
  const add = (field: number, by?: number): void => addToCell(memory, at, field, by);
  return {
    waits: new HistogramWriter('waits', buffer, at + QUEUE_CELL.WAITS),
    services: new HistogramWriter('waits', buffer, at + QUEUE_CELL.SERVICES),
    add,
    setOldestSince: (ns) => {
      f64[(at + QUEUE_CELL.OLDEST_SINCE_NS) >> 3] = ns;
    },
    addActive: (by, nowNs) => {
      const active = i32[(at + QUEUE_CELL.ACTIVE) >> 2] as number;
      if (active > 0) f64[busyAt] = (f64[busyAt] as number) + active * (nowNs - (f64[busyAt + 1] as number));
      f64[busyAt + 1] = nowNs;
      add(QUEUE_CELL.ACTIVE, by);
    },
  };
}

/** Visits the cells that are in use and whole: for the agent thread. */
export function scanQueueCells(
  memory: ControlMemory,
  visit: (at: number, owner: SlotClaim, nameNumber: number, kind: QueueKind, direction: Direction) => void,
): void {
  scanCells(memory, TABLE, (at, owner, nameNumber, what) => {
    const kind = QUEUE_KINDS[(what & 0xff) - 1];
    const direction = DIRECTIONS[what >>> 8];
    if (kind !== undefined && direction !== undefined) visit(at, owner, nameNumber, kind, direction);
  });
}

/** The cells of a slot, also one whose claimer has died before it was whole: for the agent thread, once that thread has ended. */
export function queueCellsOf(memory: ControlMemory, slot: number): number[] {
  return cellsOfSlot(memory, TABLE, slot);
}

/** Gives a dead thread's cell back, once it has been read a last time. For the agent thread. */
export function releaseQueueCell(memory: ControlMemory, at: number): void {
  releaseCell(memory, TABLE, at);
}
