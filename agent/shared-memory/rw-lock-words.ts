/**
 * The words of an RwLock: one word a reading thread, and the writer's word, which is the lock word (`lock-word.ts`).
 *
 * Runs on every thread: readers and writers by their own holder word, the agent thread when it sweeps for a dead one. Nothing here waits.
 *
 *     BLOCK.WORD        the writer's: who writes, or has taken the word and waits until the readers have gone
 *     WRITING           holder word of the writer, from when the last reader has gone until it releases                 W: the writer
 *     READERS           512 words, one a lock thread: generation << 12 | number of its reads; the first 32 threads
 *                       have a cache line each                                                                         W: that thread
 *
 * A reader stores its word, then looks at the writer's; a writer takes its word, then looks at the readers' (Dekker): at least one sees the other.
 * Who is kept out parks at the lock word; a writer that has the word parks at the word of a reader. So a waiting writer holds off new readers,
 * and no stream of readers starves it.
 *
 * Invariants
 * Y1  While WRITING names a live writer, no reader is in, and the lock word names that writer.
 * Y2  A reader's word is written by its own thread, and zeroed by CAS by who knows that thread dead: no reader is taken out while it lives.
 * Y3  Who takes the last read of a thread away, or takes the writer's word away, notifies after it: whoever waits looks again.
 * Y4  DIED stays until a writer writes: until then all who come in are told.
 */
import { BLOCK, type LockMemory } from './lock-memory.ts';
import { DIED, FLAGS, generationOf, holderWord, isOfDeadThread, threadOf, WAITERS } from './lock-word.ts';

/** Byte offsets in a block: of the kind's words, and of its own area. */
export const RW_LOCK = { WRITING: 8, READERS: 2560 } as const;
export const RW_LOCK_BYTES = 4608;

const COUNT_MASK = 0xfff;
/** Reads of one lock that a thread may have at once. */
export const MAX_READS: number = COUNT_MASK;

type Words = Int32Array<SharedArrayBuffer>;

/** The byte offset of a thread's reader word. */
export function readerAt(blockAt: number, thread: number): number {
  return blockAt + RW_LOCK.READERS + ((thread & 31) << 6) + ((thread >> 5) << 2);
}

/** Reads that a thread has of this lock: its own view of its own word, or anyone's. */
export function readsOf(i32: Words, blockAt: number, me: number): number {
  const word = Atomics.load(i32, readerAt(blockAt, threadOf(me)) >> 2);
  return generationOf(word) === generationOf(me) ? word & COUNT_MASK : 0;
}

/**
 * Comes in as a reader. The lock word then, where it names a writer that keeps it out; else 0, or DIED when the last writer's thread died writing.
 * `mayJoin`: a thread that reads already comes in although a writer waits, as that writer cannot write before this thread has left.
 */
export function enterRead(i32: Words, blockAt: number, me: number, mayJoin: boolean): number {
  const at = readerAt(blockAt, threadOf(me)) >> 2;
  const reads = readsOf(i32, blockAt, me);
  if (reads > 0) {
    const word = Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2);
    if (threadOf(word) >= 0 && !mayJoin) return word;
    Atomics.store(i32, at, (generationOf(me) << 12) | (reads + 1));
    return word & DIED;
  }
  Atomics.store(i32, at, (generationOf(me) << 12) | 1);
  /* After the store, because a writer that does not see it has its word here already. */
  const word = Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2);
  if (threadOf(word) < 0) return word & DIED;
  leaveRead(i32, blockAt, me);
  return word;
}

/** Takes one read away, and wakes the writer that waits for it; false when this thread has none. */
export function leaveRead(i32: Words, blockAt: number, me: number): boolean {
  const reads = readsOf(i32, blockAt, me);
  if (reads === 0) return false;
  const at = readerAt(blockAt, threadOf(me)) >> 2;
  Atomics.store(i32, at, reads === 1 ? 0 : (generationOf(me) << 12) | (reads - 1));
  if (reads === 1 && threadOf(Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2)) >= 0) wakeWriter(i32, blockAt, at);
  return true;
}

/** Takes the writer's word; the lock word when somebody else has it, else 0. */
export function takeWriter(i32: Words, blockAt: number, me: number): number {
  const at = (blockAt + BLOCK.WORD) >> 2;
  for (let word = Atomics.load(i32, at); ; ) {
    if (threadOf(word) >= 0) return word;
    const seen = Atomics.compareExchange(i32, at, word, me | (word & FLAGS));
    if (seen === word) return 0;
    word = seen;
  }
}

/**
 * The byte offset of the word of a reader that is in, or -1 when the last has gone; readers whose threads are dead are taken away.
 * To be called with the writer's word taken, from reader to reader: those before `from` have gone, and no other can come in.
 */
export function nextReader(i32: Words, blockAt: number, memory: LockMemory, from = 0): number {
  for (let thread = from, high = memory.threadsHigh; thread < high; thread++) {
    const at = readerAt(blockAt, thread);
    const word = Atomics.load(i32, at >> 2);
    if ((word & COUNT_MASK) === 0) continue;
    if (!isOfDeadThread(memory, holderWord(thread, generationOf(word)))) return at;
    sweepReader(i32, blockAt, thread, word);
  }
  return -1;
}

/** Called once the last reader has gone; true when the last writer died writing. */
export function beginWriting(i32: Words, blockAt: number, me: number): boolean {
  Atomics.store(i32, (blockAt + RW_LOCK.WRITING) >> 2, me);
  const at = (blockAt + BLOCK.WORD) >> 2;
  return (Atomics.and(i32, at, ~DIED) & DIED) !== 0;
}

/** Gives the writer's word back, written or not, and wakes all who wait for it; false when this thread does not have it. */
export function leaveWrite(i32: Words, blockAt: number, me: number): boolean {
  const at = (blockAt + BLOCK.WORD) >> 2;
  let word = Atomics.load(i32, at);
  if ((word & ~FLAGS) !== me) return false;
  Atomics.store(i32, (blockAt + RW_LOCK.WRITING) >> 2, 0);
  for (;;) {
    const seen = Atomics.compareExchange(i32, at, word, word & DIED);
    if (seen === word) break;
    word = seen;
  }
  if ((word & WAITERS) !== 0) wakeKeptOut(i32, blockAt);
  return true;
}

/** Says in the lock word, which named a writer, that somebody parks there; the value to park at, or 0 when the word has become another. */
export function announceAtWord(i32: Words, blockAt: number, word: number): number {
  if ((word & WAITERS) !== 0) return word;
  const seen = Atomics.compareExchange(i32, (blockAt + BLOCK.WORD) >> 2, word, word | WAITERS);
  return seen === word || seen === (word | WAITERS) ? word | WAITERS : 0;
}

/** Takes a dead thread out; the number of locks it has abandoned. */
export function sweepRwLock(i32: Words, blockAt: number, dead: number): number {
  const thread = threadOf(dead);
  const reader = Atomics.load(i32, readerAt(blockAt, thread) >> 2);
  let abandoned = 0;
  if ((reader & COUNT_MASK) !== 0 && generationOf(reader) === generationOf(dead)) {
    if (sweepReader(i32, blockAt, thread, reader)) abandoned++;
  }
  /* It may have left, and died before it woke the writer. */
  wakeWriter(i32, blockAt, readerAt(blockAt, thread) >> 2);
  const at = (blockAt + BLOCK.WORD) >> 2;
  for (let word = Atomics.load(i32, at); (word & ~FLAGS) === dead; ) {
    const hasWritten = Atomics.load(i32, (blockAt + RW_LOCK.WRITING) >> 2) === dead;
    const seen = Atomics.compareExchange(i32, at, word, hasWritten ? DIED : word & DIED);
    if (seen === word) {
      if (hasWritten) abandoned++;
      if (hasWritten) Atomics.add(i32, (blockAt + BLOCK.ABANDONMENTS) >> 2, 1);
      wakeKeptOut(i32, blockAt);
      break;
    }
    word = seen;
  }
  return abandoned;
}

function sweepReader(i32: Words, blockAt: number, thread: number, word: number): boolean {
  const at = readerAt(blockAt, thread) >> 2;
  if (Atomics.compareExchange(i32, at, word, 0) !== word) return false;
  Atomics.add(i32, (blockAt + BLOCK.ABANDONMENTS) >> 2, 1);
  wakeWriter(i32, blockAt, at);
  return true;
}

function wakeWriter(i32: Words, blockAt: number, readerIndex: number): void {
  Atomics.notify(i32, readerIndex);
  wakeAsync(i32, blockAt);
}

/** Wakes everybody who is kept out by a writer. */
export function wakeKeptOut(i32: Words, blockAt: number): void {
  Atomics.notify(i32, (blockAt + BLOCK.WORD) >> 2);
  wakeAsync(i32, blockAt);
}

function wakeAsync(i32: Words, blockAt: number): void {
  Atomics.add(i32, (blockAt + BLOCK.GENERATION) >> 2, 1);
  Atomics.notify(i32, (blockAt + BLOCK.GENERATION) >> 2);
}
