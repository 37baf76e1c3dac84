/**
 * The records of a ring: what an application thread says once, past a threshold. Fixed size, sixteen words.
 *
 * Runs on every thread: written by `RingWriter`, read by `RingReader`.
 *
 *     word 0      kind; | FIRST_HALF or SECOND_HALF where a record is two of this size, one after the other, published together
 *     word 1      a number (for GC: the type; for a blocked event loop: CPU time in us; for locks see `lock-records.ts`, for messages and tasks `queue-records.ts`)
 *     words 2-3   two more numbers
 *     words 4-5   Float64: start, ns of the agent's clock
 *     words 6-7   Float64: duration, ns
 *     words 8-14  trace id, span id, flags of the span that was active (see `writeTraceIds`)
 *     word 15     a fourth number
 */
export const RecordKind = {
  GC: 1,
  EVENTLOOP: 2,
  LOCK_WAIT: 3,
  LOCK_BLAME: 4,
  LOCK_ORDER: 5,
  RACE: 6,
  MESSAGE: 7,
  TASK: 8,
  TASK_CPU: 9,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Kinds as the drop counters and `gridwatch.record.kind` name them; the index is the kind. Zero: a record that could not be believed. */
export const RECORD_KIND_NAMES = [
  'corrupt',
  'gc',
  'eventloop',
  'wait',
  'wait',
  'order',
  'race',
  'message',
  'task',
  'task',
] as const;

export const FIRST_HALF = 0x100;
export const SECOND_HALF = 0x200;

/** Byte offsets in a record. */
export const RECORD = {
  KIND: 0,
  NUMBER: 4,
  SECOND: 8,
  THIRD: 12,
  START_NS: 16,
  DURATION_NS: 24,
  CONTEXT: 32,
  FOURTH: 60,
} as const;

/** Types of garbage collection, as `v8js.gc.type` names them; the index is the record's number and the histogram's. */
export const GC_TYPES = ['minor', 'major', 'incremental', 'weakcb'] as const;
export type GcType = (typeof GC_TYPES)[number];
