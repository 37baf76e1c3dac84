/** The wait word against a plain account of waits. Its races are explored in `model/`. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ControlMemory, SLOT, WAIT_ENTRY_BYTES } from '../../../agent/shared-memory/layout.ts';
import { readWaitWord, type WaitSnapshot, WaitState, WaitWordWriter } from '../../../agent/shared-memory/wait-word.ts';

const SLOT_NUMBER = 2;
const memory = ControlMemory.create(0);
const at = memory.slotAt(SLOT_NUMBER, 0) >> 2;

beforeEach(() => {
  memory.clearSlot(SLOT_NUMBER);
});

const read = (nowNs: number): WaitSnapshot => {
  const snapshot = readWaitWord(memory, SLOT_NUMBER, nowNs);
  if (snapshot === undefined) expect.unreachable('nothing read');
  return snapshot;
};

describe('a wait', () => {
  test('that was never begun reads as none', () => {
    expect(read(5)).toEqual({
      state: 'none',
      targetId: 0,
      mode: 0,
      sinceNs: 0,
      parkedNs: 0,
      waitingLockNs: 0,
      waitingQueueNs: 0,
      waits: 0,
    });
  });

  test('that goes on counts up to the moment of reading', () => {
    const writer = new WaitWordWriter(memory, SLOT_NUMBER);
    writer.begin(WaitState.WAITING_LOCK, 42, 1000);
    expect(read(1000)).toMatchObject({ state: 'waiting_lock', targetId: 42, sinceNs: 1000, waitingLockNs: 0 });
    expect(read(5000)).toMatchObject({ state: 'waiting_lock', waitingLockNs: 4000, parkedNs: 0, waits: 1 });
    /* The reader has looked at the clock before the wait began. */
    expect(read(900).waitingLockNs).toBe(0);
  });

  test('that has ended counts once', () => {
    const writer = new WaitWordWriter(memory, SLOT_NUMBER);
    writer.begin(WaitState.PARKED, 7, 1000);
    writer.end(3500);
    expect(read(9000)).toMatchObject({ state: 'none', targetId: 0, parkedNs: 2500, waits: 1 });
  });

  test('that ends before it began, by the clock, counts nothing', () => {
    const writer = new WaitWordWriter(memory, SLOT_NUMBER);
    writer.begin(WaitState.PARKED, 0, 1000);
    writer.end(900);
    expect(read(9000).parkedNs).toBe(0);
  });
});

test('W2: any sequence of waits reads as the plain account of it, to the nanosecond', () => {
  const wait = fc.record({
    state: fc.constantFrom(WaitState.PARKED, WaitState.WAITING_LOCK, WaitState.WAITING_QUEUE),
    targetId: fc.integer({ min: 0, max: 0x7fffffff }),
    gapNs: fc.integer({ min: 1, max: 1e12 }),
    durationNs: fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 2 ** 45 })),
  });
  const fields = { 1: 'parkedNs', 2: 'waitingLockNs', 3: 'waitingQueueNs' } as const;
  fc.assert(
    fc.property(fc.array(wait, { maxLength: 30 }), (waits) => {
      memory.clearSlot(SLOT_NUMBER);
      const writer = new WaitWordWriter(memory, SLOT_NUMBER);
      const account = { parkedNs: 0, waitingLockNs: 0, waitingQueueNs: 0 };
      let nowNs = 0;
      for (const [i, { state, targetId, gapNs, durationNs }] of waits.entries()) {
        nowNs += gapNs;
        writer.begin(state, targetId, nowNs);
        const half = Math.floor(durationNs / 2);
        const during = { ...account, [fields[state]]: account[fields[state]] + half };
        expect(read(nowNs + half)).toMatchObject({ ...during, targetId, sinceNs: nowNs, waits: i + 1 });
        nowNs += durationNs;
        writer.end(nowNs);
        account[fields[state]] += durationNs;
        expect(read(nowNs)).toMatchObject({ ...account, state: 'none', waits: i + 1 });
      }
    }),
    { numRuns: 200 },
  );
});

test('a fraction of a nanosecond is not carried along', () => {
  const writer = new WaitWordWriter(memory, SLOT_NUMBER);
  writer.begin(WaitState.PARKED, 0, 0x1_0000_0000 + 0.75);
  expect(read(0x1_0000_0000 + 10).sinceNs).toBe(0x1_0000_0000);
});

describe('what cannot be true is not read', () => {
  const entry = (): number => (memory.slotAt(SLOT_NUMBER, SLOT.WAIT_ENTRIES) >> 2) + WAIT_ENTRY_BYTES / 4;

  test.each<[string, (first: number) => void]>([
    ['a state there is not', (first) => void (memory.i32[first] = 4)],
    ['a negative state', (first) => void (memory.i32[first] = -1)],
    ['a negative beginning', (first) => void (memory.i32[first + 4] = -1)],
    ['a negative sum', (first) => void (memory.i32[first + 6] = -1)],
    ['a sum longer than the clock has run', (first) => void (memory.i32[first + 8] = 0x7fffffff)],
  ])('%s', (_, scribble) => {
    new WaitWordWriter(memory, SLOT_NUMBER).begin(WaitState.PARKED, 0, 1000);
    expect(readWaitWord(memory, SLOT_NUMBER, 2000)).toBeDefined();
    scribble(entry());
    expect(readWaitWord(memory, SLOT_NUMBER, 2000)).toBeUndefined();
  });

  test('no bits anywhere make the reader throw or believe the impossible', () => {
    const words = fc.array(fc.integer(), { minLength: 48, maxLength: 48 });
    const small = fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 48, maxLength: 48 });
    fc.assert(
      fc.property(fc.oneof(words, small), fc.integer({ min: 0, max: 2 ** 50 }), (values, nowNs) => {
        memory.i32.set(values, at + (SLOT.WAIT_SEQUENCE >> 2));
        const snapshot = readWaitWord(memory, SLOT_NUMBER, nowNs);
        if (snapshot === undefined) return;
        const { parkedNs, waitingLockNs, waitingQueueNs, sinceNs } = snapshot;
        for (const ns of [parkedNs, waitingLockNs, waitingQueueNs]) expect(ns >= 0 && ns <= 2 * nowNs).toBe(true);
        expect(sinceNs).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 1000 },
    );
  });
});
