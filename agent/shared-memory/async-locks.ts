/**
 * Async locks: what the activities of a thread wait for and hold: promise locks, Web Locks, and locks of `gridwatch/sync` that were taken asynchronously.
 * A blocking wait stands in the wait word instead, and who holds a lock of `gridwatch/sync` also in its lock word.
 *
 * The thread itself writes; the agent thread reads, also while the thread is blocked or dead.
 *
 * An activity is one asynchronous course of the program: the callback of `runExclusive`, `withLockAsync`, ... Its number is unique on its thread;
 * 0 is none, a wait or hold outside of any.
 *
 * A Web Lock is one lock for all threads of the process: of kind web_lock two entries with the same instance (> 0) are of one lock, whatever their lock ids and
 * threads; with instance 0 (names are kept for ever, so a thread tells a thousand apart) an entry is not certain, and of no lock that is known. Any other lock
 * with an id < 0 is its thread's own.
 *
 *     word 0       sequence: odd while the entry is being written            word 8       class: number of a name; 0 where the lock's block has it
 *     word 1       state                                                     word 9       site: number of a name
 *     word 2       activity                                                  word 10      stack: number of a name, or 0
 *     word 3       parent activity, in whose callback this one was begun     words 11-17  trace context
 *     word 4       lock: an id of lock memory, or of the thread's own, < 0   word 18      instance: number of a name for people (a key, a Web Lock's name), or 0
 *     word 5       kind | mode << 8 | certain << 16 | timed << 17
 *     words 6-7    since, ns: upper and lower word
 *
 * Invariants
 * A1  Payload words are stored and loaded by Atomics between two stores of the sequence: who sees one even sequence before and after has a whole entry.
 * A2  An entry belongs to the thread from `open` until `close`; only then it is reused.
 */
import { ASYNC_LOCK_BYTES, ASYNC_LOCKS, type ControlMemory } from './layout.ts';
import { LOCK_KINDS, type LockKind } from './lock-block.ts';
import type { TraceIds } from './registry.ts';
import { loadNs, loadTraceIds, storeNs, storeTraceIds } from './trace-words.ts';

export const AsyncLockState = { FREE: 0, WAITING: 1, HELD: 2 } as const;
export type AsyncLockState = (typeof AsyncLockState)[keyof typeof AsyncLockState];

/** Modes of an acquisition, as `gridwatch.lock.mode` names them; the index stands in memory. */
export const LOCK_MODES = ['exclusive', 'shared'] as const;
export type LockMode = (typeof LOCK_MODES)[number];

export interface AsyncLock {
  readonly state: AsyncLockState;
  readonly activity: number;
  readonly parentActivity: number;
  readonly lockId: number;
  readonly kind: LockKind;
  readonly mode: LockMode;
  /** The activity is sure to be the one that waits or holds: it is the callback the lock was taken for. */
  readonly isCertain: boolean;
  /** The wait ends by itself, soon. */
  readonly isTimed?: boolean;
  readonly sinceNs: number;
  readonly classNumber: number;
  readonly siteNumber: number;
  readonly stackNumber: number;
  readonly instanceNumber: number;
  readonly context: TraceIds | undefined;
}

const WORDS = ASYNC_LOCK_BYTES >> 2;
const READ_ATTEMPTS = 8;
/** Flags of word 5. */
const CERTAIN = 1 << 16;
const TIMED = 1 << 17;

/** The writing end, for the thread that owns the slot. */
export class AsyncLockTable {
  readonly #memory: ControlMemory;
  readonly #at: number;
  readonly #free: number[] = [];
  #used = 0;

  constructor(memory: ControlMemory, slot: number) {
    this.#memory = memory;
    this.#at = memory.asyncLocksAt(slot) >> 2;
  }

  /** Writes a new entry; its number, or -1 when all are in use. */
  open(lock: AsyncLock): number {
    const entry = this.#free.pop() ?? (this.#used < ASYNC_LOCKS ? this.#used++ : -1);
    if (entry >= 0) this.write(entry, lock);
    return entry;
  }

  write(entry: number, lock: AsyncLock): void {
    const { i32 } = this.#memory;
    const at = this.#at + entry * WORDS;
    const sequence = i32[at] as number;
    Atomics.store(i32, at, sequence | 1);
    Atomics.store(i32, at + 1, lock.state);
    Atomics.store(i32, at + 2, lock.activity);
    Atomics.store(i32, at + 3, lock.parentActivity);
    Atomics.store(i32, at + 4, lock.lockId);
    const mode = LOCK_MODES.indexOf(lock.mode);
    const flags = (lock.isCertain ? CERTAIN : 0) | (lock.isTimed === true ? TIMED : 0);
    Atomics.store(i32, at + 5, LOCK_KINDS.indexOf(lock.kind) | (mode << 8) | flags);
    Atomics.store(i32, at + 8, lock.classNumber);
    Atomics.store(i32, at + 9, lock.siteNumber);
    Atomics.store(i32, at + 10, lock.stackNumber);
    Atomics.store(i32, at + 18, lock.instanceNumber);
    storeNs(i32, at + 6, lock.sinceNs);
    storeTraceIds(i32, at + 11, lock.context);
    Atomics.store(i32, at, nextEven(sequence));
  }

  close(entry: number): void {
    const { i32 } = this.#memory;
    const at = this.#at + entry * WORDS;
    const sequence = i32[at] as number;
    Atomics.store(i32, at, sequence | 1);
    Atomics.store(i32, at + 1, AsyncLockState.FREE);
    Atomics.store(i32, at, nextEven(sequence));
    this.#free.push(entry);
  }
}

/** Never zero, which stands in entries that were never written. */
function nextEven(sequence: number): number {
  return ((sequence | 1) + 1) | 0 || 2;
}

/** Reads all entries of a slot that are in use; entries that are being written at each attempt, or that cannot be true, are left out. */
export function readAsyncLocks(memory: ControlMemory, slot: number): AsyncLock[] {
  const locks: AsyncLock[] = [];
  for (let entry = 0; entry < ASYNC_LOCKS; entry++) {
    const at = (memory.asyncLocksAt(slot) >> 2) + entry * WORDS;
    /* Entries are used from the first on: one that was never written is the end. */
    if (Atomics.load(memory.i32, at) === 0) break;
    const lock = readEntry(memory, at);
    if (lock !== undefined) locks.push(lock);
  }
  return locks;
}

function readEntry(memory: ControlMemory, at: number): AsyncLock | undefined {
  const { i32 } = memory;
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
    const sequence = Atomics.load(i32, at);
    if ((sequence & 1) !== 0) continue;
    const state = Atomics.load(i32, at + 1);
    const what = Atomics.load(i32, at + 5);
    const lock = {
      state: state as AsyncLockState,
      activity: Atomics.load(i32, at + 2),
      parentActivity: Atomics.load(i32, at + 3),
      lockId: Atomics.load(i32, at + 4),
      kind: LOCK_KINDS[what & 0xff] as LockKind,
      mode: LOCK_MODES[(what >> 8) & 0xff] as LockMode,
      isCertain: (what & CERTAIN) !== 0,
      ...((what & TIMED) === 0 ? {} : { isTimed: true }),
      sinceNs: loadNs(i32, at + 6),
      classNumber: Atomics.load(i32, at + 8),
      siteNumber: Atomics.load(i32, at + 9),
      stackNumber: Atomics.load(i32, at + 10),
      instanceNumber: Atomics.load(i32, at + 18),
      context: loadTraceIds(i32, at + 11),
    };
    if (Atomics.load(i32, at) !== sequence) continue;
    const isValid = state === AsyncLockState.WAITING || state === AsyncLockState.HELD;
    return isValid && lock.kind !== undefined && lock.mode !== undefined && lock.sinceNs > 0 ? lock : undefined;
  }
  return undefined;
}
