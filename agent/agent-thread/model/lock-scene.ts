/**
 * Reads the lock scene (`lock-scene-types.ts`): everything that waits and holds now.
 *
 * Runs on the agent thread, ten times a second. Only threads whose wait word says that they wait, and waiting entries of the async lock tables, lead to a
 * lock; of a thousand locks that nobody waits for none is looked at. It must never throw, whatever stands in shared memory.
 */
import { type AsyncLock, AsyncLockState, LOCK_MODES, readAsyncLocks } from '../../shared-memory/async-locks.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import { BLOCK } from '../../shared-memory/lock-block.ts';
import { LOCK_THREAD, type LockMemory } from '../../shared-memory/lock-memory.ts';
import { readWaitDetail } from '../../shared-memory/wait-detail.ts';
import { readWaitWord, TIMED_WAIT, type WaitSnapshot } from '../../shared-memory/wait-word.ts';
import { activityParty, countsOf, HeldEntries, holdsOfBlock, threadParty } from './lock-holds.ts';
import type { KnownLock, LockIndex } from './lock-index.ts';
import type { LockLabels } from './lock-labels.ts';
import type { LockLabel, LockScene, SceneLock, SceneParty, SceneThread, SceneWait } from './lock-scene-types.ts';
import type { SceneThreads } from './scene-threads.ts';

export interface LockSceneSettings {
  readonly memory: ControlMemory;
  readonly lockMemory: LockMemory;
  readonly index: LockIndex;
  readonly threads: SceneThreads;
  readonly labels: LockLabels;
}

/** Since when a thread that the agent does not observe is seen at a lock. */
interface SeenWait {
  readonly lockId: number;
  readonly sinceNs: number;
}

export class LockSceneReader {
  readonly #settings: LockSceneSettings;
  #seen = new Map<string, SeenWait>();

  constructor(settings: LockSceneSettings) {
    this.#settings = settings;
  }

  read(nowNs: number): LockScene {
    const { memory, index, threads, labels } = this.#settings;
    index.refresh();
    threads.refresh();
    const held = new HeldEntries(labels);
    const activities = new Map<string, SceneParty>();
    const asyncWaits: [SceneThread, AsyncLock][] = [];
    const blocked: [SceneThread, number, WaitSnapshot][] = [];
    for (const [slot, thread] of threads.observed) {
      const wait = readWaitWord(memory, slot, nowNs);
      if (wait !== undefined && this.#isAtLock(wait)) blocked.push([thread, slot, wait]);
      for (const lock of readAsyncLocks(memory, slot)) {
        const party = activityParty(thread, lock);
        if (activities.get(party.key)?.isCertain !== true) activities.set(party.key, party);
        if (lock.state === AsyncLockState.HELD) held.add(thread, lock);
        else asyncWaits.push([thread, lock]);
        if (lock.state === AsyncLockState.WAITING) held.addWaiting(thread, lock);
      }
    }
    const locks = new Map<string, SceneLock>();
    const waits = [
      ...blocked.map(([thread, slot, wait]) => this.#blockingWait(thread, slot, wait, locks, held)),
      ...asyncWaits.map(([thread, lock]) => this.#asyncWait(thread, lock, locks, held)),
      ...this.#unobservedWaits(nowNs, locks, held),
    ];
    return { nowNs, waits, locks, activities };
  }

  /** A condition's or a barrier's waiter is in the state of one who waits for work; a channel's is none of these. */
  #isAtLock({ state, targetId }: WaitSnapshot): boolean {
    if (state === 'waiting_lock') return true;
    return state === 'waiting_queue' && this.#settings.index.of(-targetId)?.lockClass !== undefined;
  }

  #blockingWait(
    thread: SceneThread,
    slot: number,
    wait: WaitSnapshot,
    locks: Map<string, SceneLock>,
    held: HeldEntries,
  ): SceneWait {
    const { memory, index, labels } = this.#settings;
    const known = wait.targetId < 0 ? index.of(-wait.targetId) : undefined;
    const label =
      wait.targetId >= 0
        ? labels.ofSite(wait.targetId)
        : labels.ofRef({ lockId: -wait.targetId, classNumber: 0, kind: 'none', mode: 'exclusive' }, thread.key);
    const detail = readWaitDetail(memory, slot, wait.waits);
    return {
      party: threadParty(thread),
      lock: this.#lockOf(label, known, locks, held),
      mode: LOCK_MODES[wait.mode & 0xff] ?? 'exclusive',
      sinceNs: wait.sinceNs,
      number: wait.waits,
      isBlocking: true,
      isTimed: (wait.mode & TIMED_WAIT) !== 0,
      site: labels.text(detail?.siteNumber ?? 0),
      stack: labels.stack(detail?.stackNumber ?? 0),
      context: detail?.context,
    };
  }

  #asyncWait(thread: SceneThread, lock: AsyncLock, locks: Map<string, SceneLock>, held: HeldEntries): SceneWait {
    const { index, labels } = this.#settings;
    return {
      party: activityParty(thread, lock),
      lock: this.#lockOf(labels.ofAsync(lock, thread), index.of(lock.lockId), locks, held),
      mode: lock.mode,
      sinceNs: lock.sinceNs,
      number: lock.sinceNs,
      isBlocking: false,
      isTimed: lock.isTimed === true,
      site: labels.text(lock.siteNumber),
      stack: labels.stack(lock.stackNumber),
      context: lock.context,
    };
  }

  /** Threads that the agent does not observe say which lock they are parked at, and no more. */
  *#unobservedWaits(nowNs: number, locks: Map<string, SceneLock>, held: HeldEntries): Generator<SceneWait> {
    const { lockMemory, index, threads, labels } = this.#settings;
    const seen = new Map<string, SeenWait>();
    for (const thread of threads.unobserved()) {
      const at = lockMemory.threadAt(thread.lockThread, LOCK_THREAD.AWAITED) >> 2;
      const lockId = Atomics.load(lockMemory.views.i32, at);
      const known = index.of(lockId);
      if (known === undefined) continue;
      const before = this.#seen.get(thread.key);
      const wait = before?.lockId === lockId ? before : { lockId, sinceNs: nowNs };
      seen.set(thread.key, wait);
      yield {
        party: threadParty(thread),
        lock: this.#lockOf(labels.ofBlock(known), known, locks, held),
        mode: 'exclusive',
        sinceNs: wait.sinceNs,
        number: wait.sinceNs,
        isBlocking: true,
        isTimed: false,
        site: '',
        stack: '',
        context: undefined,
      };
    }
    this.#seen = seen;
  }

  #lockOf(label: LockLabel, known: KnownLock | undefined, locks: Map<string, SceneLock>, held: HeldEntries): SceneLock {
    let lock = locks.get(label.key);
    if (lock === undefined) {
      lock = known === undefined ? ofEntries(label, held) : this.#ofBlock(label, known, held);
      locks.set(label.key, lock);
    }
    return lock;
  }

  #ofBlock(label: LockLabel, known: KnownLock, held: HeldEntries): SceneLock {
    const { lockMemory, threads, index } = this.#settings;
    const { kind, numberA } = known.identity;
    return {
      ...label,
      holds: holdsOfBlock(known, lockMemory, threads, held),
      capacity: kind === 'semaphore' ? numberA : 1,
      counts: countsOf(known, index),
    };
  }

  /** Ends a wait: its thread finds the id of the lock there when it looks, which is soon. False when that cannot be. */
  readonly abort = ({ party, lock, isBlocking }: SceneWait): boolean => {
    const { lockMemory, threads, index } = this.#settings;
    const { lockThread, key } = party.thread;
    const known = index.of(lock.lockId);
    threads.refresh();
    const isAlive = [...threads.observed.values(), ...threads.unobserved()].some((thread) => thread.key === key);
    if (known === undefined || lockThread < 0 || !isBlocking || !isAlive) return false;
    Atomics.store(lockMemory.views.i32, lockMemory.threadAt(lockThread, LOCK_THREAD.ABORT) >> 2, lock.lockId);
    Atomics.notify(known.views.i32, (known.blockAt + BLOCK.WORD) >> 2);
    return true;
  };
}

/** Of these two it is not known how many may have one at once. */
const COUNTING_LIBRARY = /^(?:p-limit|async-sema)@/;

function ofEntries(label: LockLabel, held: HeldEntries): SceneLock {
  const holds = held.of(label.key).map((entry) => held.toHold(entry));
  const isCounting = label.kind === 'promise' && (COUNTING_LIBRARY.test(label.className) || holds.length > 1);
  return { ...label, holds, capacity: isCounting ? 0 : 1, counts: undefined };
}
