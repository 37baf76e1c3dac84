/**
 * All that looks for what is wrong with locks: builds the detectors, and hands each what it looks at.
 *
 * Runs on the agent thread. It holds no logic of its own. None of it may be shed to save time: a program that hangs has nobody else who says why.
 */
import type { LockOrderRecord, LockWaitRecord, RaceRecord } from '../../shared-memory/lock-records.ts';
import type { KnownLock, LockIndex } from '../model/lock-index.ts';
import type { AbortWait, LockLabel, LockNaming, LockScene, SceneThread } from '../model/lock-scene-types.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { Abandonments } from './abandonments.ts';
import { ContendedLocks } from './contended-locks.ts';
import type { Voices } from './deadlock-report.ts';
import { Deadlocks } from './deadlocks.ts';
import type { Findings } from './findings.ts';
import { HeldAcrossGc } from './held-across-gc.ts';
import { Inversions } from './inversions.ts';
import { LockIncidents } from './lock-incidents.ts';
import { LockOrders } from './lock-order.ts';
import { LongWaits } from './long-waits.ts';

export interface LockDetectorsSettings {
  readonly voices: Voices;
  readonly findings: Findings;
  readonly naming: LockNaming;
  /** The locks with a block, and what they are called. */
  readonly index: Pick<LockIndex, 'of'> & Iterable<KnownLock>;
  readonly labelOf: (lock: KnownLock) => LockLabel;
  readonly nowNs: () => number;
  /** There was an agent thread before this one. */
  readonly isRestarted?: boolean | undefined;
  /** Delivers everything at once. */
  readonly flush: () => void;
  /** With `GRIDWATCH_DEADLOCK_ACTION=abort` only. */
  readonly abort?: AbortWait | undefined;
}

export class LockDetectors implements MetricSource {
  readonly #naming: LockNaming;
  readonly #index: LockDetectorsSettings['index'];
  readonly #deadlocks: Deadlocks;
  readonly #inversions: Inversions;
  readonly #orders: LockOrders;
  readonly #longWaits: LongWaits;
  readonly #contended: ContendedLocks;
  readonly #acrossGc: HeldAcrossGc;
  readonly #incidents: LockIncidents;
  readonly #abandonments: Abandonments;

  constructor({ isRestarted, voices, findings, naming, index, labelOf, nowNs, flush, abort }: LockDetectorsSettings) {
    const deadlocks = new Deadlocks({ voices, findings, flush, abort });
    const inversions = new Inversions(voices);
    this.#naming = naming;
    this.#index = index;
    this.#deadlocks = deadlocks;
    this.#inversions = inversions;
    this.#orders = new LockOrders(naming, (circle) => inversions.report(circle));
    this.#longWaits = new LongWaits({ voices, findings, isStuck: (wait) => deadlocks.isStuck(wait) });
    this.#contended = new ContendedLocks({ voices, findings });
    this.#acrossGc = new HeldAcrossGc({ voices, findings });
    const incidents = new LockIncidents({ voices, findings, naming });
    const onAbandoned = (lock: KnownLock): void => incidents.abandoned(labelOf(lock), undefined, nowNs());
    this.#incidents = incidents;
    this.#abandonments = new Abandonments({ locks: index, onAbandoned, isRestarted });
  }

  /** To be called at every poll. */
  look(scene: LockScene): void {
    this.#deadlocks.look(scene);
    this.#longWaits.look(scene);
    this.#contended.look(scene);
    this.#acrossGc.look(scene.nowNs);
    this.#abandonments.look();
  }

  /** A wait of 1 ms and more has ended. */
  waited(waiter: SceneThread, record: LockWaitRecord): void {
    const holder = this.#naming.threadEverOf(record.holder.holderWord, record.holder.slot);
    if (holder === undefined) return;
    const lock = this.#naming.lockOf(record, waiter.key);
    const place = { site: this.#naming.text(record.siteNumber), stack: this.#naming.text(record.stackNumber) };
    this.#acrossGc.waited({ record, lock, waiter, holder, place });
  }

  /** A thread has taken a lock while it held another, as it has not before. */
  ordered(thread: SceneThread, record: LockOrderRecord): void {
    this.#orders.add(record, thread);
  }

  raced(thread: SceneThread, record: RaceRecord): void {
    this.#incidents.raced(record, thread);
  }

  /** Garbage was collected on a thread; `threadKey` as in the scene. */
  paused(threadKey: string, startNs: number, durationNs: number): void {
    this.#acrossGc.paused(threadKey, startNs, durationNs);
  }

  /** A thread has ended while it held a lock, which was taken from it. */
  abandoned(label: LockLabel, holder: SceneThread, nowNs: number): void {
    const lock = this.#index.of(label.lockId);
    if (lock !== undefined) this.#abandonments.swept(lock);
    this.#incidents.abandoned(label, holder, nowNs);
  }

  collect(sink: MetricSink): void {
    this.#deadlocks.collect(sink);
    this.#inversions.collect(sink);
  }
}
