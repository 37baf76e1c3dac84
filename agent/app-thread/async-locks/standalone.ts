/**
 * Asynchronous locks without the agent: the same tracking, on memory that nobody else reads, told to whoever wants it. For `gridwatch/instrumentations`, whose
 * user has an SDK of his own.
 *
 * Runs on application threads, where no agent does.
 */
import type { Config } from '../../config/options.ts';
import type { LockMode } from '../../shared-memory/async-locks.ts';
import { CELL, type ClassCell } from '../../shared-memory/class-cells.ts';
import type { Clock, HrTime } from '../../shared-memory/clock.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import type { LockKind } from '../../shared-memory/lock-block.ts';
import type { LockWaitRecord, WaitOutcome } from '../../shared-memory/lock-records.ts';
import { lookUpName } from '../../shared-memory/names.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import { LockObserver } from '../lock-observer.ts';
import type { Recorder } from '../recorder.ts';
import { standaloneRecorder } from '../standalone-recorder.ts';
import { type ClaimCell, LockTracker } from './tracker.ts';

/** Of which class a number or a wait is. */
export interface LockClassName {
  readonly name: string;
  readonly kind: LockKind;
  readonly mode: LockMode;
}

export interface LockCounts extends LockClassName {
  acquisitions: number;
  contentions: number;
  timeouts: number;
  aborts: number;
  waiters: number;
  /** Since when the oldest of those waits that have lasted for a while, by the clock of `nowNs`; 0: nobody does. */
  oldestSinceNs: number;
}

export interface LongWait extends LockClassName {
  readonly outcome: WaitOutcome;
  readonly durationNs: number;
  /** As spans have them. */
  readonly began: HrTime;
  readonly ended: HrTime;
  readonly site: string;
  readonly context: TraceIds | undefined;
  readonly holderSite: string;
  readonly holderContext: TraceIds | undefined;
}

export interface LockSink {
  /** Whether it wants to be told now. */
  readonly isOn: boolean;
  waited(lockClass: LockClassName, durationNs: number): void;
  /** One hold that stands for `weight` of them. */
  held(lockClass: LockClassName, durationNs: number, weight: number): void;
  /** A wait of a millisecond and more has just ended. */
  waitedLong(wait: LongWait): void;
}

const FIELDS: Readonly<Record<number, 'acquisitions' | 'contentions' | 'timeouts' | 'aborts' | 'waiters'>> = {
  [CELL.ACQUISITIONS]: 'acquisitions',
  [CELL.CONTENTIONS]: 'contentions',
  [CELL.TIMEOUTS]: 'timeouts',
  [CELL.ABORTS]: 'aborts',
  [CELL.WAITERS]: 'waiters',
};

export interface Standalone {
  readonly tracker: LockTracker;
  /** What was counted so far. */
  readonly counts: readonly LockCounts[];
  nowNs(): number;
}

/** What tracking looks at: as a user's own instrumentation does, it leaves out stacks and the names of instances. */
const CONFIG: Pick<Config, 'names' | 'stacks' | 'context'> = { names: 'class', stacks: 'off', context: 'auto' };

class SinkObserver extends LockObserver {
  readonly #memory: ControlMemory;
  readonly #clock: Clock;
  readonly #sink: LockSink;

  constructor(recorder: Recorder, sink: LockSink) {
    super({
      recorder,
      config: CONFIG as Config,
      tell: () => {},
      beforeWait: () => {},
      blockListeners: [],
      atomics: Atomics,
    });
    this.#memory = recorder.memory;
    this.#clock = recorder.clock;
    this.#sink = sink;
  }

  override recordWait(wait: LockWaitRecord): void {
    const clock = this.#clock;
    clock.reanchor();
    const name = (number: number): string => lookUpName(this.#memory, number);
    this.#sink.waitedLong({
      name: name(wait.classNumber),
      kind: wait.kind,
      mode: wait.mode,
      outcome: wait.outcome,
      durationNs: wait.durationNs,
      began: clock.toHrTime(wait.startNs),
      ended: clock.toHrTime(wait.startNs + wait.durationNs),
      site: name(wait.siteNumber),
      context: wait.context,
      holderSite: name(wait.holder.siteNumber),
      holderContext: wait.holder.context,
    });
  }

  override recordOrder(): void {}
}

class SinkTracker extends LockTracker {
  readonly #sink: LockSink;

  constructor(observer: SinkObserver, sink: LockSink, claimCell: ClaimCell) {
    super(observer, claimCell);
    this.#sink = sink;
  }

  override isOff(): boolean {
    return !this.#sink.isOn;
  }
}

/** Undefined where there is no room in the memory. */
export function standalone(sink: LockSink, memory: ControlMemory): Standalone | undefined {
  const recorder = standaloneRecorder(memory);
  if (recorder === undefined) return undefined;
  const counts: LockCounts[] = [];
  const observer = new SinkObserver(recorder, sink);
  const tracker = new SinkTracker(observer, sink, (_, __, number, kind, mode): ClassCell => {
    const own: LockCounts = {
      name: lookUpName(memory, number),
      kind,
      mode,
      acquisitions: 0,
      contentions: 0,
      timeouts: 0,
      aborts: 0,
      waiters: 0,
      oldestSinceNs: 0,
    };
    counts.push(own);
    return {
      waits: { record: (durationNs) => sink.waited(own, durationNs) },
      holds: { record: (durationNs, weight) => sink.held(own, durationNs, weight ?? 1) },
      add: (field, by = 1) => {
        const name = FIELDS[field];
        if (name !== undefined) own[name] += by;
      },
      setOldestSince: (ns) => {
        own.oldestSinceNs = ns;
      },
    };
  });
  return { tracker, counts, nowNs: () => tracker.nowNs() };
}
