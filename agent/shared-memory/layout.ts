/**
 * Where everything stands in the control buffer: the one file that knows offsets.
 *
 * Runs on every thread. The main thread allocates the buffer; other threads attach to it and check magic, version and size first.
 * Untouched pages cost nothing, so the reservation is generous. Words written by different threads stand on different cache lines.
 *
 *     0        header           magic, version, base of the clock, agent state, doorbell, flush words, thresholds, cursors
 *     4 KiB    slots            512 x 8 KiB: identity, wait word, ring indexes, counters, names, GC histograms of one thread
 *     ...      names index      16 384 x Int32: open addressing, entry = byte offset of a string + 1
 *     ...      names            4 MiB of strings: Int32 length, UTF-8, padded to 4 bytes; only ever appended to
 *     ...      rings            512 x 256 KiB: 4 096 records of 64 bytes
 *     ...      async locks      512 x 32 KiB: 256 waits and holds of activities of one thread (`async-locks.ts`)
 *     ...      class cells      4 096 x 1 152: counts and histograms of one class of locks on one thread (`class-cells.ts`)
 *     ...      queue cells      4 096 x 1 152: counts and histograms of the queues of one name on one thread (`queue-cells.ts`)
 *
 * A slot (byte offsets; W = who writes):
 *
 *        0  identity            state word (generation << 8 | phase), ids, times            W: claimer, then the thread, at last the agent
 *       64  wait sequence       number of the published wait entry                          W: the thread
 *      128  wait entry 0        what the thread waits for, since when, sums so far          W: the thread
 *      192  wait entry 1        the same: the one published is entry (sequence & 1)         W: the thread
 *      256  ring write index    records published                                           W: the thread
 *      320  ring read index     records drained                                             W: the agent
 *      384  counters            records dropped, by kind; whether GC goes unseen            W: the thread
 *      448  spawn context       trace id, span id, flags of the span active at `new Worker` W: claimer
 *      512  name                Int32 length, UTF-8                                         W: claimer
 *      640  file                Int32 length, UTF-8                                         W: claimer
 *     1024  GC histograms       4 x 512, by type                                            W: the thread
 *     3072  loop                number of the published beat, delays of the window          W: the thread
 *     3136  loop beats          2 x 32: the one published is beat (number & 1)              W: the thread
 *     3200  delay window        number of the window that is asked for                      W: the agent
 *     3264  delay histogram     512                                                         W: the thread
 *     3776  heap                the newest sample                                           W: the thread
 *     4096  wait detail         stack and span of the wait that goes on, once it is long    W: the thread
 */
import { isMarked, type MemoryKind, mark } from './memory-header.ts';

/** Threads that can be observed at once; a thread that finds no free slot runs unobserved and is counted. */
export const SLOT_COUNT = 512;
export const RECORD_BYTES = 64;
/** Records of a ring: at a million a second the agent may sleep 4 ms before one is dropped. A power of two. */
export const RING_RECORDS = 4096;
export const NAME_INDEX_ENTRIES = 16384;
export const NAME_BYTES = 4194304;

/** Waits and holds of one thread's activities that are known at once. */
export const ASYNC_LOCKS = 256;
export const ASYNC_LOCK_BYTES = 128;
export const CLASS_CELLS = 4096;
export const CLASS_CELL_BYTES = 1152;
export const QUEUE_CELLS = 4096;
export const QUEUE_CELL_BYTES = 1152;

const HEADER_BYTES = 4096;
const SLOT_BYTES = 8192;
const RING_BYTES = RECORD_BYTES * RING_RECORDS;

const SLOTS_AT = HEADER_BYTES;
const NAME_INDEX_AT = SLOTS_AT + SLOT_COUNT * SLOT_BYTES;
const NAMES_AT = NAME_INDEX_AT + NAME_INDEX_ENTRIES * 4;
const RINGS_AT = NAMES_AT + NAME_BYTES;
const ASYNC_LOCKS_AT = RINGS_AT + SLOT_COUNT * RING_BYTES;
const CLASS_CELLS_AT = ASYNC_LOCKS_AT + SLOT_COUNT * ASYNC_LOCKS * ASYNC_LOCK_BYTES;
const QUEUE_CELLS_AT = CLASS_CELLS_AT + CLASS_CELLS * CLASS_CELL_BYTES;
const TOTAL_BYTES = QUEUE_CELLS_AT + QUEUE_CELLS * QUEUE_CELL_BYTES;

/** "GWM1" */
const KIND: MemoryKind = { magic: 0x47574d31, version: 3, bytes: TOTAL_BYTES };

/** Byte offsets in the header, each on a cache line of its own where more than one thread writes. */
export const HEADER = {
  MAGIC: 0,
  VERSION: 4,
  TOTAL_BYTES: 8,
  /** Float64: `Clock.baseS`. */
  BASE_S: 16,
  /** Int32, one of `AgentState`; written by the agent thread, and by the main thread when the agent thread has ended. */
  AGENT_STATE: 64,
  /** Int32: 1 = rung. Set by application threads, cleared by the agent thread before it drains. */
  DOORBELL: 128,
  /** Int32: flushes asked for so far; every thread adds. */
  FLUSH_REQUESTED: 192,
  /** Int32: the newest request that is done; written by the agent thread. */
  FLUSH_DONE: 256,
  /** Int32: bytes of the names area in use; every thread adds. */
  NAMES_USED: 320,
  /** Int32: names that found no room; every thread adds. */
  NAMES_DROPPED: 324,
  /** Int32: threads that found no free slot; every thread adds. */
  THREADS_DROPPED: 384,
  /** Int32: how often the agent thread was started anew; written by the main thread. */
  AGENT_RESTARTS: 448,
  /** Four words, `service.instance.id`: written by the first agent thread, read by the one that follows it. */
  INSTANCE_ID: 576,
  /** Float64: a GC pause at least this long becomes a record; written by the agent thread, and by the main thread before that starts. */
  GC_THRESHOLD_NS: 512,
  /** Int32: 1 = no spans leave the process, so none may be promised (`app-thread/span-ids.ts`); written by the agent thread once it knows, read by all. */
  SPANS_OFF: 532,
  /** Int32: features that are switched off while the program runs, as bits; written by the agent thread, read by all. */
  FEATURES_OFF: 528,
  /** Float64: a turn of an event loop that held the CPU at least this long becomes a record; written by the agent thread, read by all. */
  LOOP_THRESHOLD_NS: 520,
  /** Float64: a wait for a lock at least this long becomes a span; written like the others. */
  LOCK_THRESHOLD_NS: 536,
  /** Int32: class cells that were ever in use: scans end there. Only grows; every thread adds. */
  CLASS_CELLS_HIGH: 640,
  /** Int32: lock classes that found no cell, and locks the agent could not follow; every thread adds. */
  LOCKS_DROPPED: 644,
  /** Int32: queue cells that were ever in use: scans end there. Only grows; every thread adds. */
  QUEUE_CELLS_HIGH: 704,
  /** Int32: queues that found no cell; every thread adds. */
  QUEUES_DROPPED: 708,
  /** Float64: an item that waits in a queue at least this long becomes a span; written like the others. */
  QUEUE_THRESHOLD_NS: 544,
} as const;

/** Byte offsets in a slot. */
export const SLOT = {
  STATE: 0,
  THREAD_ID: 4,
  OS_THREAD_ID: 8,
  PARENT_THREAD_ID: 12,
  EXIT_KIND: 16,
  EXIT_CODE: 20,
  /** The number of a name: where `new Worker` was called. */
  SPAWN_SITE: 24,
  /** 1: `terminate()` was called; written by the thread that called it. */
  TERMINATED: 28,
  CLAIMED_NS: 32,
  STARTED_NS: 40,
  ENDED_NS: 48,
  WAIT_SEQUENCE: 64,
  WAIT_ENTRIES: 128,
  RING_WRITE: 256,
  RING_READ: 320,
  DROPPED: 384,
  /** Why contexts do not become active on this thread: a bit for each of `CONTEXT_LOSSES`. */
  CONTEXT_LOSSES: 440,
  GC_SUSPENDED: 444,
  SPAWN_CONTEXT: 448,
  NAME: 512,
  FILE: 640,
  GC_HISTOGRAMS: 1024,
  LOOP_BEAT: 3072,
  /** The window whose delays the next three words sum up. */
  DELAY_WINDOW: 3076,
  DELAY_SQUARES: 3080,
  DELAY_MIN_NS: 3088,
  DELAY_MAX_NS: 3096,
  LOOP_STARTED_NS: 3104,
  LOOP_BEATS: 3136,
  DELAY_WINDOW_ASKED: 3200,
  DELAY_HISTOGRAM: 3264,
  HEAP: 3776,
  WAIT_DETAIL: 4096,
} as const;

export const WAIT_ENTRY_BYTES = 64;
export const LOOP_BEAT_BYTES = 32;
/** Room for a thread's name and its file, the length word included. A longer one keeps its end, which tells more of a path. */
export const NAME_FIELD_BYTES = 128;
export const FILE_FIELD_BYTES = 384;

/** Life of a slot: `FREE -> CLAIMING -> CLAIMED -> ATTACHED -> RUNNING -> EXITING -> FREE`; a thread may die in any of them. */
export const SlotPhase = { FREE: 0, CLAIMING: 1, CLAIMED: 2, ATTACHED: 3, RUNNING: 4, EXITING: 5 } as const;
export type SlotPhase = (typeof SlotPhase)[keyof typeof SlotPhase];

/** `FAILED`: nobody drains, so nobody may wait for it. */
export const AgentState = { NONE: 0, STARTING: 1, DRAINING: 2, FAILED: 3 } as const;
export type AgentState = (typeof AgentState)[keyof typeof AgentState];

/** Typed views over one control buffer. Each index helper takes a byte offset of the tables above. */
export class ControlMemory {
  readonly buffer: SharedArrayBuffer;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }

  /** Allocates the control buffer. Throws the engine's RangeError where the reservation is refused. */
  static create(baseS: number): ControlMemory {
    const memory = new ControlMemory(new SharedArrayBuffer(KIND.bytes));
    memory.f64[HEADER.BASE_S >> 3] = baseS;
    mark(memory.i32, KIND);
    return memory;
  }

  /** Attaches to a buffer that another thread allocated; undefined when it is not a control buffer of this layout. */
  static attach(buffer: unknown): ControlMemory | undefined {
    return isMarked(buffer, KIND) ? new ControlMemory(buffer) : undefined;
  }

  get baseS(): number {
    return this.f64[HEADER.BASE_S >> 3] as number;
  }

  /** Byte offset of a slot's field. */
  slotAt(slot: number, field: number): number {
    return SLOTS_AT + slot * SLOT_BYTES + field;
  }

  ringAt(slot: number): number {
    return RINGS_AT + slot * RING_BYTES;
  }

  asyncLocksAt(slot: number): number {
    return ASYNC_LOCKS_AT + slot * ASYNC_LOCKS * ASYNC_LOCK_BYTES;
  }

  classCellAt(cell: number): number {
    return CLASS_CELLS_AT + cell * CLASS_CELL_BYTES;
  }

  queueCellAt(cell: number): number {
    return QUEUE_CELLS_AT + cell * QUEUE_CELL_BYTES;
  }

  get nameIndexAt(): number {
    return NAME_INDEX_AT;
  }

  get namesAt(): number {
    return NAMES_AT;
  }

  /** Zeroes all words of a slot but its state word. Only for the one who owns the slot: its claimer's reclaimer, the agent thread. */
  clearSlot(slot: number): void {
    const at = this.slotAt(slot, 0);
    this.u8.fill(0, at + 4, at + SLOT_BYTES);
    /* Entries are used from the first on: those that were never written must stay untouched pages. */
    let end = this.asyncLocksAt(slot);
    while (end < this.asyncLocksAt(slot + 1) && this.i32[end >> 2] !== 0) end += ASYNC_LOCK_BYTES;
    this.u8.fill(0, this.asyncLocksAt(slot), end);
  }
}

export function isSlot(slot: unknown): slot is number {
  return Number.isInteger(slot) && (slot as number) >= 0 && (slot as number) < SLOT_COUNT;
}
