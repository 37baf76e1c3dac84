/**
 * Waits that garbage collection made long: the holder's thread was being collected for most of the time that another one waited for its lock.
 *
 * Runs on the agent thread, on finished waits and pauses as they are drained. Which of the two comes first is open: a thread tells of its pauses when its
 * event loop turns next, which may be long after it gave the lock back. Both are kept for a while, and not many of them.
 */
import type { LockWaitRecord } from '../../shared-memory/lock-records.ts';
import type { LockLabel, SceneThread } from '../model/lock-scene-types.ts';
import type { Voices } from './deadlock-report.ts';
import type { Findings } from './findings.ts';
import { lockAttributes, type Place, threadAttributes } from './lock-attributes.ts';

/** Shorter waits are no spans either. */
const MIN_WAIT_NS = 20e6;
/** Of the wait: with less, the wait would have been long without the collection. */
const MIN_SHARE = 0.5;
/** A thread tells of its pauses within a turn of its event loop, mostly. */
const KEEP_NS = 5e9;
/** Waits and pauses that are kept at once; the oldest go first. */
const MAX_KEPT = 512;

export interface LongWait {
  readonly record: LockWaitRecord;
  readonly lock: LockLabel;
  readonly waiter: SceneThread;
  readonly holder: SceneThread;
  readonly place: Place;
}

interface Pause {
  readonly thread: string;
  readonly startNs: number;
  readonly endNs: number;
}

export interface HeldAcrossGcSettings {
  readonly voices: Voices;
  readonly findings: Pick<Findings, 'report'>;
}

export class HeldAcrossGc {
  readonly #settings: HeldAcrossGcSettings;
  #waits: LongWait[] = [];
  #pauses: Pause[] = [];

  constructor(settings: HeldAcrossGcSettings) {
    this.#settings = settings;
  }

  /** A wait has ended, and it is known whose lock it was for. */
  waited(wait: LongWait): void {
    if (wait.record.durationNs < MIN_WAIT_NS || this.#judge(wait)) return;
    this.#waits = [...this.#waits.slice(1 - MAX_KEPT), wait];
  }

  /** A thread was stopped by a garbage collection. It tells once, and once for each request that was held up. */
  paused(thread: string, startNs: number, durationNs: number): void {
    if (this.#pauses.some((known) => known.thread === thread && known.startNs === startNs)) return;
    const pause = { thread, startNs, endNs: startNs + durationNs };
    this.#pauses = [...this.#pauses.slice(1 - MAX_KEPT), pause];
    this.#waits = this.#waits.filter((wait) => wait.holder.key !== thread || !this.#judge(wait));
  }

  /** To be called at every poll: forgets what is too old. */
  look(nowNs: number): void {
    if (this.#waits.length === 0 && this.#pauses.length === 0) return;
    this.#waits = this.#waits.filter(({ record }) => record.startNs + record.durationNs > nowNs - KEEP_NS);
    this.#pauses = this.#pauses.filter(({ endNs }) => endNs > nowNs - KEEP_NS);
  }

  /** True when it is told. */
  #judge(wait: LongWait): boolean {
    const { record, holder, lock, waiter, place } = wait;
    const { startNs, durationNs, context } = record;
    let pausedNs = 0;
    for (const pause of this.#pauses) {
      if (pause.thread !== holder.key) continue;
      pausedNs += Math.max(0, Math.min(pause.endNs, startNs + durationNs) - Math.max(pause.startNs, startNs));
    }
    if (pausedNs < durationNs * MIN_SHARE) return false;
    const [waitMs, gcMs] = [durationNs, Math.min(pausedNs, durationNs)].map((ns) => Math.round(ns / 1e6));
    this.#settings.findings.report({
      finding: 'held_across_gc',
      body: `${waiter.name} waited ${waitMs} ms for "${lock.className}", ${gcMs} ms of it while garbage was collected on ${holder.name}, which held it`,
      attributes: {
        ...threadAttributes(waiter),
        ...lockAttributes(lock, this.#settings.voices.areNamesFull),
        'gridwatch.lock.mode': record.mode,
        'gridwatch.wait.duration': durationNs / 1e9,
        'gridwatch.lock.holder.thread.name': holder.name,
        ...(holder.threadId < 0 ? {} : { 'gridwatch.lock.holder.thread.id': holder.threadId }),
      },
      place,
      key: lock.className,
      context,
      timeNs: startNs + durationNs,
    });
    return true;
  }
}
