/**
 * The layout against a second list of what stands where, with widths and writers: no two fields overlap, each is aligned,
 * and what different threads write stands on different cache lines.
 */
import { describe, expect, test } from 'vitest';
import { HEAP_WORDS } from '../../../agent/shared-memory/heap-words.ts';
import { HISTOGRAM_BYTES } from '../../../agent/shared-memory/histogram.ts';
import {
  ASYNC_LOCK_BYTES,
  ASYNC_LOCKS,
  CLASS_CELL_BYTES,
  CLASS_CELLS,
  ControlMemory,
  FILE_FIELD_BYTES,
  HEADER,
  isSlot,
  LOOP_BEAT_BYTES,
  NAME_BYTES,
  NAME_FIELD_BYTES,
  NAME_INDEX_ENTRIES,
  QUEUE_CELL_BYTES,
  QUEUE_CELLS,
  RECORD_BYTES,
  RING_RECORDS,
  SLOT,
  SLOT_COUNT,
  WAIT_ENTRY_BYTES,
} from '../../../agent/shared-memory/layout.ts';
import { GC_TYPES, RECORD, RECORD_KIND_NAMES } from '../../../agent/shared-memory/records.ts';

const CACHE_LINE_BYTES = 64;
const HEADER_BYTES = 4096;
const SLOT_BYTES = 8192;
const TRACE_IDS_BYTES = 28;

/** Who stores there while the program runs; `once` is before any other thread can read. */
type Writer = 'once' | 'main' | 'agent' | 'every thread' | 'the thread' | 'life of the slot';

interface Field {
  readonly bytes: number;
  readonly alignment: 4 | 8;
  readonly writer: Writer;
}

const int32 = (writer: Writer): Field => ({ bytes: 4, alignment: 4, writer });
const float64 = (writer: Writer): Field => ({ bytes: 8, alignment: 8, writer });
const block = (bytes: number, writer: Writer, alignment: 4 | 8 = 4): Field => ({ bytes, alignment, writer });

const HEADER_FIELDS: Record<keyof typeof HEADER, Field> = {
  MAGIC: int32('once'),
  VERSION: int32('once'),
  TOTAL_BYTES: int32('once'),
  BASE_S: float64('once'),
  AGENT_STATE: int32('agent'),
  DOORBELL: int32('every thread'),
  FLUSH_REQUESTED: int32('every thread'),
  FLUSH_DONE: int32('agent'),
  NAMES_USED: int32('every thread'),
  NAMES_DROPPED: int32('every thread'),
  THREADS_DROPPED: int32('every thread'),
  AGENT_RESTARTS: int32('main'),
  INSTANCE_ID: block(16, 'agent'),
  GC_THRESHOLD_NS: float64('agent'),
  SPANS_OFF: int32('agent'),
  FEATURES_OFF: int32('agent'),
  LOOP_THRESHOLD_NS: float64('agent'),
  LOCK_THRESHOLD_NS: float64('agent'),
  CLASS_CELLS_HIGH: int32('every thread'),
  LOCKS_DROPPED: int32('every thread'),
  QUEUE_CELLS_HIGH: int32('every thread'),
  QUEUES_DROPPED: int32('every thread'),
  QUEUE_THRESHOLD_NS: float64('agent'),
};

const SLOT_FIELDS: Record<keyof typeof SLOT, Field> = {
  STATE: int32('life of the slot'),
  THREAD_ID: int32('life of the slot'),
  OS_THREAD_ID: int32('life of the slot'),
  PARENT_THREAD_ID: int32('life of the slot'),
  EXIT_KIND: int32('life of the slot'),
  EXIT_CODE: int32('life of the slot'),
  SPAWN_SITE: int32('life of the slot'),
  TERMINATED: int32('life of the slot'),
  CLAIMED_NS: float64('life of the slot'),
  STARTED_NS: float64('life of the slot'),
  ENDED_NS: float64('life of the slot'),
  WAIT_SEQUENCE: int32('the thread'),
  WAIT_ENTRIES: block(2 * WAIT_ENTRY_BYTES, 'the thread'),
  RING_WRITE: int32('the thread'),
  RING_READ: int32('agent'),
  DROPPED: block(RECORD_KIND_NAMES.length * 4, 'the thread'),
  GC_SUSPENDED: int32('the thread'),
  SPAWN_CONTEXT: block(TRACE_IDS_BYTES, 'life of the slot'),
  CONTEXT_LOSSES: int32('the thread'),
  NAME: block(NAME_FIELD_BYTES, 'life of the slot'),
  FILE: block(FILE_FIELD_BYTES, 'life of the slot'),
  GC_HISTOGRAMS: block(GC_TYPES.length * HISTOGRAM_BYTES, 'the thread', 8),
  LOOP_BEAT: int32('the thread'),
  DELAY_WINDOW: int32('the thread'),
  DELAY_SQUARES: float64('the thread'),
  DELAY_MIN_NS: float64('the thread'),
  DELAY_MAX_NS: float64('the thread'),
  LOOP_STARTED_NS: float64('the thread'),
  LOOP_BEATS: block(2 * LOOP_BEAT_BYTES, 'the thread', 8),
  DELAY_WINDOW_ASKED: int32('agent'),
  DELAY_HISTOGRAM: block(HISTOGRAM_BYTES, 'the thread', 8),
  HEAP: block(HEAP_WORDS * 8, 'the thread', 8),
  WAIT_DETAIL: block(64, 'the thread'),
};

const RECORD_FIELDS: Record<keyof typeof RECORD, Field> = {
  KIND: int32('the thread'),
  NUMBER: int32('the thread'),
  SECOND: int32('the thread'),
  THIRD: int32('the thread'),
  FOURTH: int32('the thread'),
  START_NS: float64('the thread'),
  DURATION_NS: float64('the thread'),
  CONTEXT: block(TRACE_IDS_BYTES, 'the thread'),
};

interface Placed extends Field {
  readonly name: string;
  readonly at: number;
}

function place(offsets: Readonly<Record<string, number>>, fields: Readonly<Record<string, Field>>): Placed[] {
  return Object.entries(offsets)
    .map(([name, at]) => ({ ...(fields[name] as Field), name, at }))
    .toSorted((a, b) => a.at - b.at);
}

describe.each([
  ['header', place(HEADER, HEADER_FIELDS), HEADER_BYTES],
  ['slot', place(SLOT, SLOT_FIELDS), SLOT_BYTES],
  ['record', place(RECORD, RECORD_FIELDS), RECORD_BYTES],
])('%s', (_, fields, sizeBytes) => {
  test('no two fields overlap, and all lie within', () => {
    let end = 0;
    for (const { at, bytes } of fields) {
      expect(at).toBeGreaterThanOrEqual(end);
      end = at + bytes;
    }
    expect(end).toBeLessThanOrEqual(sizeBytes);
  });

  test('every field is aligned to its width', () => {
    expect(fields.filter(({ at, alignment }) => at % alignment !== 0)).toEqual([]);
  });

  test('fields of different writers stand on different cache lines', () => {
    const line = (at: number): number => Math.floor(at / CACHE_LINE_BYTES);
    const shared = fields.flatMap((field) =>
      fields.filter(
        (other) =>
          other.at > field.at && other.writer !== field.writer && line(field.at + field.bytes - 1) >= line(other.at),
      ),
    );
    expect(shared).toEqual([]);
  });
});

test('words of the header that every thread writes share their cache lines only with their like', () => {
  const [used, dropped] = [HEADER.NAMES_USED, HEADER.NAMES_DROPPED];
  const hot = [HEADER.DOORBELL, HEADER.FLUSH_REQUESTED, used, HEADER.THREADS_DROPPED];
  expect(new Set(hot.map((at) => at >> 6)).size).toBe(hot.length);
  expect(dropped >> 6).toBe(used >> 6);
});

describe('the control buffer', () => {
  const memory = ControlMemory.create(5);

  test('its parts follow one another without a gap that matters, to the last byte', () => {
    expect(memory.slotAt(0, 0)).toBe(HEADER_BYTES);
    expect(memory.slotAt(1, 0) - memory.slotAt(0, 0)).toBe(SLOT_BYTES);
    expect(memory.nameIndexAt).toBe(memory.slotAt(SLOT_COUNT, 0));
    expect(memory.namesAt).toBe(memory.nameIndexAt + NAME_INDEX_ENTRIES * 4);
    expect(memory.ringAt(0)).toBe(memory.namesAt + NAME_BYTES);
    expect(memory.ringAt(1) - memory.ringAt(0)).toBe(RING_RECORDS * RECORD_BYTES);
    expect(memory.asyncLocksAt(0)).toBe(memory.ringAt(SLOT_COUNT));
    expect(memory.asyncLocksAt(1) - memory.asyncLocksAt(0)).toBe(ASYNC_LOCKS * ASYNC_LOCK_BYTES);
    expect(memory.classCellAt(0)).toBe(memory.asyncLocksAt(SLOT_COUNT));
    expect(memory.classCellAt(1) - memory.classCellAt(0)).toBe(CLASS_CELL_BYTES);
    expect(memory.queueCellAt(0)).toBe(memory.classCellAt(CLASS_CELLS));
    expect(memory.queueCellAt(1) - memory.queueCellAt(0)).toBe(QUEUE_CELL_BYTES);
    expect(memory.buffer.byteLength).toBe(memory.queueCellAt(QUEUE_CELLS));
    expect(Math.log2(RING_RECORDS) % 1).toBe(0);
    for (const at of [
      memory.slotAt(0, 0),
      memory.nameIndexAt,
      memory.namesAt,
      memory.ringAt(0),
      memory.classCellAt(1),
      memory.queueCellAt(1),
    ]) {
      expect(at % CACHE_LINE_BYTES).toBe(0);
    }
  });

  test('attach takes it, with the base of the clock', () => {
    expect(ControlMemory.attach(memory.buffer)?.baseS).toBe(5);
  });

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'buffer'],
    ['a plain buffer of the size', new ArrayBuffer(64)],
    ['a shared buffer of another size', new SharedArrayBuffer(4096)],
  ])('attach refuses %s', (_, buffer) => {
    expect(ControlMemory.attach(buffer)).toBeUndefined();
  });

  test.each([HEADER.MAGIC, HEADER.VERSION, HEADER.TOTAL_BYTES])('attach refuses another word at byte %d', (at) => {
    const before = memory.i32[at >> 2] as number;
    memory.i32[at >> 2] = before + 1;
    expect(ControlMemory.attach(memory.buffer)).toBeUndefined();
    memory.i32[at >> 2] = before;
    expect(ControlMemory.attach(memory.buffer)).toBeDefined();
  });

  test('clearing a slot leaves its state word and its neighbours', () => {
    const from = memory.slotAt(2, 0);
    memory.u8.fill(0xff, from, from + 3 * SLOT_BYTES);
    memory.clearSlot(3);
    const bytes = memory.u8.subarray(from, from + 3 * SLOT_BYTES);
    expect(bytes.subarray(0, SLOT_BYTES + 4).every((byte) => byte === 0xff)).toBe(true);
    expect(bytes.subarray(SLOT_BYTES + 4, 2 * SLOT_BYTES).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(2 * SLOT_BYTES).every((byte) => byte === 0xff)).toBe(true);
  });

  test.each([0, 1, SLOT_COUNT - 1])('%d is a slot', (slot) => {
    expect(isSlot(slot)).toBe(true);
  });

  test.each([-1, SLOT_COUNT, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '0', undefined, null, {}])(
    '%s is none',
    (slot) => {
      expect(isSlot(slot)).toBe(false);
    },
  );
});
