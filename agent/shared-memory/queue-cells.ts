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
 *
 * Invariants
 * C1  A cell leaves 0 only by its claimer's CAS and returns to 0 only by the agent thread, which zeroes all other words before: a new owner counts from zero.
 * C2  Only the owner writes the other words, by plain stores (see H1, H2 of `histogram.ts`).
 */
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

/** Claims a cell for a name on the calling thread; undefined, and counted, when there is none. To be called once a name and thread. */
export function claimQueueCell(
  memory: ControlMemory,
  claim: SlotClaim,
  nameNumber: number,
  kind: QueueKind,
  direction: Direction = 'none',
): QueueCell | undefined {
  const { i32 } = memory;
  for (let cell = 0; cell < QUEUE_CELLS; cell++) {
    const at = memory.queueCellAt(cell);
    if (Atomics.load(i32, at >> 2) !== 0) continue;
    /* Before the claim, because a claimer that dies after it must leave a cell that is found. */
    raiseHigh(memory, cell);
    if (Atomics.compareExchange(i32, at >> 2, 0, claim.slot + 1) !== 0) continue;
    i32[(at + QUEUE_CELL.GENERATION) >> 2] = claim.generation;
    i32[(at + QUEUE_CELL.NAME) >> 2] = nameNumber;
    Atomics.store(
      i32,
      (at + QUEUE_CELL.KIND) >> 2,
      (QUEUE_KINDS.indexOf(kind) + 1) | (DIRECTIONS.indexOf(direction) << 8),
    );
    return cellAt(memory, at);
  }
  Atomics.add(i32, HEADER.QUEUES_DROPPED >> 2, 1);
  return undefined;
}

function cellAt({ i32, f64, buffer }: ControlMemory, at: number): QueueCell {
  const busyAt = (at + QUEUE_CELL.BUSY_NS) >> 3;
  const add = (field: number, by = 1): void => {
    const word = (at + field) >> 2;
    i32[word] = ((i32[word] as number) + by) | 0;
  };
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
  const { i32 } = memory;
  const high = Math.min(Atomics.load(i32, HEADER.QUEUE_CELLS_HIGH >> 2), QUEUE_CELLS);
  for (let cell = 0; cell < high; cell++) {
    const at = memory.queueCellAt(cell);
    const owner = Atomics.load(i32, at >> 2);
    const word = Atomics.load(i32, (at + QUEUE_CELL.KIND) >> 2);
    const kind = QUEUE_KINDS[(word & 0xff) - 1];
    const direction = DIRECTIONS[word >>> 8];
    if (owner <= 0 || kind === undefined || direction === undefined) continue;
    const claim = { slot: owner - 1, generation: i32[(at + QUEUE_CELL.GENERATION) >> 2] as number };
    visit(at, claim, i32[(at + QUEUE_CELL.NAME) >> 2] as number, kind, direction);
  }
}

/** The cells of a slot, also one whose claimer has died before it was whole: for the agent thread, once that thread has ended. */
export function queueCellsOf(memory: ControlMemory, slot: number): number[] {
  const { i32 } = memory;
  const high = Math.min(Atomics.load(i32, HEADER.QUEUE_CELLS_HIGH >> 2), QUEUE_CELLS);
  const found: number[] = [];
  for (let cell = 0; cell < high; cell++) {
    const at = memory.queueCellAt(cell);
    if (Atomics.load(i32, at >> 2) === slot + 1) found.push(at);
  }
  return found;
}

/** Gives a dead thread's cell back, once it has been read a last time. For the agent thread. */
export function releaseQueueCell(memory: ControlMemory, at: number): void {
  memory.u8.fill(0, at + 4, at + QUEUE_CELL_BYTES);
  Atomics.store(memory.i32, at >> 2, 0);
}

function raiseHigh({ i32 }: ControlMemory, cell: number): void {
  const at = HEADER.QUEUE_CELLS_HIGH >> 2;
  for (let high = Atomics.load(i32, at); high <= cell; ) {
    const seen = Atomics.compareExchange(i32, at, high, cell + 1);
    if (seen === high) return;
    high = seen;
  }
}
