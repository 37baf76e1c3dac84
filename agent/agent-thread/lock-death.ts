/**
 * Takes a thread that has ended out of every lock: what it held becomes abandoned, and those who may go on are woken.
 *
 * Runs on the agent thread, before the thread's slot and its entries in lock memory are given back: until then nobody else can bear the holder words that
 * are looked for. It must never throw, whatever a program has scribbled into a lock.
 */
import { sweepDead, wakeWaiters } from '../shared-memory/lock-holders.ts';
import { LOCK_THREAD, type LockMemory } from '../shared-memory/lock-memory.ts';
import { freeLockThread } from '../shared-memory/lock-threads.ts';
import { threadOf } from '../shared-memory/lock-word.ts';
import type { KnownLock } from './model/lock-index.ts';
import type { LockLabel, SceneThread } from './model/lock-scene-types.ts';
import type { Locks } from './model/locks.ts';
import type { ObservedIdentity } from './model/scene-threads.ts';

export interface LockDeathSettings {
  readonly lockMemory: LockMemory;
  readonly locks: Locks;
  /** Called for each lock that the thread held when it ended. */
  readonly onAbandoned?: ((lock: LockLabel, thread: SceneThread) => void) | undefined;
}

export class LockDeath {
  readonly #settings: LockDeathSettings;

  constructor(settings: LockDeathSettings) {
    this.#settings = settings;
  }

  /** The thread is gone. To be called while its slot is still its own. */
  end(thread: ObservedIdentity): void {
    const { locks } = this.#settings;
    for (const word of locks.threads.end(thread)) this.#sweep(word);
    locks.end(thread.claim);
  }

  #sweep(word: number): void {
    const { lockMemory, locks, onAbandoned } = this.#settings;
    const entry = threadOf(word);
    const at = (field: number): number => Atomics.load(lockMemory.views.i32, lockMemory.threadAt(entry, field) >> 2);
    locks.index.refresh();
    const pending = at(LOCK_THREAD.PENDING);
    const awaited = at(LOCK_THREAD.AWAITED);
    const abandoned: KnownLock[] = [];
    for (const lock of locks.index) if (this.#isTakenOut(lock, word)) abandoned.push(lock);
    /* It may have died between the release of a lock and the wake-up of its waiters, or have been woken in another's place. */
    for (const id of new Set([pending, awaited])) wake(locks.index.of(id));
    freeLockThread(lockMemory, entry, at(LOCK_THREAD.STATE) >>> 2);
    const thread = locks.threads.findEver(word, 0);
    if (thread !== undefined) for (const lock of abandoned) onAbandoned?.(locks.labelOf(lock), thread);
  }

  #isTakenOut({ views, blockAt }: KnownLock, word: number): boolean {
    try {
      return sweepDead(views, blockAt, this.#settings.lockMemory, word) > 0;
    } catch {
      return false;
    }
  }
}

function wake(lock: KnownLock | undefined): void {
  try {
    if (lock !== undefined) wakeWaiters(lock.views, lock.blockAt);
  } catch {
    /* It was scribbled on: nobody can tell where its waiters are parked. */
  }
}
