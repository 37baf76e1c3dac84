/**
 * The thread table of lock memory: a thread takes an entry before its first lock, and others see from it whether the thread still lives.
 *
 * Runs on application threads; the agent thread frees the entries of threads that it knows to be dead.
 *
 * Invariants
 * E1  An entry leaves `free` only by its claimer's CAS, which takes the next generation: no two lives have the same holder word.
 * E2  An entry becomes `free` only by CAS from the same life, by whoever knows its thread gone.
 * E3  `live` is stored after all other words: who sees it sees whose entry it is.
 */
import { LOCK_THREAD, LOCK_THREADS, type LockMemory } from './lock-memory.ts';
import { holderWord, isOfDeadThread, threadOf } from './lock-word.ts';

const { existsSync, readFileSync } = process.getBuiltinModule('node:fs');

const PHASE = 3;
const FREE = 0;
const CLAIMING = 1;
const LIVE = 2;
/** Generations that a state word can hold. */
const GENERATIONS = 0x1fffffff;

export interface LockThreadIdentity {
  readonly osThreadId: number;
  readonly threadId: number;
  readonly startTicks: number;
  /** The slot of an observed thread + 1, or 0. */
  readonly agentSlot: number;
  readonly agentGeneration: number;
}

export interface LockThreadClaim {
  readonly thread: number;
  /** What stands in lock words while this thread holds them. */
  readonly word: number;
}

/**
 * Takes an entry; undefined when all are in use. `mayFree`: nobody else gives back the entries of dead threads, so they are taken over here.
 */
export function claimLockThread(
  memory: LockMemory,
  identity: LockThreadIdentity,
  mayFree: boolean,
): LockThreadClaim | undefined {
  const { i32, f64 } = memory.views;
  for (let thread = 0; thread < LOCK_THREADS; thread++) {
    const stateAt = memory.threadAt(thread, LOCK_THREAD.STATE) >> 2;
    let state = Atomics.load(i32, stateAt);
    if ((state & PHASE) === LIVE && mayFree && isThreadGone(memory, thread)) {
      freeLockThread(memory, thread, state >>> 2);
      state = Atomics.load(i32, stateAt);
    }
    if ((state & PHASE) !== FREE) continue;
    const generation = nextGeneration(state >>> 2);
    if (Atomics.compareExchange(i32, stateAt, state, (generation << 2) | CLAIMING) !== state) continue;
    memory.raiseThreadsHigh(thread);
    const put = (field: number, value: number): void => {
      i32[memory.threadAt(thread, field) >> 2] = value;
    };
    put(LOCK_THREAD.OS_THREAD_ID, identity.osThreadId);
    put(LOCK_THREAD.THREAD_ID, identity.threadId);
    put(LOCK_THREAD.AGENT_SLOT, identity.agentSlot);
    put(LOCK_THREAD.AGENT_GENERATION, identity.agentGeneration);
    put(LOCK_THREAD.PENDING, 0);
    put(LOCK_THREAD.AWAITED, 0);
    put(LOCK_THREAD.ABORT, 0);
    f64[memory.threadAt(thread, LOCK_THREAD.START_TICKS) >> 3] = identity.startTicks;
    Atomics.store(i32, stateAt, (generation << 2) | LIVE);
    return { thread, word: holderWord(thread, generation) };
  }
  return undefined;
}

/** Never one whose low twenty bits are zero, so that no holder word is as small as a flag or a kind. */
function nextGeneration(generation: number): number {
  const next = (generation + 1) & GENERATIONS;
  return (next & 0xfffff) === 0 ? next + 1 : next;
}

/** Gives back an entry, once its thread is known to be gone; false when that life of it was over already. */
export function freeLockThread(memory: LockMemory, thread: number, generation: number): boolean {
  const stateAt = memory.threadAt(thread, LOCK_THREAD.STATE) >> 2;
  const live = (generation << 2) | LIVE;
  return Atomics.compareExchange(memory.views.i32, stateAt, live, (generation << 2) | FREE) === live;
}

/**
 * Whether the kernel no longer has the thread of an entry. False wherever that cannot be known. Takes 10 us: for who waits anyway.
 */
export function isThreadGone(memory: LockMemory, thread: number): boolean {
  const { i32, f64 } = memory.views;
  const osThreadId = i32[memory.threadAt(thread, LOCK_THREAD.OS_THREAD_ID) >> 2] as number;
  if (osThreadId <= 0) return false;
  const startTicks = f64[memory.threadAt(thread, LOCK_THREAD.START_TICKS) >> 3] as number;
  const seen = startTicksOf(String(osThreadId));
  if (seen === 0) return !existsSync(`/proc/self/task/${osThreadId}`) && existsSync('/proc/self/task');
  return startTicks !== 0 && seen !== startTicks;
}

/** Whether the thread that a lock word names has ended, as its entry says or the kernel. For who waits: it may read a file. */
export function isHolderGone(memory: LockMemory, word: number): boolean {
  if (isOfDeadThread(memory, word)) return true;
  const thread = threadOf(word);
  return thread >= 0 && thread < LOCK_THREADS && isThreadGone(memory, thread);
}

/** When the kernel says that a thread of this process began, in its ticks; 0 where it does not say. */
export function startTicksOf(osThreadId: string): number {
  try {
    const stat = readFileSync(`/proc/self/task/${osThreadId}/stat`, 'latin1');
    /* The name, in parentheses, may hold anything; field 22 is the twentieth after it. */
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) || 0;
  } catch {
    return 0;
  }
}
