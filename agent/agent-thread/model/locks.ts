/**
 * The locks of the program: what they have counted, by class, who waits for them now, and who is to blame.
 *
 * Runs on the agent thread: `collect` when a reader wants the numbers, the rest as threads tell and end. It must never throw, whatever shared memory
 * says, and never grow with the number of locks or threads that ever were.
 */
import type { ControlMemory } from '../../shared-memory/layout.ts';
import { HEADER } from '../../shared-memory/layout.ts';
import type { LockMemory } from '../../shared-memory/lock-memory.ts';
import type { LockHolder, LockRef } from '../../shared-memory/lock-records.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { LockCells } from './lock-cells.ts';
import { type LockClass, LockClasses } from './lock-classes.ts';
import { type KnownLock, LockIndex } from './lock-index.ts';
import { LockLabels } from './lock-labels.ts';
import { LockSceneReader } from './lock-scene.ts';
import type { LockLabel, LockNaming, LockScene, SceneThread } from './lock-scene-types.ts';
import type { QueueTotals } from './queue-totals.ts';
import { SceneThreads, type SceneThreadsSettings } from './scene-threads.ts';

export interface LocksSettings {
  readonly memory: ControlMemory;
  readonly lockMemory: LockMemory;
  /** Where channels are counted. */
  readonly queues: QueueTotals;
  /** The observed threads that live. */
  readonly observed: SceneThreadsSettings['observed'];
  readonly nowNs: () => number;
  /** False where no stack may leave the process. */
  readonly hasStacks: boolean;
  /** Called with the number of locks that could not be followed. */
  readonly onDrop: (count: number) => void;
}

export class Locks implements MetricSource, LockNaming {
  readonly index: LockIndex;
  readonly threads: SceneThreads;
  readonly scenes: LockSceneReader;
  readonly #settings: LocksSettings;
  readonly #classes = new LockClasses();
  readonly #labels: LockLabels;
  readonly #cells: LockCells;
  #dropped = 0;

  constructor(settings: LocksSettings) {
    const { memory, lockMemory, queues, observed, hasStacks, onDrop } = settings;
    this.#settings = settings;
    this.index = new LockIndex({ memory: lockMemory, classes: this.#classes, queues, onDrop: () => onDrop(1) });
    this.threads = new SceneThreads({ memory, lockMemory, observed });
    this.#labels = new LockLabels(memory, this.index, hasStacks);
    this.#cells = new LockCells({ memory, classes: this.#classes, text: this.#labels.text });
    const { index, threads } = this;
    this.scenes = new LockSceneReader({ memory, lockMemory, index, threads, labels: this.#labels });
  }

  /** What was counted by the last collection. */
  get classes(): Iterable<LockClass> {
    return this.#classes;
  }

  /** Everything that waits and holds now. */
  readScene(nowNs: number): LockScene {
    return this.scenes.read(nowNs);
  }

  text(number: number): string {
    return this.#labels.text(number);
  }

  /** The text of a stack's number; '' where no stack may leave the process. */
  stack(number: number): string {
    return this.#labels.stack(number);
  }

  labelOf(lock: KnownLock): LockLabel {
    return this.#labels.ofBlock(lock);
  }

  lockOf(ref: LockRef, threadKey: string, instanceNumber = 0): LockLabel {
    return this.#labels.ofRef(ref, threadKey, instanceNumber);
  }

  threadOf(holderWord: number, slot: number): SceneThread | undefined {
    return this.threads.find(holderWord, slot);
  }

  threadEverOf(holderWord: number, slot: number): SceneThread | undefined {
    return this.threads.findEver(holderWord, slot);
  }

  /** Somebody waited for a lock because of this holder. */
  blame(
    ref: LockRef,
    { holderWord, slot, siteNumber }: Pick<LockHolder, 'holderWord' | 'slot' | 'siteNumber'>,
    waitedNs: number,
  ): void {
    const lockClass = this.#classOf(ref);
    if (lockClass === undefined) return;
    const holder = this.threads.findEver(holderWord, slot);
    lockClass.blame.add(holder?.name, withoutColumn(this.text(siteNumber)), waitedNs);
  }

  #classOf(ref: LockRef): LockClass | undefined {
    return this.index.of(ref.lockId)?.lockClass ?? this.#classes.of(this.text(ref.classNumber), ref.kind);
  }

  /** What a thread has sent of a lock outside of lock memory (`LockNotice`); nothing of it is certain. */
  told(thread: SlotClaim, message: unknown): void {
    const { lock, lockId, buffer, blockAt } = (message ?? {}) as Record<string, unknown>;
    if (lock === 'adopt') this.index.adopt(thread, lockId, buffer, blockAt);
    else if (lock === 'forget') this.index.forget(thread, lockId);
  }

  /** A thread has ended, and its locks were swept: what it has counted is read a last time. */
  end(thread: SlotClaim): void {
    this.#cells.release(thread);
    this.index.forgetAll(thread);
  }

  collect(sink: MetricSink): void {
    const { memory, nowNs, onDrop } = this.#settings;
    this.index.read();
    this.#cells.read();
    this.#lookAtWaiters(nowNs());
    for (const lockClass of this.#classes) lockClass.emit(sink);
    const dropped = Atomics.load(memory.u32, HEADER.LOCKS_DROPPED >> 2);
    if (dropped > this.#dropped) onDrop(dropped - this.#dropped);
    this.#dropped = dropped;
  }

  #lookAtWaiters(nowNs: number): void {
    for (const lockClass of this.#classes) {
      lockClass.waiters = 0;
      lockClass.oldestWaiterNs = 0;
    }
    this.#cells.addWaiters(nowNs);
    for (const { lock, sinceNs, isBlocking } of this.readScene(nowNs).waits) {
      /* Activities that wait for a lock without a block stand in the cells. */
      if (lock.lockId <= 0 && !isBlocking) continue;
      const known = this.index.of(lock.lockId)?.lockClass;
      const lockClass = known ?? this.#classes.of(lock.className, lock.kind);
      lockClass?.addWaiter(Math.max(0, nowNs - sinceNs));
    }
  }
}

/** `file:line` of a place that is written with its column. */
export function withoutColumn(site: string): string {
  return /^(.+:\d+):\d+$/.exec(site)?.[1] ?? site;
}
