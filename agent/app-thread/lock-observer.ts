/**
 * What the locks of a thread tell the agent: the one door between `gridwatch/sync`, the patched locks and the recorder.
 *
 * Runs on application threads, one observer a thread (`lockObserver`). It must never wait or throw.
 * Everything here is for waits and other rare paths: an uncontended acquisition touches nothing of it.
 */
import { featureBits } from '../config/feature-bits.ts';
import type { Config } from '../config/options.ts';
import { AsyncLockTable, LOCK_MODES, type LockMode } from '../shared-memory/async-locks.ts';
import { HEADER } from '../shared-memory/layout.ts';
import type { LockKind } from '../shared-memory/lock-block.ts';
import {
  encodeLockBlame,
  encodeLockOrder,
  encodeLockWait,
  encodeRace,
  type LockBlameRecord,
  type LockOrderRecord,
  type LockWaitRecord,
  type RaceRecord,
} from '../shared-memory/lock-records.ts';
import { internName } from '../shared-memory/names.ts';
import { claimQueueCell, type QueueCell } from '../shared-memory/queue-cells.ts';
import type { SlotClaim, TraceIds } from '../shared-memory/registry.ts';
import { type WaitDetail, writeWaitDetail } from '../shared-memory/wait-detail.ts';
import { TIMED_WAIT, WaitState } from '../shared-memory/wait-word.ts';
import { Activities } from './activity.ts';
import { findLockLink, type LockRecording } from './lock-link.ts';
import type { Recorder } from './recorder.ts';
import { ScopeOrders } from './scope-orders.ts';
import { activeTraceIds } from './trace-context.ts';

const LOCKS = featureBits(['locks']);
const QUEUES = featureBits(['queues']);

/** What a thread sends the agent thread of a lock whose block is not in lock memory, through its liveness channel. */
export interface LockNotice {
  readonly lock: 'adopt' | 'forget';
  readonly lockId: number;
  /** With `adopt`: where its block stands. */
  readonly buffer?: SharedArrayBuffer;
  readonly blockAt?: number;
}

/** The observer of this thread's locks; undefined without the agent, or where it does not follow locks. */
export function lockObserver(): LockObserver | undefined {
  const link = findLockLink();
  if (link?.recording === undefined) return undefined;
  return (link.observer ??= new LockObserver(link.recording));
}

export class LockObserver {
  readonly config: Config;
  readonly claim: SlotClaim;
  /** Waits and holds of this thread's activities. */
  readonly asyncLocks: AsyncLockTable;
  /** What `Atomics` does when nothing of it is replaced. */
  readonly atomics: Pick<typeof Atomics, 'wait' | 'waitAsync' | 'notify'>;
  /** Whether they can be told apart or not. */
  readonly allActivities: Activities;
  readonly scopeOrders: ScopeOrders;
  /** Ids of the locks that the thread holds by blocking calls; `gridwatch/sync` says so, once it is there. */
  idsHeldByThread: () => readonly number[] = () => [];
  readonly #recorder: Recorder;
  readonly #tell: (notice: LockNotice) => void;
  readonly #beforeWait: (nowNs: number) => void;
  readonly #blockListeners: (() => void)[];
  /** By the name of a channel. */
  readonly #channelWaits = new Map<string, QueueCell['waits'] | undefined>();

  constructor({ recorder, config, tell, beforeWait, atomics, blockListeners }: LockRecording) {
    this.config = config;
    this.claim = recorder.claim;
    this.asyncLocks = new AsyncLockTable(recorder.memory, recorder.claim.slot);
    this.allActivities = new Activities(config);
    this.scopeOrders = new ScopeOrders(this);
    this.#recorder = recorder;
    this.#tell = tell;
    this.#beforeWait = beforeWait;
    this.atomics = atomics;
    this.#blockListeners = blockListeners;
  }

  /** Calls `listener` before the thread blocks at a raw `Atomics.wait`, and before it ends. */
  beforeBlocking(listener: () => void): void {
    this.#blockListeners.push(listener);
  }

  /** Absent where activities cannot be told apart, or only at the expense of the whole thread. */
  get activities(): Activities | undefined {
    return this.allActivities.isOn ? this.allActivities : undefined;
  }

  /** A number that no activity of this thread has had; for who waits or holds outside of any. */
  nextActivity(): number {
    return this.allActivities.next();
  }

  /** Switched off while the program runs: nothing is to be recorded. */
  get isOff(): boolean {
    return this.#recorder.isOff(LOCKS);
  }

  get recorder(): Recorder {
    return this.#recorder;
  }

  /** How long items waited in the channels of this name, those that the calling thread received; undefined where there is no room for one name more. */
  channelWaits(name: string): QueueCell['waits'] | undefined {
    if (this.#channelWaits.has(name)) return this.#channelWaits.get(name);
    const { memory, claim } = this.#recorder;
    const waits = claimQueueCell(memory, claim, this.intern(name), 'channel')?.waits;
    this.#channelWaits.set(name, waits);
    return waits;
  }

  /** The same as `isOff`, of channels. */
  get areQueuesOff(): boolean {
    return this.#recorder.isOff(QUEUES);
  }

  nowNs(): number {
    return this.#recorder.clock.nowNs();
  }

  /** A wait at least this long becomes a span. */
  get thresholdNs(): number {
    return this.#recorder.memory.f64[HEADER.LOCK_THRESHOLD_NS >> 3] as number;
  }

  /** The number of a text that the program has finitely many of. */
  intern(text: string): number {
    return text === '' ? 0 : internName(this.#recorder.memory, text);
  }

  activeTraceIds(): TraceIds | undefined {
    return activeTraceIds();
  }

  /**
   * The thread is about to block at a lock. Waits do not nest. At a condition or a barrier it waits for what others do, as at a queue: a pool that is idle
   * there has no demand for anything.
   */
  beginWait(lockId: number, kind: LockKind, mode: LockMode, nowNs: number, isTimed = false): void {
    const state = kind === 'condition' || kind === 'barrier' ? WaitState.WAITING_QUEUE : WaitState.WAITING_LOCK;
    const flags = isTimed ? TIMED_WAIT : 0;
    this.#recorder.waitWord.begin(state, -lockId, nowNs, LOCK_MODES.indexOf(mode) | flags);
  }

  /** The thread is about to block at a queue: a channel that is full or empty. */
  beginQueueWait(lockId: number, nowNs: number): void {
    this.#recorder.waitWord.begin(WaitState.WAITING_QUEUE, -lockId, nowNs);
  }

  endWait(nowNs: number): void {
    this.#recorder.waitWord.end(nowNs);
  }

  /** Where it blocks, once that has lasted for a millisecond. */
  describeWait(detail: WaitDetail): void {
    this.#beforeWait(this.nowNs());
    writeWaitDetail(this.#recorder.memory, this.claim.slot, this.#recorder.waitWord.waits, detail);
  }

  recordWait(wait: LockWaitRecord): void {
    this.#recorder.record(encodeLockWait(wait));
  }

  recordBlame(blame: LockBlameRecord): void {
    this.#recorder.record(encodeLockBlame(blame));
  }

  recordOrder(order: LockOrderRecord): void {
    this.#recorder.record(encodeLockOrder(order));
  }

  recordRace(race: RaceRecord): void {
    this.#recorder.record(encodeRace(race));
  }

  /** The thread uses a lock whose block is in another buffer than lock memory. */
  adopt(lockId: number, buffer: SharedArrayBuffer, blockAt: number): void {
    this.#send({ lock: 'adopt', lockId, buffer, blockAt });
  }

  /** It does no longer. */
  forget(lockId: number): void {
    this.#send({ lock: 'forget', lockId });
  }

  #send(notice: LockNotice): void {
    try {
      this.#tell(notice);
    } catch {
      /* The agent thread is gone: nobody reads it. */
    }
  }
}
