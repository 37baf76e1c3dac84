/**
 * Shadow cells: what stands in race memory for each cell of guarded data, the same for every thread that guards it.
 *
 * Runs on application threads. Memory has no name that all threads see, so it is known by what they see alike: the lock that guards it, the size of the buffer
 * and of the cells, and the name it was guarded by. What a worker has made itself is apart from that: a program that makes a buffer at its top level makes
 * another one in each thread. A cell is its place in the buffer: views of one buffer share their cells.
 *
 *     word 0   state            `lockset-state.ts`
 *     word 1   newest access    number in the access log
 *     word 2   other access     the newest one that another thread made before that
 *     word 3   1: a thread is at the other words
 *
 * Invariants
 * S1  Words 0 to 2 are written by the thread that has set word 3. Nobody waits for one that died meanwhile: after a bounded time the next one goes on, and the
 *     worst that may come of it is an access forgotten.
 */
import { RaceItem, type RaceMemory } from './race-memory.ts';

/** Cells of a page: 4 KiB of shadow. */
const PAGE_CELLS = 256;
const CELL_WORDS = 4;
/** A cell's words are written within a microsecond, unless the thread was put aside meanwhile: then it comes back within some milliseconds, or is dead. */
const SPINS = 1000;
const LOOKS = 200;
const LOOK_MS = 1;

export interface GuardedIdentity {
  readonly lockId: number;
  readonly bufferBytes: number;
  readonly cellBytes: number;
  /** Where one lock guards several buffers of one size: what tells them apart. */
  readonly name: string;
  /** The thread that made the buffer and the number it has there, of a worker that is at its own; else 0. */
  readonly owner: number;
  readonly own: number;
}

export class ShadowCells {
  readonly #memory: RaceMemory;
  readonly #number: number;
  readonly #pages: number[] = [];

  private constructor(memory: RaceMemory, number: number) {
    this.#memory = memory;
    this.#number = number;
  }

  /** Undefined when race memory is full. */
  static find(memory: RaceMemory, identity: GuardedIdentity): ShadowCells | undefined {
    const { lockId, bufferBytes, cellBytes, name, owner, own } = identity;
    const key = [lockId, bufferBytes | 0, Math.floor(bufferBytes / 2 ** 32), cellBytes, hash(name), owner, own];
    const item = memory.intern(RaceItem.ARRAY, key, 0);
    return item === undefined ? undefined : new ShadowCells(memory, item.at);
  }

  /** Word offset of a cell, whose words stand one after the other; 0 when race memory is full. */
  at(cell: number): number {
    const page = Math.floor(cell / PAGE_CELLS);
    let pageAt = this.#pages[page];
    if (pageAt === undefined) {
      pageAt = this.#memory.intern(RaceItem.PAGE, [this.#number, page], PAGE_CELLS * CELL_WORDS)?.payloadAt ?? 0;
      /* A full memory stays full. */
      this.#pages[page] = pageAt;
    }
    return pageAt === 0 ? 0 : pageAt + (cell % PAGE_CELLS) * CELL_WORDS;
  }

  /** Waits until no other thread is at the cell. */
  enter(cellAt: number): void {
    const { i32 } = this.#memory;
    for (let attempt = 0; attempt < SPINS + LOOKS; attempt++) {
      if (Atomics.compareExchange(i32, cellAt + 3, 0, 1) === 0) return;
      if (attempt >= SPINS) Atomics.wait(i32, cellAt + 3, 1, LOOK_MS);
    }
  }

  leave(cellAt: number): void {
    Atomics.store(this.#memory.i32, cellAt + 3, 0);
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value | 0;
}
