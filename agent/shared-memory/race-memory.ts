/**
 * Race memory: what all threads know of the cells of guarded data (`GRIDWATCH_RACES=on`), in one buffer a process.
 *
 * Runs on every thread. The main thread allocates it when the lab mode is on; others attach and check magic, version and size first. Untouched pages cost
 * nothing, and where it is full cells go unchecked: nothing here waits.
 *
 *     0          header     magic, version, size, cursors
 *     4 KiB      index      65 536 x Int32: open addressing by key; entry = word offset of an item, 0 = empty
 *     260 KiB    accesses   65 536 x 64: a ring of accesses (`access-log.ts`), the newest overwrite the oldest
 *     ...        items      one after the other, only ever appended to
 *
 * An item is something that has one number on all threads, its word offset: a set of locks, an array that is guarded, a page of its cells, a race told of.
 *
 *     word 0     kind | words of the key << 8
 *     words 1-   key; then the payload, which begins as zeroes
 *
 * Invariants
 * G1  An item's key stands before the CAS that puts it into the index, and is never changed: who finds an item sees its whole key.
 * G2  Two threads that intern one key at once get one item, and one of them is told that it is new: the loser of the CAS leaves its own unused.
 */
import { isMarked, type MemoryKind, mark } from './memory-header.ts';

const TOTAL_BYTES = 64 * 2 ** 20;

/** "GWX1" */
const KIND: MemoryKind = { magic: 0x47575831, version: 1, bytes: TOTAL_BYTES };
const INDEX_ENTRIES = 65_536;
/** Entries looked at before the index counts as full. */
const MAX_PROBES = 64;

/** Accesses remembered: a cell whose access is older has forgotten it. A power of two. */
export const ACCESSES = 65_536;
const ACCESS_BYTES = 64;

const INDEX_AT = 4096;
const ACCESSES_AT = INDEX_AT + INDEX_ENTRIES * 4;
const ITEMS_AT = ACCESSES_AT + ACCESSES * ACCESS_BYTES;

const HEADER = { MAGIC: 0, VERSION: 4, TOTAL_BYTES: 8, ITEM_BYTES: 64, ACCESS_NUMBERS: 128 } as const;

/** What an item is. */
export const RaceItem = { LOCKSET: 1, ARRAY: 2, PAGE: 3, TOLD: 4 } as const;
export type RaceItem = (typeof RaceItem)[keyof typeof RaceItem];

export interface FoundItem {
  /** Its number: the word offset of its head. */
  readonly at: number;
  /** Word offset of the payload. */
  readonly payloadAt: number;
  /** Nobody had interned it before. */
  readonly isNew: boolean;
}

export class RaceMemory {
  readonly buffer: SharedArrayBuffer;
  readonly i32: Int32Array<SharedArrayBuffer>;
  readonly u32: Uint32Array<SharedArrayBuffer>;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** Throws the engine's RangeError where the reservation is refused. */
  static create(): RaceMemory {
    const memory = new RaceMemory(new SharedArrayBuffer(KIND.bytes));
    mark(memory.i32, KIND);
    return memory;
  }

  /** Attaches to what another thread allocated; undefined when it is no race memory of this layout. */
  static attach(buffer: unknown): RaceMemory | undefined {
    return isMarked(buffer, KIND) ? new RaceMemory(buffer) : undefined;
  }

  /** The item of a key, made by the first who asks; undefined when there is no room. */
  intern(kind: RaceItem, key: readonly number[], payloadWords: number): FoundItem | undefined {
    const { i32 } = this;
    const head = kind | (key.length << 8);
    let at = hash(head, key) % INDEX_ENTRIES;
    let own = 0;
    for (let probe = 0; probe < MAX_PROBES; probe++, at = (at + 1) % INDEX_ENTRIES) {
      let found = Atomics.load(i32, (INDEX_AT >> 2) + at);
      if (found === 0) {
        own ||= this.#append(head, key, payloadWords);
        if (own === 0) return undefined;
        found = Atomics.compareExchange(i32, (INDEX_AT >> 2) + at, 0, own);
        if (found === 0) return { at: own, payloadAt: own + 1 + key.length, isNew: true };
      }
      if (this.#isItem(found, head, key)) return { at: found, payloadAt: found + 1 + key.length, isNew: false };
    }
    return undefined;
  }

  /** The key of an item; none where there is no item of this kind. */
  keyOf(kind: RaceItem, at: number): number[] {
    const head = at < ITEMS_AT >> 2 ? 0 : (this.i32[at] ?? 0);
    return (head & 0xff) === kind ? Array.from(this.i32.subarray(at + 1, at + 1 + (head >>> 8))) : [];
  }

  /** A new access's number: never zero, and that of another access only after four thousand million. */
  nextAccess(): number {
    const number = (Atomics.add(this.i32, HEADER.ACCESS_NUMBERS >> 2, 1) + 1) | 0;
    return number === 0 ? this.nextAccess() : number;
  }

  /** Word offset of an access's place in the ring. */
  accessAt(number: number): number {
    return (ACCESSES_AT + (number & (ACCESSES - 1)) * ACCESS_BYTES) >> 2;
  }

  #append(head: number, key: readonly number[], payloadWords: number): number {
    /* Whole lines for what is written to, so that two threads' pages do not share one. */
    const unit = payloadWords > 0 ? 64 : 4;
    const size = Math.ceil(((1 + key.length + payloadWords) * 4) / unit) * unit;
    const { i32 } = this;
    const room = TOTAL_BYTES - ITEMS_AT;
    if (Atomics.load(i32, HEADER.ITEM_BYTES >> 2) > room - size) return 0;
    const offset = Atomics.add(i32, HEADER.ITEM_BYTES >> 2, size);
    if (offset < 0 || offset > room - size) return 0;
    const at = (ITEMS_AT + offset) >> 2;
    i32[at] = head;
    i32.set(key, at + 1);
    return at;
  }

  #isItem(at: number, head: number, key: readonly number[]): boolean {
    const { i32 } = this;
    if (at < ITEMS_AT >> 2 || i32[at] !== head) return false;
    for (let i = 0; i < key.length; i++) if (i32[at + 1 + i] !== key[i]) return false;
    return true;
  }
}

/** FNV-1a over the key's words, mixed once more because the low bits of small numbers are much alike. */
function hash(head: number, key: readonly number[]): number {
  let value = Math.imul(0x811c9dc5 ^ head, 0x01000193);
  for (const word of key) value = Math.imul(value ^ word ^ (word >>> 15), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}
