/**
 * What is said of messages and tasks through a ring (`records.ts`): types, and how they lie in a record of two halves.
 *
 * Runs on every thread: application threads offer them through their recorder, the agent thread decodes them. What is decoded is validated.
 */
import type { EncodedRecord, RecordHalf } from './lock-records.ts';
import { DIRECTIONS, type Direction, QUEUE_KINDS, type QueueKind } from './queue-cells.ts';
import { RecordKind } from './records.ts';
import type { TraceIds } from './registry.ts';

/** How a task ended; the index stands in memory. */
export const TASK_OUTCOMES = ['done', 'failed', 'aborted', 'rejected'] as const;
export type TaskOutcome = (typeof TASK_OUTCOMES)[number];

/** An item of a pool or a queue, from submission to its end. Offered by the thread that submitted it. */
export interface TaskRecord {
  readonly nameNumber: number;
  readonly kind: QueueKind;
  readonly outcome: TaskOutcome;
  /** Node's `threadId` of the worker that served it; -1 where it was served on no worker. */
  readonly workerThreadId: number;
  /** Where it was submitted: the number of a name, or 0. */
  readonly siteNumber: number;
  readonly submittedNs: number;
  readonly waitNs: number;
  readonly serviceNs: number;
  /** The span that was active at submission. */
  readonly context: TraceIds | undefined;
  /** The id of its own span, where spans of the program are children of that: it must then be exported. */
  readonly spanId: string | undefined;
  /** That worker had no other task while it had this one, as far as the submitting thread knows. */
  readonly isAlone: boolean;
}

/**
 * What a task has used of its worker's thread so far. Offered by the worker before it posts the result, so before the record of that task; where it cannot tell the
 * result from other messages it tells at each, and the last one counts.
 */
export interface TaskCpuRecord {
  /** The id of the task's own span. */
  readonly spanId: string;
  /** When the work on it began, and for how long it has gone on. */
  readonly beganNs: number;
  readonly workedNs: number;
  readonly cpuNs: number;
}

/** CPU time that is not worth a record, nor a price. */
export const MIN_TASK_CPU_NS = 1e6;
/** A kernel that counts by its ticks may be one of them ahead of the clock. */
const TICK_NS = 1e7;

export { DIRECTIONS, type Direction };

/** A message whose transit was long, or whose receiver did something that has a span. Offered by the receiver. */
export interface MessageRecord {
  readonly kind: QueueKind;
  readonly direction: Direction;
  /** The number of the port's name; 0 for a worker's own port, which is named after that worker's thread. */
  readonly nameNumber: number;
  /** The slot, + 1, of the worker whose own port it is, and its generation; 0 for any other port. */
  readonly portSlot: number;
  readonly portGeneration: number;
  /** The slot, + 1, of the thread that posted it; 0: not known. */
  readonly senderSlot: number;
  /** How many messages were on their way before it. */
  readonly depth: number;
  readonly sentNs: number;
  readonly transitNs: number;
  /** How long its handlers ran, to the end of their synchronous part. */
  readonly processNs: number;
  /** The span that was active at the post. */
  readonly context: TraceIds | undefined;
  /** The ids of the two spans, where spans of the program are children of the second: both must then be exported. */
  readonly sendSpanId: string | undefined;
  readonly processSpanId: string | undefined;
}

const NO_ID = '0000000000000000';
/** Beside the kind and the outcome of a task. */
const IS_ALONE = 0x10000;

export type TaskCpuTimes = Omit<TaskCpuRecord, 'spanId'>;

type TwoHalves = readonly [RecordHalf, RecordHalf];

export function encodeTask(task: TaskRecord): TwoHalves {
  return [
    {
      kind: RecordKind.TASK,
      number: task.nameNumber,
      second:
        QUEUE_KINDS.indexOf(task.kind) | (TASK_OUTCOMES.indexOf(task.outcome) << 8) | (task.isAlone ? IS_ALONE : 0),
      third: task.workerThreadId,
      fourth: task.siteNumber,
      startNs: task.submittedNs,
      durationNs: task.waitNs,
      context: task.context,
    },
    {
      kind: RecordKind.TASK,
      number: highWord(task.spanId),
      second: lowWord(task.spanId),
      third: 0,
      fourth: 0,
      startNs: 0,
      durationNs: task.serviceNs,
      context: undefined,
    },
  ];
}

export function decodeTask([first, second]: readonly RecordHalf[]): TaskRecord | undefined {
  if (first === undefined || second === undefined) return undefined;
  const kind = QUEUE_KINDS[first.second & 0xff];
  const outcome = TASK_OUTCOMES[(first.second >> 8) & 0xff];
  if (kind === undefined || outcome === undefined || !areDurations(first, second)) return undefined;
  return {
    nameNumber: first.number,
    kind,
    outcome,
    workerThreadId: first.third,
    siteNumber: first.fourth,
    submittedNs: first.startNs,
    waitNs: first.durationNs,
    serviceNs: second.durationNs,
    context: first.context,
    spanId: idOf(second.number, second.second),
    isAlone: (first.second & IS_ALONE) !== 0,
  };
}

/** `task` is the context of the task's own span. */
export function encodeTaskCpu(task: TraceIds, { beganNs, workedNs, cpuNs }: TaskCpuTimes): EncodedRecord {
  return [
    {
      kind: RecordKind.TASK_CPU,
      /* Microseconds, as the system has them: 35 minutes of them at most. */
      number: Math.min(0x7fffffff, Math.round(cpuNs / 1e3)),
      second: 0,
      third: 0,
      fourth: 0,
      startNs: beganNs,
      durationNs: workedNs,
      context: task,
    },
  ];
}

/** Undefined where it says what cannot be: no thread uses more CPU time than there was. */
export function decodeTaskCpu({ number, startNs, durationNs, context }: RecordHalf): TaskCpuRecord | undefined {
  const toldNs = number * 1e3;
  const cpuNs = Math.min(toldNs, durationNs);
  if (context === undefined || !(cpuNs >= MIN_TASK_CPU_NS && toldNs <= durationNs + TICK_NS)) return undefined;
  return { spanId: context.spanId, beganNs: startNs, workedNs: durationNs, cpuNs };
}

export function encodeMessage(message: MessageRecord): TwoHalves {
  const { context, processSpanId, sendSpanId } = message;
  return [
    {
      kind: RecordKind.MESSAGE,
      number: message.nameNumber,
      second: QUEUE_KINDS.indexOf(message.kind) | (DIRECTIONS.indexOf(message.direction) << 8),
      third: message.senderSlot,
      fourth: message.depth,
      startNs: message.sentNs,
      durationNs: message.transitNs,
      context,
    },
    {
      kind: RecordKind.MESSAGE,
      number: highWord(sendSpanId),
      second: lowWord(sendSpanId),
      third: message.portSlot,
      fourth: message.portGeneration,
      startNs: 0,
      durationNs: message.processNs,
      context: context === undefined || processSpanId === undefined ? undefined : { ...context, spanId: processSpanId },
    },
  ];
}

export function decodeMessage([first, second]: readonly RecordHalf[]): MessageRecord | undefined {
  if (first === undefined || second === undefined) return undefined;
  const kind = QUEUE_KINDS[first.second & 0xff];
  const direction = DIRECTIONS[(first.second >> 8) & 0xff];
  if (kind === undefined || direction === undefined || !areDurations(first, second)) return undefined;
  return {
    kind,
    direction,
    nameNumber: first.number,
    portSlot: second.third,
    portGeneration: second.fourth,
    senderSlot: first.third,
    depth: first.fourth,
    sentNs: first.startNs,
    transitNs: first.durationNs,
    processNs: second.durationNs,
    context: first.context,
    sendSpanId: idOf(second.number, second.second),
    processSpanId: second.context?.spanId,
  };
}

function areDurations(first: RecordHalf, second: RecordHalf): boolean {
  return first.durationNs >= 0 && second.durationNs >= 0;
}

function highWord(spanId: string | undefined): number {
  return Number.parseInt((spanId ?? NO_ID).slice(0, 8), 16) | 0;
}

function lowWord(spanId: string | undefined): number {
  return Number.parseInt((spanId ?? NO_ID).slice(8), 16) | 0;
}

function idOf(high: number, low: number): string | undefined {
  if (high === 0 && low === 0) return undefined;
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
