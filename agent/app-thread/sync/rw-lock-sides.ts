/**
 * The two sides of an RwLock: how a reader and a writer come in, wait and leave.
 *
 * Runs on application threads. How the words stand for it is in `rw-lock-words.ts`; a reader writes but its own thread's word.
 */
import { BLOCK } from '../../shared-memory/lock-block.ts';
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { ASYNC_WAITERS } from '../../shared-memory/lock-wake.ts';
import { FLAGS, generationOf, holderWord, threadOf, WAITERS } from '../../shared-memory/lock-word.ts';
import {
  Entry,
  isWriting,
  leaveRead,
  leaveWrite,
  MAX_READS,
  readerAt,
  readsOf,
  sweepRwLock,
  tryRead,
  tryWrite,
  withdrawWriter,
} from '../../shared-memory/rw-lock-words.ts';
import type { LocalLock } from './local-lock.ts';
import { optionError } from './lock-options.ts';
import { LockSide } from './lock-side.ts';

const WORD = BLOCK.WORD >> 2;

/** By the lock that they are of: every `RwLock` of this thread for one lock has the same. */
const known = new WeakMap<LocalLock, Sides>();

export function sidesOf(lock: LocalLock): Sides {
  let sides = known.get(lock);
  if (sides === undefined) known.set(lock, (sides = new Sides(lock)));
  return sides;
}

export class Sides {
  readonly read: ReadSide;
  readonly write: WriteSide;

  constructor(lock: LocalLock) {
    this.read = new ReadSide(lock);
    this.write = new WriteSide(lock);
  }
}

/** Takes out those whose threads have ended: the writer, and the readers. */
function buryAll(lock: LocalLock): boolean {
  const { words, thread } = lock;
  let has = false;
  const look = (word: number): void => {
    if (threadOf(word) < 0 || word === thread.word || !isHolderGone(thread.memory, word)) return;
    sweepRwLock(words, 0, word);
    has = true;
  };
  look(Atomics.load(words, WORD) & ~FLAGS);
  for (let reader = 0, high = thread.memory.threadsHigh; reader < high; reader++) {
    const word = Atomics.load(words, readerAt(0, reader) >> 2);
    if ((word & MAX_READS) !== 0) look(holderWord(reader, generationOf(word)));
  }
  return has;
}

class ReadSide extends LockSide {
  constructor(lock: LocalLock) {
    super(lock, 'shared');
  }

  attempt(_hasOthers: boolean, isAsync: boolean): boolean {
    const { words, thread } = this.lock;
    if (readsOf(words, 0, thread.word) === MAX_READS) throw optionError(`${this.title} is read by too many at once`);
    if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);
    const entry = tryRead(words, 0, thread.word, !isAsync, this.place);
    this.isAbandoned = entry === Entry.IN_ABANDONED;
    if (entry !== Entry.OUT) return true;
    this.holder = this.place.value & ~FLAGS;
    return false;
  }

  isFree(): boolean {
    const { words, thread } = this.lock;
    const word = Atomics.load(words, WORD);
    return threadOf(word) < 0 || (word & ~FLAGS) === thread.word || readsOf(words, 0, thread.word) > 0;
  }

  bury(): boolean {
    return buryAll(this.lock);
  }

  /** All who are kept out are woken at once: nobody is woken in another's place. */
  passOn(): void {}

  protected giveBack(): boolean {
    const { words, thread } = this.lock;
    return leaveRead(words, 0, thread.word);
  }

  protected isOwn(): boolean {
    const { words, thread } = this.lock;
    return isWriting(words, 0, thread.word);
  }

  protected hasWaiters(): boolean {
    return threadOf(this.lock.words[WORD] as number) >= 0;
  }
}

class WriteSide extends LockSide {
  constructor(lock: LocalLock) {
    super(lock, 'exclusive');
  }

  attempt(_hasOthers: boolean, isAsync: boolean): boolean {
    const { words, thread } = this.lock;
    if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);
    const entry = tryWrite(words, 0, thread.memory, thread.word, this.place);
    this.isAbandoned = entry === Entry.IN_ABANDONED;
    if (entry !== Entry.OUT) return true;
    const { index, value } = this.place;
    this.holder = index === WORD ? value & ~FLAGS : this.#readerAt(index);
    return false;
  }

  isFree(): boolean {
    const { words, thread } = this.lock;
    const word = Atomics.load(words, WORD);
    if (threadOf(word) >= 0 && (word & ~FLAGS) !== thread.word) return false;
    for (let reader = 0, high = thread.memory.threadsHigh; reader < high; reader++)
      if (Atomics.load(words, readerAt(0, reader) >> 2) !== 0) return false;
    return true;
  }

  bury(): boolean {
    return buryAll(this.lock);
  }

  passOn(): void {}

  protected giveBack(): boolean {
    const { words, thread } = this.lock;
    return leaveWrite(words, 0, thread.word);
  }

  protected isOwn(): boolean {
    const { words, thread } = this.lock;
    return isWriting(words, 0, thread.word) || readsOf(words, 0, thread.word) > 0;
  }

  protected override reentry(): string {
    return `this thread reads or writes ${this.title} already: it would wait for itself. Release that first (a reader cannot become a writer), or take the write lock from the start`;
  }

  protected hasWaiters(): boolean {
    return ((this.lock.words[WORD] as number) & WAITERS) !== 0;
  }

  /** Lets readers in again that a writer has held off which does not come; not while another of this thread waits to write, as it holds them off, too. */
  protected override leave(): void {
    const { words, thread, queue } = this.lock;
    if (queue.waitersFor(this) > 0) return;
    if ((Atomics.load(words, WORD) & ~FLAGS) === thread.word) withdrawWriter(words, 0, thread.word);
  }

  /** The holder word of the thread whose reader word stands there. */
  #readerAt(index: number): number {
    const { words, thread } = this.lock;
    for (let reader = 0, high = thread.memory.threadsHigh; reader < high; reader++)
      if (readerAt(0, reader) >> 2 === index) return holderWord(reader, generationOf(words[index] as number));
    return 0;
  }
}
