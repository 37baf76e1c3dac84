/** A thread's ring against a plain queue of the same capacity, at the edges of its indexes, and with one word wrong (any at all: `ring-scribbles.test.ts`). */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { answer } from '../../../agent/shared-memory/doorbell.ts';
import { ControlMemory, HEADER, RING_RECORDS, SLOT } from '../../../agent/shared-memory/layout.ts';
import { GC_TYPES, RECORD, RecordKind } from '../../../agent/shared-memory/records.ts';
import type { TraceIds } from '../../../agent/shared-memory/registry.ts';
import { RingReader, type RingRecord } from '../../../agent/shared-memory/ring-reader.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';

const NOW_NS = 1e12;
const SLOT_NUMBER = 3;
const memory = ControlMemory.create(0);
const writeAt = memory.slotAt(SLOT_NUMBER, SLOT.RING_WRITE) >> 2;
const readAt = memory.slotAt(SLOT_NUMBER, SLOT.RING_READ) >> 2;
const context: TraceIds = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };

beforeEach(() => {
  memory.clearSlot(SLOT_NUMBER);
  memory.u8.fill(0, memory.ringAt(SLOT_NUMBER), memory.ringAt(SLOT_NUMBER + 1));
  answer(memory);
});

function drainAll(reader: RingReader, nowNs = NOW_NS): RingRecord[] {
  const records: RingRecord[] = [];
  reader.drain(
    (record) => records.push({ ...record }),
    () => nowNs,
  );
  return records;
}

function takeDropped(reader: RingReader): Record<string, number> {
  const dropped: Record<string, number> = {};
  reader.takeDropped((kind, count) => void (dropped[kind] = count));
  return dropped;
}

describe('a record', () => {
  test('arrives as it was offered', () => {
    const writer = new RingWriter(memory, SLOT_NUMBER);
    writer.offer(RecordKind.GC, 1, 5e9 + 0.25, 7e6, context);
    writer.offer(RecordKind.GC, 0, 6e9, 0, undefined);
    expect(drainAll(new RingReader(memory, SLOT_NUMBER))).toMatchObject([
      { kind: RecordKind.GC, number: 1, startNs: 5e9 + 0.25, durationNs: 7e6, context, other: undefined },
      { kind: RecordKind.GC, number: 0, startNs: 6e9, durationNs: 0, context: undefined, other: undefined },
    ]);
  });

  test('without a context has none, also where an earlier one left its ids', () => {
    const writer = new RingWriter(memory, SLOT_NUMBER);
    const reader = new RingReader(memory, SLOT_NUMBER);
    for (let i = 0; i < RING_RECORDS; i++) {
      writer.offer(RecordKind.GC, 0, 1, 1, context);
      drainAll(reader);
    }
    writer.offer(RecordKind.GC, 0, 1, 1, undefined);
    expect(drainAll(reader)[0]?.context).toBeUndefined();
  });

  test('that was published after the reader looked at the clock is no less a record', () => {
    new RingWriter(memory, SLOT_NUMBER).offer(RecordKind.GC, 0, NOW_NS - 5, 10, undefined);
    const reader = new RingReader(memory, SLOT_NUMBER);
    expect(drainAll(reader, NOW_NS)).toHaveLength(1);
    expect(takeDropped(reader)).toEqual({});
  });
});

describe('Q1, Q2, Q3', () => {
  test('it is a queue that drops the newest when it is full, and counts what it drops', () => {
    const step = fc.oneof(fc.record({ offers: fc.integer({ min: 1, max: 3000 }) }), fc.constant('drain' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        memory.clearSlot(SLOT_NUMBER);
        const writer = new RingWriter(memory, SLOT_NUMBER);
        const reader = new RingReader(memory, SLOT_NUMBER);
        let queue: number[] = [];
        let next = 1;
        let dropped = 0;
        const drain = (): void => {
          expect(drainAll(reader).map(({ startNs }) => startNs)).toEqual(queue);
          queue = [];
        };
        for (const what of steps) {
          if (what === 'drain') {
            drain();
            continue;
          }
          for (let i = 0; i < what.offers; i++, next++) {
            const hasRoom = queue.length < RING_RECORDS;
            if (hasRoom) queue.push(next);
            else dropped++;
            if (writer.offer(RecordKind.GC, 0, next, 1, undefined) !== hasRoom) expect.unreachable('room or none');
          }
        }
        drain();
        expect(takeDropped(reader)).toEqual(dropped > 0 ? { gc: dropped } : {});
      }),
      { numRuns: 40 },
    );
  });

  test('indexes that wrap around go on', () => {
    const reader = new RingReader(memory, SLOT_NUMBER);
    const start = 0x7ffffffe;
    for (let i = 0; i < 5; i++) {
      const at = memory.ringAt(SLOT_NUMBER) + (((start + i) | 0) & (RING_RECORDS - 1)) * 64;
      memory.i32[(at + RECORD.KIND) >> 2] = RecordKind.GC;
      memory.f64[(at + RECORD.START_NS) >> 3] = i + 1;
    }
    memory.i32[readAt] = start;
    memory.i32[writeAt] = start + 5;
    expect(drainAll(reader).map(({ startNs }) => startNs)).toEqual([1, 2, 3, 4, 5]);
    expect(memory.i32[readAt]).toBe((start + 5) | 0);
    expect(takeDropped(reader)).toEqual({});
  });

  test('places are given back while the reader is still at it', () => {
    const writer = new RingWriter(memory, SLOT_NUMBER);
    for (let i = 0; i < RING_RECORDS; i++) writer.offer(RecordKind.GC, 0, 1, 1, undefined);
    expect(writer.offer(RecordKind.GC, 0, 1, 1, undefined)).toBe(false);
    let visited = 0;
    let offered = 0;
    new RingReader(memory, SLOT_NUMBER).drain(
      () => {
        if (++visited > RING_RECORDS / 2 && offered === 0 && writer.offer(RecordKind.GC, 0, 1, 1, undefined)) offered++;
      },
      () => NOW_NS,
    );
    expect(offered).toBe(1);
  });

  test('a second reader goes on where the first has stopped', () => {
    const writer = new RingWriter(memory, SLOT_NUMBER);
    writer.offer(RecordKind.GC, 0, 1, 1, undefined);
    expect(drainAll(new RingReader(memory, SLOT_NUMBER))).toHaveLength(1);
    writer.offer(RecordKind.GC, 0, 2, 1, undefined);
    expect(drainAll(new RingReader(memory, SLOT_NUMBER)).map(({ startNs }) => startNs)).toEqual([2]);
  });
});

test('the bell rings when the ring becomes half full, and not before', () => {
  const writer = new RingWriter(memory, SLOT_NUMBER);
  const isRung = (): boolean => memory.i32[HEADER.DOORBELL >> 2] === 1;
  for (let i = 0; i < RING_RECORDS / 2; i++) writer.offer(RecordKind.GC, 0, 1, 1, undefined);
  expect(isRung()).toBe(false);
  writer.offer(RecordKind.GC, 0, 1, 1, undefined);
  expect(isRung()).toBe(true);
});

describe('scribbled on', () => {
  test.each([
    ['a kind there is not', RECORD.KIND, 99],
    ['a type there is not', RECORD.NUMBER, GC_TYPES.length],
    ['a negative type', RECORD.NUMBER, -1],
  ])('%s: the record is counted as corrupt', (_, field, value) => {
    new RingWriter(memory, SLOT_NUMBER).offer(RecordKind.GC, 0, 1, 1, undefined);
    memory.i32[(memory.ringAt(SLOT_NUMBER) + field) >> 2] = value;
    const reader = new RingReader(memory, SLOT_NUMBER);
    expect(drainAll(reader)).toEqual([]);
    expect(takeDropped(reader)).toEqual({ corrupt: 1 });
    expect(takeDropped(reader)).toEqual({});
  });

  test.each([
    ['no start', 0, 1],
    ['a negative start', -1, 1],
    ['a start that is not a number', Number.NaN, 1],
    ['a negative duration', 1, -1],
    ['an endless duration', 1, Number.POSITIVE_INFINITY],
    ['a duration that is not a number', 1, Number.NaN],
    ['an end long after now', NOW_NS, 2e9],
  ])('%s: the record is counted as corrupt', (_, startNs, durationNs) => {
    new RingWriter(memory, SLOT_NUMBER).offer(RecordKind.GC, 0, startNs, durationNs, undefined);
    const reader = new RingReader(memory, SLOT_NUMBER);
    expect(drainAll(reader)).toEqual([]);
    expect(takeDropped(reader)).toEqual({ corrupt: 1 });
  });

  test('indexes further apart than the ring is long are made equal, and counted', () => {
    const reader = new RingReader(memory, SLOT_NUMBER);
    for (const written of [RING_RECORDS + 1, -1, 0x7fffffff, -0x80000000]) {
      memory.i32[readAt] = 0;
      memory.i32[writeAt] = written;
      expect(drainAll(reader)).toEqual([]);
      expect(memory.i32[readAt]).toBe(written);
      expect(takeDropped(reader)).toEqual({ corrupt: 1 });
    }
  });
});
