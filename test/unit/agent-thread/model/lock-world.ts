/**
 * Locks and threads made of nothing but shared memory: what threads of a program would write there, written by the test's own, and the agent thread's model of
 * it. No threads, no clock but the test's.
 */
import { Locks } from '../../../../agent/agent-thread/model/locks.ts';
import { QueueTotals } from '../../../../agent/agent-thread/model/queue-totals.ts';
import type { ObservedIdentity } from '../../../../agent/agent-thread/model/scene-threads.ts';
import { type AsyncLock, AsyncLockTable } from '../../../../agent/shared-memory/async-locks.ts';
import { HistogramWriter } from '../../../../agent/shared-memory/histogram.ts';
import { ControlMemory } from '../../../../agent/shared-memory/layout.ts';
import {
  BLOCK,
  type BlockViews,
  type LockIdentity,
  viewsOf,
  writeIdentity,
} from '../../../../agent/shared-memory/lock-block.ts';
import { LOCK_THREAD, LockMemory } from '../../../../agent/shared-memory/lock-memory.ts';
import { claimLockThread } from '../../../../agent/shared-memory/lock-threads.ts';
import { internName } from '../../../../agent/shared-memory/names.ts';
import {
  attachSlot,
  claimSlot,
  markRunning,
  releaseSlot,
  type SlotClaim,
} from '../../../../agent/shared-memory/registry.ts';
import { WaitState, WaitWordWriter } from '../../../../agent/shared-memory/wait-word.ts';

export const NOW_NS = 1e12;

/** A thread of the program, as far as locks know it. */
export interface WorldThread extends ObservedIdentity {
  /** Its holder word. */
  readonly word: number;
  readonly lockThread: number;
  readonly waitWord: WaitWordWriter;
  readonly asyncLocks: AsyncLockTable;
}

/** A lock of the program. */
export interface WorldLock {
  readonly id: number;
  readonly views: BlockViews;
  readonly blockAt: number;
}

export class LockWorld {
  readonly memory: ControlMemory = ControlMemory.create(0);
  readonly lockMemory: LockMemory = LockMemory.create();
  readonly observed: Set<WorldThread> = new Set();
  dropped = 0;
  nowNs: number = NOW_NS;
  readonly queues: QueueTotals = new QueueTotals();
  readonly locks: Locks = new Locks({
    memory: this.memory,
    lockMemory: this.lockMemory,
    queues: this.queues,
    observed: () => this.observed,
    nowNs: () => this.nowNs,
    hasStacks: true,
    onDrop: (dropped) => void (this.dropped += dropped),
  });

  /** A thread that the agent observes, with an entry in lock memory. */
  thread(name: string, threadId: number = this.observed.size): WorldThread {
    const claim = claimSlot(this.memory, {
      parentThreadId: 0,
      name,
      file: '',
      nowNs: 1,
      spawnContext: undefined,
      spawnSite: '',
    });
    if (claim === undefined) throw new Error('no slot is free');
    attachSlot(this.memory, claim, threadId, 1000 + threadId);
    markRunning(this.memory, claim, 2);
    const entry = this.enter(threadId, claim);
    const thread: WorldThread = {
      claim,
      entry: { name, info: { threadId } },
      osThreadId: 1000 + threadId,
      word: entry.word,
      lockThread: entry.thread,
      waitWord: new WaitWordWriter(this.memory, claim.slot),
      asyncLocks: new AsyncLockTable(this.memory, claim.slot),
    };
    this.observed.add(thread);
    return thread;
  }

  /** An entry of lock memory; without a slot that of a thread which the agent does not observe. */
  enter(threadId: number, claim?: SlotClaim): { thread: number; word: number } {
    const identity = {
      osThreadId: 1000 + threadId,
      threadId,
      startTicks: 0,
      agentSlot: claim === undefined ? 0 : claim.slot + 1,
      agentGeneration: claim?.generation ?? 0,
    };
    const entry = claimLockThread(this.lockMemory, identity, false);
    if (entry === undefined) throw new Error('no entry is free');
    return entry;
  }

  /** The thread is gone; its locks were swept, its slot is given back. */
  end(thread: WorldThread): void {
    this.observed.delete(thread);
    releaseSlot(this.memory, thread.claim);
  }

  /** A lock with a name. */
  lock(name: string, kind: LockIdentity['kind'] = 'mutex', bytes = 16_384, numberA = 0): WorldLock {
    const blockAt = this.lockMemory.findOrCreate({ kind, name, bytes, numberA, numberB: 0 }, () => {});
    if (blockAt === undefined) throw new Error('no room');
    const { views } = this.lockMemory;
    return { id: views.i32[(blockAt + BLOCK.ID) >> 2] as number, views, blockAt };
  }

  /** A lock in a buffer of its own. */
  ownLock(name: string, bytes = 1536): WorldLock {
    const views = viewsOf(new SharedArrayBuffer(bytes));
    const id = this.lockMemory.nextLockId();
    writeIdentity(views, 0, { kind: 'mutex', name, bytes, numberA: 0, numberB: 0 }, id);
    return { id, views, blockAt: 0 };
  }

  name(text: string): number {
    return internName(this.memory, text);
  }

  /** The thread is parked at the lock. */
  block(
    thread: WorldThread,
    { id }: WorldLock,
    sinceNs: number,
    mode = 0,
    state: WaitState = WaitState.WAITING_LOCK,
  ): void {
    thread.waitWord.begin(state, -id, sinceNs, mode);
    this.tell(thread.lockThread, LOCK_THREAD.AWAITED, id);
  }

  tell(entry: number, field: number, value: number): void {
    Atomics.store(this.lockMemory.views.i32, this.lockMemory.threadAt(entry, field) >> 2, value);
  }
}

/** What a holder of a mutex does. */
export function hold({ views, blockAt }: WorldLock, word: number): void {
  Atomics.store(views.i32, (blockAt + BLOCK.WORD) >> 2, word);
}

export function wordOf({ views, blockAt }: WorldLock): number {
  return Atomics.load(views.i32, (blockAt + BLOCK.WORD) >> 2);
}

export function count({ views, blockAt }: WorldLock, field: number, by = 1): void {
  const at = (blockAt + field) >> 2;
  views.i32[at] = ((views.i32[at] as number) + by) | 0;
}

export function record({ views, blockAt }: WorldLock, field: number, durationNs: number, weight = 1): void {
  new HistogramWriter('waits', views.buffer, blockAt + field).record(durationNs, weight);
}

export const ASYNC_LOCK: AsyncLock = {
  state: 1,
  activity: 1,
  parentActivity: 0,
  lockId: -1,
  kind: 'promise',
  mode: 'exclusive',
  isCertain: true,
  sinceNs: 1,
  classNumber: 0,
  siteNumber: 0,
  stackNumber: 0,
  instanceNumber: 0,
  context: undefined,
};
