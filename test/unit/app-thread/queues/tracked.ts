/** A tracker of queues without an agent, with a clock of the test's, and what it has written. Runs in a test's own process. */
import { expect } from 'vitest';
import { QueueTracker } from '../../../../agent/app-thread/queues/queue-tracker.ts';
import { TrackedQueue } from '../../../../agent/app-thread/queues/tracked-queue.ts';
import type { Recorder } from '../../../../agent/app-thread/recorder.ts';
import type { Config } from '../../../../agent/config/options.ts';
import { HistogramReader, HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER } from '../../../../agent/shared-memory/layout.ts';
import type { EncodedRecord } from '../../../../agent/shared-memory/lock-records.ts';
import { lookUpName } from '../../../../agent/shared-memory/names.ts';
import { type QueueKind, scanQueueCells } from '../../../../agent/shared-memory/queue-cells.ts';
import { decodeTask, type TaskRecord } from '../../../../agent/shared-memory/queue-records.ts';
import { type ids, register } from '../fake-api.ts';

export const MS = 1e6;
export const THRESHOLD_NS: number = 20 * MS;
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');
/** The tracker of one thread, with the test's clock. */
export class Tracked {
  readonly memory: ControlMemory = ControlMemory.create(0);
  readonly told: TaskRecord[] = [];
  nowNs = 1e9;
  off = 0;
  readonly tracker: QueueTracker;

  constructor() {
    this.memory.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] = THRESHOLD_NS;
    const recorder = {
      memory: this.memory,
      claim: { slot: 2, generation: 3 },
      clock: { nowNs: () => this.nowNs },
      isOff: (bits: number) => (this.off & bits) !== 0,
      areSpansOff: false,
      record: (record: EncodedRecord) => void this.told.push(decodeTask(record) ?? expect.unreachable('no task')),
    };
    this.tracker = new QueueTracker(recorder as unknown as Recorder, {} as Config);
  }

  queue(name: string, kind: QueueKind): TrackedQueue {
    return new TrackedQueue(this.tracker, { name, kind });
  }

  cells(): { name: string; kind: QueueKind; at: number }[] {
    const found: { name: string; kind: QueueKind; at: number }[] = [];
    scanQueueCells(this.memory, (at, _, nameNumber, kind) => {
      found.push({ name: lookUpName(this.memory, nameNumber), kind, at });
    });
    return found;
  }

  word(field: number, at: number = this.cells()[0]?.at ?? 0): number {
    return this.memory.i32[(at + field) >> 2] as number;
  }

  double(field: number, at: number = this.cells()[0]?.at ?? 0): number {
    return this.memory.f64[(at + field) >> 3] as number;
  }

  histogram(field: number): { count: number; sumNs: number } {
    const total = new HistogramTotal('waits');
    new HistogramReader(this.memory.buffer, (this.cells()[0]?.at ?? 0) + field).addNewTo(total);
    return { count: total.counts.reduce((sum, count) => sum + count, 0), sumNs: total.sumNs };
  }
}

/** Makes a span active, or none. */
export function activate(span: ReturnType<typeof ids> | undefined): void {
  const context = { getValue: (key: symbol) => (key === SPAN_KEY && span ? { spanContext: () => span } : undefined) };
  register({ context: { active: () => context } });
}
