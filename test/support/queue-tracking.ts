/**
 * A tracker of queues without an agent, and what it has written, read as the agent thread reads it. Runs in a test's own process.
 */
import { QueueTracker } from '../../agent/app-thread/queues/queue-tracker.ts';
import { resolveConfig } from '../../agent/config/resolve.ts';
import { HEADER } from '../../agent/shared-memory/layout.ts';
import { QUEUE_CELL, scanQueueCells } from '../../agent/shared-memory/queue-cells.ts';
import { decodeTask, type TaskRecord } from '../../agent/shared-memory/queue-records.ts';
import { RecordKind } from '../../agent/shared-memory/records.ts';
import { onlyOf, TrackedThread } from './tracked-thread.ts';

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

/** What is there when three have just asked a pool of two connections: nobody has one yet. */
export const THREE_ASKED = {
  kind: 'connection_pool',
  arrivals: 3,
  size: 3,
  active: 0,
  threads: 2,
  limit: 2,
} as const;

export class QueueTracking extends TrackedThread {
  readonly tracker: QueueTracker;
  readonly tasks: TaskRecord[] = [];

  constructor() {
    super();
    this.tracker = new QueueTracker(this.recorder, resolveConfig({}).config);
    this.setThresholdMs(20);
  }

  setThresholdMs(ms: number): void {
    this.memory.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] = ms * 1e6;
  }

  /** What was counted of each name. */
  get queues(): Record<string, QueueCounts> {
    const found: Record<string, QueueCounts> = {};
    scanQueueCells(this.memory, (at, _, nameNumber, kind) => {
      const word = (field: number): number => this.memory.i32[(at + field) >> 2] as number;
      found[this.name(nameNumber)] = {
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
        waits: this.countAt(at + QUEUE_CELL.WAITS),
        services: this.countAt(at + QUEUE_CELL.SERVICES),
        isAnyOldest: this.memory.f64[(at + QUEUE_CELL.OLDEST_SINCE_NS) >> 3] !== 0,
      };
    });
    return found;
  }

  /** The one name there is. */
  get only(): QueueCounts {
    return onlyOf(this.queues);
  }

  /** Reads what has come by the ring. */
  drain(): readonly TaskRecord[] {
    this.reader.drain(
      (record) => {
        const task = record.other === undefined ? undefined : decodeTask([record, record.other]);
        if (record.kind === RecordKind.TASK && task !== undefined) this.tasks.push(task);
      },
      () => this.tracker.nowNs(),
    );
    return this.tasks;
  }
}
