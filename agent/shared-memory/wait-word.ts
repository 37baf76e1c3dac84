/**
 * The wait word: what a thread waits for at this moment, since when, and how long it has waited so far, exact to the nanosecond.
 *
 * The thread itself writes it, around each blocking wait; the agent thread reads it, also while every application thread is blocked.
 *
 * Two entries and a sequence. The published entry is `sequence & 1`; the writer fills the other one and then stores sequence + 1.
 *
 *     sequence n   entry n & 1: state, target, since, sums        entry (n + 1) & 1: being written, if anything is
 *
 * Invariants
 * W1  The entry of the published sequence is not touched until the next sequence is published: a reader that sees the same sequence before and
 *     after its reads has read one entry, whole. Payload and sequence are stored and loaded by Atomics, because on ARM a plain store may
 *     become visible before an atomic one that precedes it.
 * W2  The sums of the finished waits stand in the same entry as the state: finished plus going on is never counted twice nor missed.
 */
import { type ControlMemory, SLOT, WAIT_ENTRY_BYTES } from './layout.ts';

/** States of the wait word. `PARKED`: a wait that nobody claims, such as a raw `Atomics.wait` of an idle pool. */
export const WaitState = { NONE: 0, PARKED: 1, WAITING_LOCK: 2, WAITING_QUEUE: 3 } as const;
export type WaitState = (typeof WaitState)[keyof typeof WaitState];

/** Beside the mode: the wait ends by itself, soon: see `endsSoon`. */
export const TIMED_WAIT = 0x100;

/** A deadlock that a time-out resolves within so long is none. One that it resolves later has been noticed by then. */
const SOON_MS = 10_000;

export function endsSoon(timeoutMs: number): boolean {
  return timeoutMs <= SOON_MS;
}

const STATE_NAMES = ['none', 'parked', 'waiting_lock', 'waiting_queue'] as const;

/**
 * Words of an entry: state, target, number of waits, mode, then four durations or times of two words each. The target of a raw `Atomics.wait` is its
 * site, the number of a name or 0; that of a lock of `gridwatch/sync` is minus its id. The mode is an index of `LOCK_MODES`, | TIMED_WAIT.
 */
const STATE = 0;
const TARGET = 1;
const WAITS = 2;
const MODE = 3;
const SINCE = 4;
const SUMS = 6;
const ENTRY_WORDS: number = WAIT_ENTRY_BYTES >> 2;

/** The exact waiting of a thread as of one moment; the sums include the wait that is going on. */
export interface WaitSnapshot {
  readonly state: (typeof STATE_NAMES)[number];
  /** A site, or minus the id of a lock. */
  readonly targetId: number;
  readonly mode: number;
  readonly sinceNs: number;
  readonly parkedNs: number;
  readonly waitingLockNs: number;
  readonly waitingQueueNs: number;
  /** Waits begun so far. */
  readonly waits: number;
}

/** The writing end, for the thread that owns the slot. Waits do not nest: the thread is blocked in one. */
export class WaitWordWriter {
  readonly #i32: Int32Array;
  readonly #sequenceAt: number;
  readonly #entriesAt: number;
  #sequence = 0;
  #waits = 0;
  #state: WaitState = WaitState.NONE;
  #mode = 0;
  #sinceNs = 0;
  /** Finished waits in ns, by state. */
  readonly #sumsNs = new Float64Array(4);

  constructor(memory: ControlMemory, slot: number) {
    this.#i32 = memory.i32;
    this.#sequenceAt = memory.slotAt(slot, SLOT.WAIT_SEQUENCE) >> 2;
    this.#entriesAt = memory.slotAt(slot, SLOT.WAIT_ENTRIES) >> 2;
  }

  /** Waits begun so far. */
  get waits(): number {
    return this.#waits;
  }

  /** Time parked so far, in ns, finished waits only. */
  get parkedNs(): number {
    return this.#sumsNs[WaitState.PARKED] as number;
  }

  begin(state: WaitState, targetId: number, nowNs: number, mode = 0): void {
    this.#mode = mode;
    this.#state = state;
    this.#sinceNs = nowNs;
    this.#waits++;
    this.#publish(targetId);
  }

  end(nowNs: number): void {
    const waitedNs = nowNs - this.#sinceNs;
    if (waitedNs > 0) this.#sumsNs[this.#state] = (this.#sumsNs[this.#state] as number) + waitedNs;
    this.#state = WaitState.NONE;
    this.#publish(0);
  }

  #publish(targetId: number): void {
    const sequence = (this.#sequence + 1) | 0;
    const entry = this.#entriesAt + (sequence & 1) * ENTRY_WORDS;
    this.#store(entry + STATE, this.#state);
    this.#store(entry + TARGET, targetId);
    this.#store(entry + WAITS, this.#waits);
    this.#store(entry + MODE, this.#mode);
    this.#storeNs(entry + SINCE, this.#sinceNs);
    for (let state = WaitState.PARKED; state <= WaitState.WAITING_QUEUE; state++) {
      this.#storeNs(entry + SUMS + (state - 1) * 2, this.#sumsNs[state] as number);
    }
    Atomics.store(this.#i32, this.#sequenceAt, sequence);
    this.#sequence = sequence;
  }

  #storeNs(at: number, ns: number): void {
    this.#store(at, Math.floor(ns / 0x100000000));
    this.#store(at + 1, ns | 0);
  }

  /** An atomic store costs twenty cycles, and from one wait to the next most words stay. Nobody else writes here, so a plain load sees what stands there. */
  #store(at: number, value: number): void {
    if (this.#i32[at] !== value) Atomics.store(this.#i32, at, value);
  }
}

/** A thread that began and ended this many waits while it was being read is read again at the next sample. */
const READ_ATTEMPTS = 8;

/**
 * Reads a wait word on the agent thread. Undefined when the thread published so often meanwhile that no whole entry could be read, or
 * when what stands there cannot be true.
 */
export function readWaitWord(memory: ControlMemory, slot: number, nowNs: number): WaitSnapshot | undefined {
  const { i32 } = memory;
  const sequenceAt = memory.slotAt(slot, SLOT.WAIT_SEQUENCE) >> 2;
  const entriesAt = memory.slotAt(slot, SLOT.WAIT_ENTRIES) >> 2;
  const loadNs = (at: number): number => Atomics.load(i32, at) * 0x100000000 + (Atomics.load(i32, at + 1) >>> 0);
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
    const sequence = Atomics.load(i32, sequenceAt);
    const entry = entriesAt + (sequence & 1) * ENTRY_WORDS;
    const state = Atomics.load(i32, entry + STATE);
    const targetId = Atomics.load(i32, entry + TARGET);
    const waits = Atomics.load(i32, entry + WAITS) >>> 0;
    const mode = Atomics.load(i32, entry + MODE);
    const sinceNs = loadNs(entry + SINCE);
    const sumsNs = [0, loadNs(entry + SUMS), loadNs(entry + SUMS + 2), loadNs(entry + SUMS + 4)];
    if (Atomics.load(i32, sequenceAt) !== sequence) continue;
    const name = STATE_NAMES[state];
    if (name === undefined || sinceNs < 0 || sumsNs.some((ns) => ns < 0 || ns > nowNs)) return undefined;
    if (state !== WaitState.NONE) sumsNs[state] = (sumsNs[state] as number) + Math.max(0, nowNs - sinceNs);
    const [, parkedNs = 0, waitingLockNs = 0, waitingQueueNs = 0] = sumsNs;
    return { state: name, targetId, mode, sinceNs, parkedNs, waitingLockNs, waitingQueueNs, waits };
  }
  return undefined;
}
