/**
 * The lock scene: everything that waits and holds at one moment, as plain data. Types only.
 *
 * Made on the agent thread ten times a second (`lock-scene.ts`), read by the detectors, which know nothing of shared memory and are tested on literals.
 * What stands here is read word by word while the program goes on: a scene may show what never was at one instant. Who concludes from it looks twice.
 *
 * Who holds, and who waits, is a *party*: a thread, or an activity of one (`shared-memory/async-locks.ts`). A lock word without a HELD entry of that
 * thread and lock is held by the thread; with one, by that activity. Locks are there if somebody waits for them, and all their holders with them.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import type { LockKind } from '../../shared-memory/lock-block.ts';
import type { LockRef } from '../../shared-memory/lock-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';

/** A living thread that uses locks. */
export interface SceneThread {
  /** Unique over the process's life: `t<slot>.<generation>`; `l<entry>.<generation>` of lock memory for a thread the agent does not observe. */
  readonly key: string;
  /** Node's; -1 where it is not known. */
  readonly threadId: number;
  /** `thread.name`. */
  readonly name: string;
  /** The kernel's; 0 where it is not known. */
  readonly osThreadId: number;
  /** Grows whenever its event loop turns; undefined where that cannot be seen. */
  readonly turns: number | undefined;
  /** Its entry in lock memory, and the entry's generation; -1 when it has none. For `abort`. */
  readonly lockThread: number;
  readonly lockGeneration: number;
}

export interface SceneParty {
  /** Unique over the process's life: a thread's key; `<thread's key>/<activity>` for an activity. */
  readonly key: string;
  readonly thread: SceneThread;
  /** 0: the thread itself. */
  readonly activity: number;
  /** The activity in whose callback this one was begun; 0 for none. */
  readonly parentActivity: number;
  /** For a thread always true; for an activity as its entry says. */
  readonly isCertain: boolean;
}

/** What a lock is called. */
export interface LockLabel {
  /** Unique over the process: `L<id>` for locks with a block; `W<name>` for Web Locks, which threads share by name; `<thread's key>:<id>` for a thread's own. */
  readonly key: string;
  /** > 0 for locks with a block. */
  readonly lockId: number;
  readonly kind: LockKind;
  /** `gridwatch.lock.name`. */
  readonly className: string;
  /** A key, a Web Lock's name; '' for none. It leaves the process only where `GRIDWATCH_NAMES` lets it. */
  readonly instance: string;
}

/** One holding: of a semaphore's permits each is one. */
export interface SceneHold {
  readonly party: SceneParty;
  readonly mode: LockMode;
  /** A writer that has the word and waits for the readers to leave; left out where that is not known. */
  readonly isPending?: boolean;
  /** Since when, where that is known: asynchronous ones. */
  readonly sinceNs: number | undefined;
  /** Where it was taken: `file:line:column` and the whole stack; '' where that is not known. */
  readonly site: string;
  readonly stack: string;
  readonly context: TraceIds | undefined;
}

export interface SceneLock extends LockLabel {
  /**
   * Who has it now. A writer of an RwLock that has the word and still waits for the readers to leave stands here, too, besides its wait.
   * Conditions, barriers and channels are held by nobody.
   */
  readonly holds: readonly SceneHold[];
  /** How many may have it at once: 1, or a semaphore's permits; 0 where it is not known (p-limit). Readers of an RwLock do not count. */
  readonly capacity: number;
  /** For locks with a block. */
  readonly counts: SceneLockCounts | undefined;
}

/** Totals of a lock with a block; they wrap at 2^32. */
export interface SceneLockCounts {
  /** Exclusive and shared. */
  readonly acquisitions: number;
  readonly contentions: number;
  readonly abandonments: number;
  /** Notifications of a condition that found nobody. */
  readonly unheard: number;
  /** Of a condition, where it is known which mutex it is used with. */
  readonly condition?: SceneCondition;
  /** Sampled holds so far: how many (weighted), and how long they were together. */
  readonly holds: number;
  readonly holdNs: number;
}

export interface SceneCondition {
  /** Waits begun so far; notifications that were given to a waiter; acquisitions of the mutex. */
  readonly waits: number;
  readonly heard: number;
  readonly mutexAcquisitions: number;
}

export interface SceneWait {
  readonly party: SceneParty;
  readonly lock: SceneLock;
  readonly mode: LockMode;
  readonly sinceNs: number;
  /** Tells two waits of one party from one another: the wait word's `waits`; `sinceNs` for an asynchronous one. */
  readonly number: number;
  /** The thread stands still until it is over; false for an asynchronous one. */
  readonly isBlocking: boolean;
  /** It is known to end by itself, by a timeout. */
  readonly isTimed: boolean;
  /** Where it waits: `file:line:column` and the whole stack; '' while that is not known (before it has lasted for a millisecond). */
  readonly site: string;
  readonly stack: string;
  readonly context: TraceIds | undefined;
}

export interface LockScene {
  readonly nowNs: number;
  /** Of every kind. Not a thread that is parked, or waits for a queue: others release it, so it closes no cycle. */
  readonly waits: readonly SceneWait[];
  /** The locks that somebody waits for, by key. */
  readonly locks: ReadonlyMap<string, SceneLock>;
  /**
   * All activities with an entry, by key, waiting or holding: also those that hold nothing anybody waits for, since they link a descendant to its ancestors.
   */
  readonly activities: ReadonlyMap<string, SceneParty>;
}

/** What the detectors ask of the model of locks (`model/locks.ts`) besides the scene. */
export interface LockNaming {
  /** The text of a number in a record; '' for 0. */
  text(number: number): string;
  /** What the lock of a record of a thread is called. */
  lockOf(ref: LockRef, threadKey: string): LockLabel;
  /** The thread of a holder word, or of a slot + 1 where that is 0; undefined when it is not known, or gone. */
  threadOf(holderWord: number, slot: number): SceneThread | undefined;
  /** The same, also of one that has ended not long ago. */
  threadEverOf(holderWord: number, slot: number): SceneThread | undefined;
}

/** Ends a wait for a lock with a block: sets the thread's `LOCK_THREAD.ABORT` and wakes it. False when the wait is over, or cannot be ended. */
export type AbortWait = (wait: SceneWait) => boolean;
