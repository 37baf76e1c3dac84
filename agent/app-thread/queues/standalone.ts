/**
 * Queues and pools without the agent: the same tracking, on memory that nobody else reads, told to whoever wants it. For `gridwatch/instrumentations`, whose user
 * has an SDK of his own.
 *
 * Runs on application threads, where no agent does.
 */
import type { Config } from '../../config/options.ts';
import type { HrTime } from '../../shared-memory/clock.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import { lookUpName } from '../../shared-memory/names.ts';
import { QUEUE_CELL, type QueueCell, type QueueKind } from '../../shared-memory/queue-cells.ts';
import type { TaskOutcome, TaskRecord } from '../../shared-memory/queue-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { Recorder } from '../recorder.ts';
import { standaloneRecorder } from '../standalone-recorder.ts';
import { QueueTracker } from './queue-tracker.ts';

/** What the queues of one name have counted so far, and what is in them now. */
export interface QueueCounts {
  readonly name: string;
  readonly kind: QueueKind;
  arrivals: number;
  completions: number;
  rejections: number;
  aborts: number;
  size: number;
  /** 0: no bound. */
  capacity: number;
  active: number;
  threads: number;
  /** 0: no bound. */
  limit: number;
  /** Since when the oldest item waits, by the clock of `nowNs`; 0: nothing does. */
  oldestSinceNs: number;
}

/** An item that is over: it waited past the threshold, or was submitted to a pool in a sampled trace. */
export interface OverItem {
  readonly name: string;
  readonly kind: QueueKind;
  readonly outcome: TaskOutcome;
  readonly waitNs: number;
  /** Its submission, the begin of the work and the end of that, as spans have them. */
  readonly submitted: HrTime;
  readonly began: HrTime;
  readonly ended: HrTime;
  readonly site: string;
  readonly context: TraceIds | undefined;
}

export interface QueueSink {
  /** Whether it wants to be told now. */
  readonly isOn: boolean;
  readonly thresholdNs: number;
  waited(queue: QueueCounts, durationNs: number): void;
  served(queue: QueueCounts, durationNs: number): void;
  /** Called at the item's end. */
  ended(item: OverItem): void;
}

export interface StandaloneQueues {
  readonly tracker: QueueTracker;
  readonly counts: readonly QueueCounts[];
  nowNs(): number;
}

type Count = Exclude<keyof QueueCounts, 'name' | 'kind' | 'oldestSinceNs'>;

const FIELDS: Readonly<Record<number, Count>> = {
  [QUEUE_CELL.ARRIVALS]: 'arrivals',
  [QUEUE_CELL.COMPLETIONS]: 'completions',
  [QUEUE_CELL.REJECTIONS]: 'rejections',
  [QUEUE_CELL.ABORTS]: 'aborts',
  [QUEUE_CELL.SIZE]: 'size',
  [QUEUE_CELL.CAPACITY]: 'capacity',
  [QUEUE_CELL.THREADS]: 'threads',
  [QUEUE_CELL.LIMIT]: 'limit',
};

/** What `instrumentQueue` asks for, which is for the agent alone. */
const CONFIG: Pick<Config, 'log'> = { log: 'off' };

class SinkTracker extends QueueTracker {
  readonly #sink: QueueSink;

  constructor(recorder: Recorder, sink: QueueSink, counts: QueueCounts[]) {
    super(recorder, CONFIG as Config, (_, __, nameNumber, kind) => {
      const own = countsOf(lookUpName(recorder.memory, nameNumber), kind);
      counts.push(own);
      return cellFor(own, sink);
    });
    this.#sink = sink;
  }

  override isOff(): boolean {
    return !this.#sink.isOn;
  }

  override get thresholdNs(): number {
    return this.#sink.thresholdNs;
  }

  override record({
    nameNumber,
    siteNumber,
    submittedNs,
    waitNs,
    serviceNs,
    kind,
    outcome,
    context,
  }: TaskRecord): void {
    const { memory, clock } = this.recorder;
    clock.reanchor();
    this.#sink.ended({
      name: lookUpName(memory, nameNumber),
      kind,
      outcome,
      waitNs,
      submitted: clock.toHrTime(submittedNs),
      began: clock.toHrTime(submittedNs + waitNs),
      ended: clock.toHrTime(submittedNs + waitNs + serviceNs),
      site: siteNumber === 0 ? '' : lookUpName(memory, siteNumber),
      context,
    });
  }
}

function countsOf(name: string, kind: QueueKind): QueueCounts {
  return {
    name,
    kind,
    arrivals: 0,
    completions: 0,
    rejections: 0,
    aborts: 0,
    size: 0,
    capacity: 0,
    active: 0,
    threads: 0,
    limit: 0,
    oldestSinceNs: 0,
  };
}

function cellFor(own: QueueCounts, sink: QueueSink): QueueCell {
  return {
    waits: { record: (durationNs) => sink.waited(own, durationNs) },
    services: { record: (durationNs) => sink.served(own, durationNs) },
    add: (field, by = 1) => {
      const count = FIELDS[field];
      if (count !== undefined) own[count] += by;
    },
    setOldestSince: (ns) => {
      own.oldestSinceNs = ns;
    },
    addActive: (by) => {
      own.active += by;
    },
  };
}

/** Undefined where there is no room in the memory. */
export function standaloneQueues(sink: QueueSink, memory: ControlMemory): StandaloneQueues | undefined {
  const recorder = standaloneRecorder(memory);
  if (recorder === undefined) return undefined;
  const counts: QueueCounts[] = [];
  const tracker = new SinkTracker(recorder, sink, counts);
  return { tracker, counts, nowNs: () => tracker.nowNs() };
}
