/**
 * Who holds a lock, whatever its kind, and how a dead thread is taken out of one.
 *
 * Runs on every thread: the agent thread reads the holders of locks that are waited for, and sweeps for a thread that has ended; without the agent a
 * waiter does. It never waits.
 *
 * Where holders stand (byte offsets in a block; a word names a holder as `lock-word.ts` says):
 *
 *     mutex       BLOCK.WORD
 *     rwlock      BLOCK.WORD, the writer's, pending until RW_LOCK.WRITING says the same; RW_LOCK.READERS + 512 words      `rw-lock-words.ts`
 *     semaphore   SEMAPHORE.PERMITS + NUMBER_A words                                                                      `semaphore-words.ts`
 *     condition, barrier: nobody holds them: their waiters wait for what is not said anywhere
 *
 * A pending writer of an RwLock waits for the lock itself: for the readers it names as holders, not for its own word. A reader waits for the writer
 * alone, whether pending or not.
 */
import type { LockMode } from './async-locks.ts';
import { sweepBarrier, wakeBarrier } from './barrier-words.ts';
import { sweepChannel, wakeChannel } from './channel-sweep.ts';
import { sweepCondition, wakeNotified } from './condition-words.ts';
import { giveUpTicket } from './fair-words.ts';
import {
  BLOCK,
  type BlockViews,
  EXCLUSIVE_BLOCK_BYTES,
  LOCK_KINDS,
  LOCK_THREADS,
  type LockKind,
  type LockMemory,
} from './lock-memory.ts';
import { wake, wakeGeneration } from './lock-wake.ts';
import { FLAGS, generationOf, holderWord, threadOf } from './lock-word.ts';
import { bury } from './mutex-words.ts';
import { RW_LOCK, readerAt, sweepRwLock, wakeKeptOut } from './rw-lock-words.ts';
import { permitAt, permitsOf, sweepSemaphore, wakeAllAtSemaphore } from './semaphore-words.ts';

/** The first number of a fair mutex's block. */
const FAIR = 1;

export interface Holder {
  /** The holder word, without flags. Of a thread that may be dead: `isOfDeadThread`. */
  readonly word: number;
  readonly mode: LockMode;
  /** A writer that has the lock word, and waits until the readers have gone. */
  readonly isPending: boolean;
  /** Reads or permits of this thread. */
  readonly count: number;
}

function mutexHolders({ i32 }: BlockViews, blockAt: number): Holder[] {
  const word = Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2) & ~FLAGS;
  return threadOf(word) < 0 ? [] : [{ word, mode: 'exclusive', isPending: false, count: 1 }];
}

/** The writer first, then the readers. A reader that is just being turned away may be among them for an instant. */
function rwLockHolders({ i32 }: BlockViews, blockAt: number, memory: LockMemory): Holder[] {
  const holders: Holder[] = [];
  const writer = Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2) & ~FLAGS;
  if (threadOf(writer) >= 0) {
    const isPending = Atomics.load(i32, (blockAt + RW_LOCK.WRITING) >> 2) !== writer;
    holders.push({ word: writer, mode: 'exclusive', isPending, count: 1 });
  }
  for (let thread = 0, high = memory.threadsHigh; thread < high; thread++) {
    const word = Atomics.load(i32, readerAt(blockAt, thread) >> 2);
    const count = word & 0xfff;
    if (count === 0) continue;
    holders.push({ word: holderWord(thread, generationOf(word)), mode: 'shared', isPending: false, count });
  }
  return holders;
}

/** Each thread once, with the number of its permits. Who waits goes on when any one of them releases: it is stuck only when all are. */
function semaphoreHolders({ i32 }: BlockViews, blockAt: number): Holder[] {
  const counts = new Map<number, number>();
  for (let permit = 0, permits = permitsOf(i32, blockAt); permit < permits; permit++) {
    const word = Atomics.load(i32, permitAt(blockAt, permit) >> 2) & ~FLAGS;
    if (threadOf(word) >= 0) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const mode = permitsOf(i32, blockAt) === 1 ? 'exclusive' : 'shared';
  return Array.from(counts, ([word, count]) => ({ word, mode, isPending: false, count }) as const);
}

function kindOf({ i32 }: BlockViews, blockAt: number): LockKind | undefined {
  return LOCK_KINDS[Atomics.load(i32, (blockAt + BLOCK.KIND) >> 2)];
}

/** The holders of a lock of any kind. */
export function holdersOf(views: BlockViews, blockAt: number, memory: LockMemory): Holder[] {
  switch (kindOf(views, blockAt)) {
    case 'mutex':
      return mutexHolders(views, blockAt);
    case 'rwlock':
      return rwLockHolders(views, blockAt, memory);
    case 'semaphore':
      return semaphoreHolders(views, blockAt);
    default:
      return [];
  }
}

/**
 * Takes a thread that is known to be dead out of a lock, and wakes those who may go on; how many holds of it were abandoned. They are counted in the
 * block. To be called for every block before the thread's entry is freed; once more does no harm.
 */
export function sweepDead(views: BlockViews, blockAt: number, memory: LockMemory, dead: number): number {
  const { i32 } = views;
  switch (kindOf(views, blockAt)) {
    case 'mutex':
      return sweepMutex(views, blockAt, dead);
    case 'rwlock':
      return sweepRwLock(i32, blockAt, dead);
    case 'semaphore':
      return sweepSemaphore(i32, blockAt, dead);
    case 'condition':
      sweepCondition(i32, blockAt, memory, dead);
      return 0;
    case 'barrier':
      return sweepBarrier(i32, blockAt, dead);
    case 'channel':
      /* What it was sending is lost with it, and counted there: a queue is not held. */
      sweepChannel(i32, blockAt, dead);
      return 0;
    default:
      return 0;
  }
}

/**
 * Wakes all who may miss a wake-up: for the lock that a dead thread was about to wake at (`LOCK_THREAD.PENDING`), and for the one it was parked at
 * (`AWAITED`), as it may have been woken in another's place.
 */
export function wakeWaiters(views: BlockViews, blockAt: number): void {
  const { i32 } = views;
  wakeGeneration(i32, blockAt);
  switch (kindOf(views, blockAt)) {
    case 'mutex':
      return wakeMutex(views, blockAt);
    case 'semaphore':
      return wakeAllAtSemaphore(i32, blockAt);
    case 'condition':
      return wakeNotified(i32, blockAt);
    case 'barrier':
      return wakeBarrier(i32, blockAt);
    case 'channel':
      return wakeChannel(i32, blockAt);
    default:
      /* A writer parked at a reader's word is woken by `sweepDead`. */
      return wakeKeptOut(i32, blockAt);
  }
}

/** The word of a dead holder becomes DIED, for the next holder to be told; its place in a fair queue is given up. */
function sweepMutex(views: BlockViews, blockAt: number, dead: number): number {
  const words = views.i32.subarray(blockAt >> 2);
  const isFair = words[BLOCK.NUMBER_A >> 2] === FAIR;
  const wasCalled = isFair && giveUpTicket(words, dead);
  const isBuried = bury(words, (word) => (word & ~FLAGS) === dead);
  if (isBuried || wasCalled) wakeMutex(views, blockAt);
  return isBuried ? 1 : 0;
}

/** Of a fair mutex all that are queued: the one whose turn it is takes it. */
function wakeMutex({ i32 }: BlockViews, blockAt: number): void {
  wakeKeptOut(i32, blockAt);
  if (i32[(blockAt + BLOCK.NUMBER_A) >> 2] !== FAIR) return;
  const tickets = (blockAt + EXCLUSIVE_BLOCK_BYTES) >> 2;
  for (let thread = 0; thread < LOCK_THREADS; thread++) wake(i32, tickets + thread);
}
