/**
 * What becomes of the records of tasks and messages: spans, and of those whose ids were promised always (`app-thread/span-ids.ts`).
 *
 * Runs on the agent thread. What a record says of other threads may be of threads that have ended: what is not known is left out.
 */
import {
  type Direction,
  decodeMessage,
  decodeTask,
  decodeTaskCpu,
  type MessageRecord,
  type TaskRecord,
} from '../shared-memory/queue-records.ts';
import { RecordKind } from '../shared-memory/records.ts';
import type { RingRecord } from '../shared-memory/ring-reader.ts';
import { codeAttributes } from './detect/lock-attributes.ts';
import type { SpanEnergy } from './energy/span-energy.ts';
import type { RecentThread, RecentThreads } from './model/recent-threads.ts';
import { shownName } from './model/shown-name.ts';
import type { SignalAttributes } from './telemetry/catalog.ts';
import type { SpanRecord } from './telemetry/spans.ts';

/** A wait shorter than this is not worth a span in a span. */
const MIN_WAIT_NS = 1e6;

export interface QueueDispatchSettings {
  readonly threads: Pick<RecentThreads, 'ofClaim' | 'ofSlotAt' | 'ofThreadId'>;
  /** The text of the number of a name. */
  readonly text: (number: number) => string;
  readonly emit: (span: SpanRecord) => void;
  /** The door of the spans of tasks. */
  readonly energy: Pick<SpanEnergy, 'used' | 'served' | 'drained' | 'flush'>;
  /** Called for a record that cannot be believed. */
  readonly onCorrupt: () => void;
  /** An item that waits this long becomes a span, as of now. */
  readonly thresholdNs: () => number;
}

export class QueueDispatch {
  readonly #settings: QueueDispatchSettings;

  constructor(settings: QueueDispatchSettings) {
    this.#settings = settings;
  }

  /** A task that this thread has submitted, what one has used that it has served, or a message that it has received. */
  record(thread: RecentThread, record: RingRecord): void {
    const { emit, energy, onCorrupt } = this.#settings;
    const halves = record.other === undefined ? [record] : [record, record.other];
    if (record.kind === RecordKind.TASK) {
      const task = decodeTask(halves);
      if (task === undefined) onCorrupt();
      else energy.served(this.#task(thread, task), task.isAlone);
    } else if (record.kind === RecordKind.TASK_CPU) {
      const used = decodeTaskCpu(record);
      if (used === undefined) onCorrupt();
      else energy.used(used);
    } else {
      const message = decodeMessage(halves);
      if (message === undefined) onCorrupt();
      else emit(this.#message(thread, message));
    }
  }

  /** To be called after each drain of all rings. */
  drained(nowNs: number): void {
    this.#settings.energy.drained(nowNs);
  }

  /** Lets through all that waits for something. */
  flush(): void {
    this.#settings.energy.flush();
  }

  #task(thread: RecentThread, task: TaskRecord): SpanRecord {
    const { text, threads } = this.#settings;
    const { kind, outcome, submittedNs, waitNs, serviceNs, context, spanId } = task;
    const name = shownName(text(task.nameNumber), kind);
    const worker = task.workerThreadId < 0 ? undefined : threads.ofThreadId(task.workerThreadId);
    const attributes = { ...identity(thread), 'gridwatch.queue.name': name, 'gridwatch.queue.kind': kind };
    const wait = {
      name: `queue.wait ${name}`,
      startNs: submittedNs,
      endNs: submittedNs + waitNs,
      attributes: { ...attributes, 'gridwatch.contended': true },
    } as const;
    return {
      name: `task ${name}`,
      startNs: submittedNs,
      endNs: submittedNs + waitNs + serviceNs,
      attributes: {
        ...attributes,
        'gridwatch.task.outcome': outcome,
        ...(worker === undefined ? {} : { 'gridwatch.task.thread.name': worker.entry.name }),
        ...codeAttributes({ site: text(task.siteNumber), stack: '' }),
      },
      /* What it failed with is the application's to say. */
      ...(outcome === 'failed' ? { error: '' } : {}),
      ...(context === undefined ? {} : { parent: context }),
      ...(spanId === undefined ? {} : { spanId }),
      ...(waitNs < MIN_WAIT_NS ? {} : { children: [wait] }),
    };
  }

  #message(receiver: RecentThread, message: MessageRecord): SpanRecord {
    const { threads, thresholdNs } = this.#settings;
    const { kind, direction, sentNs, transitNs, processNs, depth, context, sendSpanId, processSpanId } = message;
    const name = this.#portName(message);
    const sender = message.senderSlot > 0 ? threads.ofSlotAt(message.senderSlot - 1, sentNs) : undefined;
    const queue = { 'gridwatch.queue.name': name, 'gridwatch.queue.kind': kind, ...directionOf(direction) };
    const deliveredNs = sentNs + transitNs;
    return {
      name: `send ${name}`,
      kind: 'producer',
      startNs: sentNs,
      endNs: deliveredNs,
      attributes: {
        ...(sender === undefined ? {} : identity(sender)),
        ...queue,
        'gridwatch.message.transit': transitNs / 1e9,
        'gridwatch.queue.depth': Math.max(0, depth),
        ...(transitNs >= thresholdNs() ? { 'gridwatch.contended': true } : {}),
      },
      ...(context === undefined ? {} : { parent: context }),
      ...(sendSpanId === undefined ? {} : { spanId: sendSpanId }),
      children: [
        {
          name: `process ${name}`,
          kind: 'consumer',
          startNs: deliveredNs,
          endNs: deliveredNs + processNs,
          attributes: { ...identity(receiver), ...queue },
          ...(processSpanId === undefined ? {} : { spanId: processSpanId }),
        },
      ],
    };
  }

  /** A worker's own port bears the name of that worker's thread. */
  #portName({ kind, nameNumber, portSlot, portGeneration }: MessageRecord): string {
    const { text, threads } = this.#settings;
    const worker = portSlot > 0 ? threads.ofClaim({ slot: portSlot - 1, generation: portGeneration }) : undefined;
    return worker?.entry.name ?? shownName(text(nameNumber), kind);
  }
}

function directionOf(direction: Direction): SignalAttributes {
  return direction === 'none' ? {} : { 'gridwatch.queue.direction': direction };
}

function identity({ entry, osThreadId }: RecentThread): SignalAttributes {
  const { threadId } = entry.info;
  return {
    ...(threadId < 0 ? {} : { 'thread.id': threadId }),
    'thread.name': entry.name,
    ...(osThreadId > 0 ? { 'gridwatch.thread.os_id': osThreadId } : {}),
  };
}
