/**
 * A tracker of queues without an agent, and what it has written, read as the agent thread reads it. Runs in a test's own process.
 */
import { QueueTracker } from '../../agent/app-thread/queues/queue-tracker.ts';
import { Recorder } from '../../agent/app-thread/recorder.ts';
import { featureBits } from '../../agent/config/feature-bits.ts';
import type { Feature } from '../../agent/config/options.ts';
import { resolveConfig } from '../../agent/config/resolve.ts';
import { HistogramReader, HistogramTotal } from '../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER } from '../../agent/shared-memory/layout.ts';
import { lookUpName } from '../../agent/shared-memory/names.ts';
import { QUEUE_CELL, scanQueueCells } from '../../agent/shared-memory/queue-cells.ts';
import { decodeTask, type TaskRecord } from '../../agent/shared-memory/queue-records.ts';
import { RecordKind } from '../../agent/shared-memory/records.ts';
import { claimSlot } from '../../agent/shared-memory/registry.ts';
import { RingReader } from '../../agent/shared-memory/ring-reader.ts';

export interface QueueCounts {
  readonly kind: string;
  readonly arrivals: number;
  readonly completions: number;
  readonly rejections: number;
  readonly aborts: number;
  readonly errors: number;
  readonly size: number;
  readonly active: number;
  /** Of those, how many have put items into the queue that wait. */
  readonly selfWaiting: number;
  readonly threads: number;
  readonly limit: number;
  readonly capacity: number;
  /** How many waits and service times were measured. */
  readonly waits: number;
  readonly services: number;
  readonly isAnyOldest: boolean;
}

/** What is left when all is over: nothing waits, and nothing is worked on. */
export const AT_REST = { size: 0, active: 0, isAnyOldest: false } as const;

export class QueueTracking {
  readonly memory: ControlMemory = ControlMemory.create(process.hrtime()[0]);
  readonly recorder: Recorder;
  readonly tracker: QueueTracker;
  readonly tasks: TaskRecord[] = [];
  readonly #reader: RingReader;

  constructor() {
    const claim = claimSlot(this.memory, {
      parentThreadId: -1,
      name: 'main',
      file: '',
      nowNs: 1,
      spawnContext: undefined,
      spawnSite: '',
    });
    if (claim === undefined) throw new Error('a new memory has no free slot');
    this.recorder = new Recorder(this.memory, claim);
    this.tracker = new QueueTracker(this.recorder, resolveConfig({}).config);
    this.#reader = new RingReader(this.memory, claim.slot);
    this.setThresholdMs(20);
  }

  setThresholdMs(ms: number): void {
    this.memory.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] = ms * 1e6;
  }

  switchOff(...features: Feature[]): void {
    Atomics.store(this.memory.i32, HEADER.FEATURES_OFF >> 2, featureBits(features));
  }

  /** What was counted of each name. */
  get queues(): Record<string, QueueCounts> {
    const found: Record<string, QueueCounts> = {};
    const count = (at: number): number => {
      const total = new HistogramTotal('waits');
      new HistogramReader(this.memory.buffer, at).addNewTo(total);
      return total.counts.reduce((sum, cell) => sum + cell, 0);
    };
    scanQueueCells(this.memory, (at, _, nameNumber, kind) => {
      const word = (field: number): number => this.memory.i32[(at + field) >> 2] as number;
      found[lookUpName(this.memory, nameNumber)] = {
        kind,
        arrivals: word(QUEUE_CELL.ARRIVALS),
        completions: word(QUEUE_CELL.COMPLETIONS),
        rejections: word(QUEUE_CELL.REJECTIONS),
        aborts: word(QUEUE_CELL.ABORTS),
        errors: word(QUEUE_CELL.ERRORS),
        size: word(QUEUE_CELL.SIZE),
        active: word(QUEUE_CELL.ACTIVE),
        selfWaiting: word(QUEUE_CELL.SELF_WAITING),
        threads: word(QUEUE_CELL.THREADS),
        limit: word(QUEUE_CELL.LIMIT),
        capacity: word(QUEUE_CELL.CAPACITY),
        waits: count(at + QUEUE_CELL.WAITS),
        services: count(at + QUEUE_CELL.SERVICES),
        isAnyOldest: this.memory.f64[(at + QUEUE_CELL.OLDEST_SINCE_NS) >> 3] !== 0,
      };
    });
    return found;
  }

  /** The one name there is. */
  get only(): QueueCounts {
    const [counts, ...more] = Object.values(this.queues);
    if (counts === undefined || more.length > 0) throw new Error(`queues: ${Object.keys(this.queues).join()}`);
    return counts;
  }

  /** Reads what has come by the ring. */
  drain(): readonly TaskRecord[] {
    this.#reader.drain(
      (record) => {
        const task = record.other === undefined ? undefined : decodeTask([record, record.other]);
        if (record.kind === RecordKind.TASK && task !== undefined) this.tasks.push(task);
      },
      () => this.tracker.nowNs(),
    );
    return this.tasks;
  }
}
