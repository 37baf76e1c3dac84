/**
 * What the models of locks share: the words' functions as they are or with a mistake in them, a few lock threads, and the one who takes a dead thread out
 * of the lock. Runs in a test's own process.
 */
import type { LockKind, LockMemory } from '../../../../agent/shared-memory/lock-memory.ts';
import { ASYNC_WAITERS } from '../../../../agent/shared-memory/lock-wake.ts';
import type { Place } from '../../../../agent/shared-memory/rw-lock-words.ts';
import { type Exploration, explore, host, type Model } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type AgentSources, type Change, loadVariant } from '../../../support/variant.ts';

const FILES = [
  'shared-memory/lock-memory.ts',
  'shared-memory/lock-word.ts',
  'shared-memory/lock-holders.ts',
  'shared-memory/rw-lock-words.ts',
  'shared-memory/semaphore-words.ts',
  'shared-memory/condition-words.ts',
  'shared-memory/barrier-words.ts',
] as const;

type Words = Int32Array<SharedArrayBuffer>;

export interface Sources {
  readonly layout: AgentSources['shared-memory/lock-memory.ts'];
  readonly word: AgentSources['shared-memory/lock-word.ts'];
  readonly holders: AgentSources['shared-memory/lock-holders.ts'];
  readonly rwLock: AgentSources['shared-memory/rw-lock-words.ts'];
  readonly semaphore: AgentSources['shared-memory/semaphore-words.ts'];
  readonly condition: AgentSources['shared-memory/condition-words.ts'];
  readonly barrier: AgentSources['shared-memory/barrier-words.ts'];
  readonly memory: LockMemory;
  readonly i32: Words;
}

/** Where the block of the lock stands. */
export const LOCK = 0x100000;

/** The lock threads of a model, each by its name; all live from the beginning, in the first life of their entries. */
export const THREADS: readonly ['a', 'b', 'c', 'd'] = ['a', 'b', 'c', 'd'];
export type Thread = (typeof THREADS)[number];
const GENERATION = 1;
const LIVE = 2;

/** `threads`: so many of the lock threads are looked at where all are. */
export async function load(changes: readonly Change[] = [], threads = 3): Promise<Sources> {
  const [layout, word, holders, rwLock, semaphore, condition, barrier] = await loadVariant(FILES, changes);
  const views = modelControlMemory({} as LockMemory['views']);
  /* How many threads there were never changes in a model. */
  const memory = Object.create(layout.LockMemory.prototype, {
    views: { value: views },
    threadsHigh: { value: threads },
  }) as LockMemory;
  return { layout, word, holders, rwLock, semaphore, condition, barrier, memory, i32: views.i32 };
}

export function wordOf({ word }: Sources, thread: Thread): number {
  return word.holderWord(THREADS.indexOf(thread), GENERATION);
}

const stateAt = ({ layout, memory }: Sources, thread: Thread): number =>
  memory.threadAt(THREADS.indexOf(thread), layout.LOCK_THREAD.STATE);

/** Takes a thread out of the lock once it is gone, then gives its entry back, as the agent thread does. */
export const undertaker = (sources: Sources, thread: Thread) => (): void => {
  const { holders, memory, i32 } = sources;
  host.untilGone(thread);
  holders.sweepDead(memory.views, LOCK, memory, wordOf(sources, thread));
  if (host.peek(`${thread} wakes or is woken`) === 1) holders.wakeWaiters(memory.views, LOCK);
  Atomics.store(i32, stateAt(sources, thread) >> 2, GENERATION << 2);
};

/** What stands in PENDING or AWAITED of its entry: that it is about to wake others at the lock, or is parked there itself. */
export function noteWaking(name: Thread, is: boolean): void {
  host.note(`${name} wakes or is woken`, is ? 1 : 0);
}

export const newPlace = (): Place => ({ index: 0, value: 0 });

/** Blocks where an attempt has said; true when that has timed out. Whoever parks keeps nothing of its attempts; `key` says where in its program it is. */
export function park({ i32 }: Sources, name: Thread, place: Place, key: string, timeoutMs?: number): boolean {
  noteWaking(name, true);
  const isOver = Atomics.wait(i32, place.index, place.value, timeoutMs) === 'timed-out';
  host.settle(isOver ? `gives up ${key}` : `again ${key}`);
  return isOver;
}

/** Tries again and again as an asynchronous waiter does: armed before the attempt, so that no wake-up falls between the two. */
export function untilDone({ layout, i32 }: Sources, attempt: () => boolean): void {
  const at = (LOCK + layout.BLOCK.GENERATION) >> 2;
  for (;;) {
    const generation = Atomics.load(i32, at);
    Atomics.store(i32, (LOCK + ASYNC_WAITERS) >> 2, 1);
    if (attempt()) return;
    const wait = Atomics.waitAsync(i32, at, generation);
    if (wait.async) void wait.value.then(() => {});
    host.settle('again');
  }
}

export interface LockModel extends Model {
  /** Some wait asynchronously. */
  readonly hasAsync?: boolean;
}

/** Explores a model in which each lock thread lives, with one lock of this kind. */
export function exploreLock(sources: Sources, kind: LockKind, model: LockModel, numberA = 0): Exploration {
  const { BLOCK, LOCK_KINDS } = sources.layout;
  const states = THREADS.map((thread) => stateAt(sources, thread));
  /* Words that never change, or that nobody waits for or decides by, are no steps. */
  const still = new Set([LOCK + BLOCK.NUMBER_A, LOCK + BLOCK.KIND, LOCK + BLOCK.ABANDONMENTS]);
  still.add(LOCK + sources.condition.CONDITION.NOTIFICATIONS);
  if (model.mayDie === undefined) for (const at of states) still.add(at);
  if (model.hasAsync !== true) for (const at of [BLOCK.GENERATION, ASYNC_WAITERS]) still.add(LOCK + at);
  return explore({
    isPrivate: (at) => still.has(at),
    ...model,
    initial: [
      ...states.map((at) => [at, (GENERATION << 2) | LIVE] as const),
      [LOCK + BLOCK.NUMBER_A, numberA],
      [LOCK + BLOCK.KIND, LOCK_KINDS.indexOf(kind)],
      ...(model.initial ?? []),
    ],
  });
}
