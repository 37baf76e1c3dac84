/** What one thread writes of its event loop is what the agent reads, and nothing else is believed. */
import { beforeEach, describe, expect, test } from 'vitest';
import { HistogramTotal } from '../../../agent/shared-memory/histogram.ts';
import { ControlMemory, LOOP_BEAT_BYTES, SLOT } from '../../../agent/shared-memory/layout.ts';
import { LoopReader, LoopWriter } from '../../../agent/shared-memory/loop-words.ts';

const OF_SLOT = 3;

let memory: ControlMemory;
let writer: LoopWriter;
let reader: LoopReader;

beforeEach(() => {
  memory = ControlMemory.create(0);
  writer = new LoopWriter(memory, OF_SLOT);
  reader = new LoopReader(memory, OF_SLOT);
});

function takeDelays(): { counts: number; sumNs: number; extremes: ReturnType<LoopReader['takeDelays']> } {
  const total = new HistogramTotal('waits');
  const extremes = reader.takeDelays(total);
  return { counts: total.counts.reduce((sum, one) => sum + one, 0), sumNs: total.sumNs, extremes };
}

describe('beats', () => {
  test('there is none before the first', () => {
    expect(reader.readBeat()).toBeUndefined();
    writer.start(5);
    expect(reader.readBeat()).toBeUndefined();
  });

  test('the newest is read', () => {
    writer.start(5);
    for (let i = 1; i <= 5; i++) {
      writer.beat(10 * i, i, 2 * i, 10 * i + 100);
      expect(reader.readBeat()).toEqual({
        number: i,
        startedNs: 5,
        atNs: 10 * i,
        idleNs: i,
        parkedNs: 2 * i,
        dueNs: 10 * i + 100,
      });
    }
  });

  test('a quiet loop has no next one', () => {
    writer.start(5);
    writer.beat(10, 1, 0, 0);
    expect(reader.readBeat()).toMatchObject({ atNs: 10, dueNs: 0 });
  });

  test('a source that has failed is told of no more', () => {
    writer.start(5);
    writer.beat(10, 1, 0, 20);
    writer.start(0);
    writer.beat(30, 1, 0, 40);
    expect(reader.readBeat()).toBeUndefined();
  });

  test.each([
    ['it ends before it began', 0, 4],
    ['it is due before it was', 24, 9],
    ['idle time is negative', 8, -1],
    ['parked time is none', 16, Number.NaN],
    ['it is due never', 24, Number.POSITIVE_INFINITY],
  ])('is not believed when %s', (_, byteOffset, value) => {
    writer.start(5);
    writer.beat(10, 1, 2, 20);
    memory.f64[memory.slotAt(OF_SLOT, SLOT.LOOP_BEATS + LOOP_BEAT_BYTES + byteOffset) >> 3] = value;
    expect(reader.readBeat()).toBeUndefined();
  });
});

describe('delays', () => {
  test('are summed up by window', () => {
    for (const delayNs of [20e6, 5e6, 80e6]) writer.delay(delayNs);
    expect(takeDelays()).toEqual({
      counts: 3,
      sumNs: 105e6,
      extremes: { minNs: 5e6, maxNs: 80e6, squares: 20e6 ** 2 + 5e6 ** 2 + 80e6 ** 2 },
    });
    expect(takeDelays()).toEqual({ counts: 0, sumNs: 0, extremes: undefined });
    writer.delay(7e6);
    expect(takeDelays()).toEqual({ counts: 1, sumNs: 7e6, extremes: { minNs: 7e6, maxNs: 7e6, squares: 7e6 ** 2 } });
  });

  test('a reader that follows another one begins with what comes next', () => {
    writer.delay(900e6);
    reader = new LoopReader(memory, OF_SLOT);
    writer.delay(2e6);
    expect(takeDelays()).toMatchObject({ counts: 1, extremes: { minNs: 2e6, maxNs: 2e6 } });
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('a greatest one of %d is not believed', (value) => {
    writer.delay(2e6);
    memory.f64[memory.slotAt(OF_SLOT, SLOT.DELAY_MAX_NS) >> 3] = value;
    expect(takeDelays().extremes).toBeUndefined();
  });
});
