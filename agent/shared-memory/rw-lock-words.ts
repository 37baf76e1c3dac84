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
 * Y1  While WRITING names the thread that the lock word names, no reader is in.
 * Y2  A reader's word is written by its own thread, and zeroed by CAS by who knows that thread dead: no reader is taken out while it lives.
 * Y3  Who takes the last read of a thread away, or gives the lock word back, notifies after it: whoever waits looks again.
 * Y4  DIED stays until a writer writes: until then all who come in are told.
 */
import { BLOCK, type LockMemory } from './lock-memory.ts';
import { wake, wakeAsyncWaiters, wakeGeneration } from './lock-wake.ts';
import { DIED, FLAGS, generationOf, holderWord, isOfDeadThread, threadOf, WAITERS } from './lock-word.ts';

/** Byte offsets in a block: of the kind's words, and of its own area. */
export const RW_LOCK = { WRITING: 8, READERS: 2560 } as const;
export const RW_LOCK_BYTES = 4608;

const COUNT_MASK = 0xfff;
/** Reads of one lock that a thread may have at once. */
export const MAX_READS: number = COUNT_MASK;

/** The byte offset of a thread's reader word. */
export function readerAt(blockAt: number, thread: number): number {
  return blockAt + RW_LOCK.READERS + ((thread & 31) << 6) + ((thread >> 5) << 2);
}

/** Reads that the calling thread has of this lock. */
export function readsOf(i32: Int32Array, blockAt: number, me: number): number {
  /* A plain load: the word is the thread's own, and it lives. */
  const word = i32[readerAt(blockAt, threadOf(me)) >> 2] as number;
  return generationOf(word) === generationOf(me) ? word & COUNT_MASK : 0;
}

/** Where who is kept out parks: the index of a word, and the value it has to have still. */
export interface Place {
  index: number;
  value: number;
}

/** What an attempt to come in gives: in, in and told that the last writer's thread died writing, or kept out. */
export const Entry = { IN: 0, IN_ABANDONED: 1, OUT: 2 } as const;
export type Entry = (typeof Entry)[keyof typeof Entry];

/**
 * Comes in as a reader, or says where to park. `isBlocking`: the thread is to block for it. It then comes in although a writer waits where that
 * writer cannot write before this thread has gone on: while the thread reads already, and where the writer is the thread's own, waiting asynchronously.
 */
export function tryRead(i32: Int32Array, blockAt: number, me: number, isBlocking: boolean, place: Place): Entry {
  const at = readerAt(blockAt, threadOf(me)) >> 2;
  for (;;) {
    const reads = readsOf(i32, blockAt, me);
    const first = Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2);
    /* Looked at first, so that who is kept out seldom disturbs the writer by a word that comes and goes. */
    if (isKeptOut(i32, blockAt, first, me, isBlocking, reads)) {
      if (announceAtWord(i32, blockAt, first, place)) return Entry.OUT;
      continue;
    }
    Atomics.store(i32, at, (generationOf(me) << 12) | (reads + 1));
    if (reads > 0) return entryOf(first);
    /* After the store, because a writer that does not see it has its word here already. */
    const word = Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2);
    if (!isKeptOut(i32, blockAt, word, me, isBlocking, 0)) return entryOf(word);
    leaveRead(i32, blockAt, me);
  }
}

function isKeptOut(
  i32: Int32Array,
  blockAt: number,
  word: number,
  me: number,
  isBlocking: boolean,
  reads: number,
): boolean {
  if (threadOf(word) < 0) return false;
  const mayPass = isBlocking && (reads > 0 || ((word & ~FLAGS) === me && !isWriting(i32, blockAt, me)));
  return !mayPass;
}

function entryOf(word: number): Entry {
  return (word & DIED) === 0 ? Entry.IN : Entry.IN_ABANDONED;
}

/** Whether this thread writes. */
export function isWriting(i32: Int32Array, blockAt: number, me: number): boolean {
  return Atomics.load(i32, (blockAt + RW_LOCK.WRITING) >> 2) === me;
}

/** Takes one read away, and wakes the writer that waits for it; false when this thread has none. */
export function leaveRead(i32: Int32Array, blockAt: number, me: number): boolean {
  const reads = readsOf(i32, blockAt, me);
  if (reads === 0) return false;
  const at = readerAt(blockAt, threadOf(me)) >> 2;
  Atomics.store(i32, at, reads === 1 ? 0 : (generationOf(me) << 12) | (reads - 1));
  /* After the store, because a writer that takes its word later sees that it is zero. */
  if (reads === 1 && threadOf(Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2)) >= 0) wakeWriter(i32, blockAt, at);
  return true;
}

/**
 * Comes in as the writer, or says where to park: at the lock word, or, once that is this thread's, at the word of a reader. A thread that waits
 * asynchronously has the lock word for whichever of its activities comes first.
 */
export function tryWrite(i32: Int32Array, blockAt: number, memory: LockMemory, me: number, place: Place): Entry {
  const at = (blockAt + BLOCK.WORD) >> 2;
  for (;;) {
    const word = Atomics.load(i32, at);
    if (threadOf(word) < 0) {
      /* DIED stays in it until this writer writes: it may give up before. */
      if (Atomics.compareExchange(i32, at, word, me | (word & FLAGS)) !== word) continue;
    } else if ((word & ~FLAGS) !== me || isWriting(i32, blockAt, me)) {
      if (announceAtWord(i32, blockAt, word, place)) return Entry.OUT;
      continue;
    }
    if (findReader(i32, blockAt, memory, place)) return Entry.OUT;
    Atomics.store(i32, (blockAt + RW_LOCK.WRITING) >> 2, me);
    /* It is there from before this thread had the word, or not at all: only of a dead holder it comes. */
    if ((word & DIED) === 0) return Entry.IN;
    Atomics.and(i32, at, ~DIED);
    return Entry.IN_ABANDONED;
  }
}

/** Finds a reader that is in, and takes those away whose threads are dead. To be called with the lock word taken: no other comes in. */
function findReader(i32: Int32Array, blockAt: number, memory: LockMemory, place: Place): boolean {
  for (let thread = 0, high = memory.threadsHigh; thread < high; thread++) {
    const index = readerAt(blockAt, thread) >> 2;
    const word = Atomics.load(i32, index);
    if ((word & COUNT_MASK) === 0) continue;
    if (isOfDeadThread(memory, holderWord(thread, generationOf(word)))) {
      sweepReader(i32, blockAt, thread, word);
      continue;
    }
    place.index = index;
    place.value = word;
    return true;
  }
  return false;
}

/** Gives the lock word back, written or not, and wakes all who are kept out; false when this thread does not have it. */
export function leaveWrite(i32: Int32Array, blockAt: number, me: number): boolean {
  const at = (blockAt + BLOCK.WORD) >> 2;
  let word = Atomics.load(i32, at);
  if ((word & ~FLAGS) !== me) return false;
  /* Before the lock word, because the next writer may say there that it writes. */
  Atomics.store(i32, (blockAt + RW_LOCK.WRITING) >> 2, 0);
  for (;;) {
    const seen = Atomics.compareExchange(i32, at, word, word & DIED);
    if (seen === word) break;
    word = seen;
  }
  if ((word & WAITERS) !== 0) wakeKeptOut(i32, blockAt);
  return true;
}

/** For a writer that gives up before it writes: gives the lock word back, if this thread has it. */
export function withdrawWriter(i32: Int32Array, blockAt: number, me: number): void {
  if (!isWriting(i32, blockAt, me)) leaveWrite(i32, blockAt, me);
}

/** Says in the lock word that somebody parks there; false when the word has become another. */
function announceAtWord(i32: Int32Array, blockAt: number, word: number, place: Place): boolean {
  place.index = (blockAt + BLOCK.WORD) >> 2;
  place.value = word | WAITERS;
  return (word & WAITERS) !== 0 || Atomics.compareExchange(i32, place.index, word, place.value) === word;
}

/** Takes a dead thread out; the number of locks it has abandoned. */
export function sweepRwLock(i32: Int32Array, blockAt: number, dead: number): number {
  const thread = threadOf(dead);
  const reader = Atomics.load(i32, readerAt(blockAt, thread) >> 2);
  let abandoned = 0;
  if ((reader & COUNT_MASK) !== 0 && generationOf(reader) === generationOf(dead)) {
    if (sweepReader(i32, blockAt, thread, reader)) abandoned++;
  }
  /* It may have left, and died before it woke the writer. */
  wake(i32, readerAt(blockAt, thread) >> 2);
  wakeGeneration(i32, blockAt);
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

function sweepReader(i32: Int32Array, blockAt: number, thread: number, word: number): boolean {
  const at = readerAt(blockAt, thread) >> 2;
  if (Atomics.compareExchange(i32, at, word, 0) !== word) return false;
  Atomics.add(i32, (blockAt + BLOCK.ABANDONMENTS) >> 2, 1);
  wakeWriter(i32, blockAt, at);
  return true;
}

function wakeWriter(i32: Int32Array, blockAt: number, readerIndex: number): void {
  wake(i32, readerIndex);
  wakeAsyncWaiters(i32, blockAt);
}

/** Wakes everybody who is kept out by a writer. */
export function wakeKeptOut(i32: Int32Array, blockAt: number): void {
  wake(i32, (blockAt + BLOCK.WORD) >> 2);
  wakeAsyncWaiters(i32, blockAt);
}
