/**
 * Who has the locks that somebody waits for: lock words of blocks, and the held entries of the async lock tables.
 *
 * Runs on the agent thread. A thread that has a lock's word, and an entry of an activity that holds that lock, holds it for that activity.
 */
import type { AsyncLock } from '../../shared-memory/async-locks.ts';
import { CONDITION } from '../../shared-memory/condition-words.ts';
import { HISTOGRAM_BYTES } from '../../shared-memory/histogram.ts';
import { BLOCK, SHARED_BLOCK_BYTES } from '../../shared-memory/lock-block.ts';
import { type Holder, holdersOf } from '../../shared-memory/lock-holders.ts';
import type { LockMemory } from '../../shared-memory/lock-memory.ts';
import type { KnownLock, LockIndex } from './lock-index.ts';
import type { LockLabels } from './lock-labels.ts';
import type { SceneHold, SceneLockCounts, SceneParty, SceneThread } from './lock-scene-types.ts';
import type { SceneThreads } from './scene-threads.ts';

export interface HeldEntry {
  readonly thread: SceneThread;
  readonly lock: AsyncLock;
}

export function threadParty(thread: SceneThread): SceneParty {
  return { key: thread.key, thread, activity: 0, parentActivity: 0, isCertain: true };
}

/** An entry outside of any activity is nobody's for certain. */
export function activityParty(thread: SceneThread, { activity, parentActivity, isCertain }: AsyncLock): SceneParty {
  const key = `${thread.key}/${activity}`;
  return { key, thread, activity, parentActivity, isCertain: isCertain && activity !== 0 };
}

/** What the activities hold, by the key of the lock. */
export class HeldEntries {
  readonly #labels: LockLabels;
  readonly #byLock = new Map<string, HeldEntry[]>();
  readonly #writers: HeldEntry[] = [];

  constructor(labels: LockLabels) {
    this.#labels = labels;
  }

  add(thread: SceneThread, lock: AsyncLock): void {
    const key = lock.lockId > 0 ? `L${lock.lockId}` : this.#labels.ofAsync(lock, thread).key;
    const entries = this.#byLock.get(key);
    if (entries === undefined) this.#byLock.set(key, [{ thread, lock }]);
    else entries.push({ thread, lock });
  }

  /** A writer of an RwLock that has its word waits still. */
  addWaiting(thread: SceneThread, lock: AsyncLock): void {
    if (lock.kind === 'rwlock' && lock.mode === 'exclusive') this.#writers.push({ thread, lock });
  }

  pendingWriter({ key }: SceneThread, lockId: number): HeldEntry | undefined {
    return this.#writers.find(({ thread, lock }) => thread.key === key && lock.lockId === lockId);
  }

  of(key: string): readonly HeldEntry[] {
    return this.#byLock.get(key) ?? [];
  }

  toHold({ thread, lock }: HeldEntry): SceneHold {
    return {
      party: activityParty(thread, lock),
      mode: lock.mode,
      sinceNs: lock.sinceNs,
      site: this.#labels.text(lock.siteNumber),
      stack: this.#labels.stack(lock.stackNumber),
      context: lock.context,
    };
  }
}

/** The holders of a lock with a block. A program may have scribbled on it: then it has none. */
export function holdsOfBlock(
  { views, blockAt, id, identity }: KnownLock,
  lockMemory: LockMemory,
  threads: SceneThreads,
  held: HeldEntries,
): SceneHold[] {
  let holders: Holder[];
  try {
    holders = holdersOf(views, blockAt, lockMemory);
  } catch {
    return [];
  }
  return holders.flatMap(({ word, mode, count, isPending }) => {
    const thread = threads.ofWord(word);
    if (thread === undefined) return [];
    const writer = isPending ? held.pendingWriter(thread, id) : undefined;
    if (writer !== undefined) return [{ ...held.toHold(writer), isPending }];
    /* Only an RwLock is held in two ways. */
    const isOfMode = (entry: HeldEntry): boolean => identity.kind !== 'rwlock' || entry.lock.mode === mode;
    const entries = held.of(`L${id}`).filter((entry) => entry.thread.key === thread.key && isOfMode(entry));
    const own: SceneHold[] = entries.slice(0, count).map((entry) => ({ ...held.toHold(entry), mode }));
    /* Reads of one thread are one hold, however many; of a semaphore each permit is one. */
    const left = identity.kind === 'semaphore' ? count - own.length : Math.min(1, count - own.length);
    for (let i = 0; i < left; i++) own.push(holdOfThread(thread, mode, isPending));
    return own;
  });
}

function holdOfThread(thread: SceneThread, mode: SceneHold['mode'], isPending: boolean): SceneHold {
  return { party: threadParty(thread), mode, isPending, sinceNs: undefined, site: '', stack: '', context: undefined };
}

/** What the block has counted, both modes together. */
export function countsOf({ views, blockAt, identity }: KnownLock, index: LockIndex): SceneLockCounts {
  const { i32, f64 } = views;
  const word = (field: number): number => i32[(blockAt + field) >> 2] as number;
  const sum = (...fields: number[]): number => fields.reduce((total, field) => total + word(field), 0) >>> 0;
  const hasShared = identity.bytes >= SHARED_BLOCK_BYTES;
  const cells = (field: number): number => {
    let count = 0;
    for (let at = 8; at < HISTOGRAM_BYTES; at += 4) count += word(field + at) >>> 0;
    return count;
  };
  const sharedHoldNs = hasShared ? (word(BLOCK.SHARED_HOLDS) >>> 0) + word(BLOCK.SHARED_HOLDS + 4) * 0x100000000 : 0;
  return {
    acquisitions: sum(BLOCK.ACQUISITIONS, BLOCK.SHARED_ACQUISITIONS),
    contentions: sum(BLOCK.CONTENTIONS, BLOCK.SHARED_CONTENTIONS),
    abandonments: sum(BLOCK.ABANDONMENTS),
    unheard: sum(BLOCK.UNHEARD),
    ...(identity.kind === 'condition' ? conditionOf(word, index) : {}),
    holds: cells(BLOCK.HOLDS) + (hasShared ? cells(BLOCK.SHARED_HOLDS) : 0),
    holdNs: (f64[(blockAt + BLOCK.HOLDS) >> 3] as number) + sharedHoldNs,
  };
}

function conditionOf(word: (field: number) => number, index: LockIndex): Pick<SceneLockCounts, 'condition'> {
  const mutex = index.of(word(CONDITION.MUTEX));
  if (mutex === undefined) return {};
  const acquisitions = mutex.views.i32[(mutex.blockAt + BLOCK.ACQUISITIONS) >> 2] as number;
  const [waits, heard] = [word(CONDITION.TICKETS) >>> 0, word(CONDITION.NOTIFICATIONS) >>> 0];
  return { condition: { waits, heard, mutexAcquisitions: acquisitions >>> 0 } };
}
