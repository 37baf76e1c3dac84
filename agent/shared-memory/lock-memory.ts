/**
 * Lock memory: the locks of `gridwatch/sync` that have a name, and the threads that may hold a lock. One buffer a process, with the agent or without.
 *
 * Runs on every thread. The first thread that needs it allocates it; others attach and check magic, version and size first. Untouched pages cost nothing.
 *
 *     0        header      magic, version, size, cursors
 *     4 KiB    threads     512 x 64: a thread that uses locks
 *     36 KiB   directory   8 192 x Int32: open addressing by name; entry = byte offset of a block, 0 = empty
 *     68 KiB   blocks      one after the other, each on a cache line of its own; only ever appended to
 *
 * A block is one lock (`lock-block.ts`). A lock without a name has the same block in a buffer of its own, or of the caller's.
 *
 * Invariants
 * L1  A block's identity is whole before its offset stands in the directory (CAS), or its handle is sent: who finds a block sees what it is.
 * L2  Two threads that make one name at once get one block: the loser of the CAS leaves its own unused.
 * L3  A thread entry's generation grows at each claim: a lock word that names an earlier life names a thread that is dead.
 */

import {
  type BlockViews,
  encodeName,
  isBlock,
  isNamed,
  LINE,
  type LockIdentity,
  viewsOf,
  writeIdentity,
} from './lock-block.ts';
import { isMarked, type MemoryKind, mark } from './memory-header.ts';

/** Threads that can use locks at once. */
export const LOCK_THREADS = 512;
const DIRECTORY_ENTRIES = 8192;
/** Entries looked at before the directory counts as full. */
const MAX_PROBES = 64;

const THREADS_AT = 4096;
const THREAD_BYTES = 64;
const DIRECTORY_AT = THREADS_AT + LOCK_THREADS * THREAD_BYTES;
const BLOCKS_AT = DIRECTORY_AT + DIRECTORY_ENTRIES * 4;
const LOCK_MEMORY_BYTES: number = 64 * 2 ** 20;

/** "GWL1" */
const KIND: MemoryKind = { magic: 0x47574c31, version: 1, bytes: LOCK_MEMORY_BYTES };

const HEADER = {
  MAGIC: 0,
  VERSION: 4,
  TOTAL_BYTES: 8,
  /** A number of its own, by which two attached views are known to be of one memory. */
  IDENTITY: 12,
  /** Float64: the base of the clock of all threads, in seconds (`clock.ts`). */
  BASE_S: 16,
  /** Bytes of the blocks in use; every thread adds. */
  BLOCKS_USED: 64,
  /** Ids given out so far; every thread adds. Zero is no lock's id. */
  LOCK_IDS: 128,
  /** Entries of the thread table that were ever used: scans end there. Only grows. */
  THREADS_HIGH: 192,
} as const;

/** Byte offsets in a thread entry. */
export const LOCK_THREAD = {
  /** generation << 2 | 0 free, 1 being claimed, 2 live. Claimed by CAS; freed, by CAS from live, by whoever knows that its thread is gone. */
  STATE: 0,
  OS_THREAD_ID: 4,
  THREAD_ID: 8,
  /** The slot in the control buffer + 1; 0 for a thread the agent does not observe. */
  AGENT_SLOT: 12,
  AGENT_GENERATION: 16,
  /** The id of the lock whose waiters this thread is about to wake; 0 for none. */
  PENDING: 20,
  /** The id of the lock this thread is parked at; 0 for none. */
  AWAITED: 24,
  /** The id of the lock whose wait is to end with ERR_GRIDWATCH_DEADLOCK; set by the agent thread, cleared by the thread. */
  ABORT: 28,
  /** Float64: when the kernel says the thread began, in its ticks: tells a thread from a later one with the same id. 0: not known. */
  START_TICKS: 32,
} as const;

export class LockMemory {
  readonly views: BlockViews;

  private constructor(buffer: SharedArrayBuffer) {
    this.views = viewsOf(buffer);
  }

  /** Throws the engine's RangeError where the reservation is refused. */
  static create(baseS: number = process.hrtime()[0]): LockMemory {
    const memory = new LockMemory(new SharedArrayBuffer(KIND.bytes));
    const { i32, f64 } = memory.views;
    i32[HEADER.IDENTITY >> 2] = (Math.random() * 0x7fffffff) | 1;
    f64[HEADER.BASE_S >> 3] = baseS;
    mark(i32, KIND);
    return memory;
  }

  /** Attaches to what another thread allocated; undefined when it is no lock memory of this layout. */
  static attach(buffer: unknown): LockMemory | undefined {
    return isMarked(buffer, KIND) ? new LockMemory(buffer) : undefined;
  }

  /** The base that every clock of the process must have, so that a lock's times are the agent's. */
  get baseS(): number {
    return this.views.f64[HEADER.BASE_S >> 3] as number;
  }

  get identity(): number {
    return this.views.i32[HEADER.IDENTITY >> 2] as number;
  }

  /** Byte offset of a field of a thread entry. */
  threadAt(thread: number, field: number): number {
    return THREADS_AT + thread * THREAD_BYTES + field;
  }

  /** Thread entries that were ever in use. */
  get threadsHigh(): number {
    return Math.min(Atomics.load(this.views.i32, HEADER.THREADS_HIGH >> 2), LOCK_THREADS);
  }

  /** To be called by who claims an entry, before it is used. */
  raiseThreadsHigh(thread: number): void {
    const at = HEADER.THREADS_HIGH >> 2;
    for (let high = Atomics.load(this.views.i32, at); high <= thread; ) {
      const seen = Atomics.compareExchange(this.views.i32, at, high, thread + 1);
      if (seen === high) return;
      high = seen;
    }
  }

  /** A new lock's id. */
  nextLockId(): number {
    return (Atomics.add(this.views.i32, HEADER.LOCK_IDS >> 2, 1) + 1) & 0x7fffffff;
  }

  /**
   * The block of a name, made by the first who asks; undefined when there is no room. `prepare` runs before it is published.
   * Whether it is of the wanted kind is for the caller to see.
   */
  findOrCreate(identity: LockIdentity, prepare: (blockAt: number) => void): number | undefined {
    const { i32 } = this.views;
    const name = encodeName(identity.name);
    let at = hash(name) % DIRECTORY_ENTRIES;
    let own = 0;
    for (let probe = 0; probe < MAX_PROBES; probe++, at = (at + 1) % DIRECTORY_ENTRIES) {
      let found = Atomics.load(i32, (DIRECTORY_AT >> 2) + at);
      if (found === 0) {
        if (own === 0) {
          own = this.#append(identity.bytes);
          if (own === 0) return undefined;
          writeIdentity(this.views, own, identity, this.nextLockId());
          prepare(own);
        }
        found = Atomics.compareExchange(i32, (DIRECTORY_AT >> 2) + at, 0, own);
        if (found === 0) return own;
      }
      if (isNamed(this.views, found, name)) return found;
    }
    return undefined;
  }

  /** Visits the published blocks, in the order of the directory; what stands there is validated. */
  forEachBlock(visit: (blockAt: number) => void): void {
    const { i32 } = this.views;
    for (let entry = 0; entry < DIRECTORY_ENTRIES; entry++) {
      const blockAt = i32[(DIRECTORY_AT >> 2) + entry] as number;
      if (blockAt !== 0 && isBlock(this.views, blockAt)) visit(blockAt);
    }
  }

  /** Blocks given out so far, in bytes: it has changed when there may be a new block. */
  get usedBytes(): number {
    return Atomics.load(this.views.i32, HEADER.BLOCKS_USED >> 2);
  }

  #append(bytes: number): number {
    const size = Math.ceil(bytes / LINE) * LINE;
    const { i32 } = this.views;
    const room = LOCK_MEMORY_BYTES - BLOCKS_AT;
    if (size > room || Atomics.load(i32, HEADER.BLOCKS_USED >> 2) > room - size) return 0;
    const offset = Atomics.add(i32, HEADER.BLOCKS_USED >> 2, size);
    return offset < 0 || offset > room - size ? 0 : BLOCKS_AT + offset;
  }
}

/** FNV-1a. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
