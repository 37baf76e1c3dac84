/** Garbage collections by thread name and type, read from histograms in shared memory. Runs in a test process. */
import { beforeEach, expect, it } from 'vitest';
import { GcTotals } from '../../../../agent/agent-thread/model/gc.ts';
import { HISTOGRAM_BYTES, HistogramWriter } from '../../../../agent/shared-memory/histogram.ts';
import { ControlMemory, SLOT } from '../../../../agent/shared-memory/layout.ts';
import { GC_TYPES, type GcType } from '../../../../agent/shared-memory/records.ts';
import { collectFrom } from '../../../support/recording-sink.ts';

const MS = 1e6;
const memory = ControlMemory.create(0);
let gc: GcTotals;

function collectGarbage(slot: number, type: GcType, ...durationsNs: number[]): void {
  const at = memory.slotAt(slot, SLOT.GC_HISTOGRAMS) + GC_TYPES.indexOf(type) * HISTOGRAM_BYTES;
  const writer = new HistogramWriter('gc', memory.buffer, at);
  for (const durationNs of durationsNs) writer.record(durationNs);
}

const series = (type: GcType, name: string): string => `v8js.gc.duration{v8js.gc.type=${type},thread.name=${name}}`;

beforeEach(() => {
  gc = new GcTotals();
  for (let slot = 0; slot < 3; slot++) memory.clearSlot(slot);
});

it('tells nothing of a thread that has not collected', () => {
  gc.open(memory, 0, 'main');
  expect(collectFrom(gc)).toEqual({});
});

it.each(GC_TYPES)('counts %s as what it is', (type) => {
  gc.open(memory, 0, 'main');
  collectGarbage(0, type, 1 * MS, 20 * MS);
  expect(collectFrom(gc)).toEqual({ [series(type, 'main')]: 2 });
});

it('runs on from collection to collection', () => {
  gc.open(memory, 0, 'main');
  collectGarbage(0, 'minor', 1 * MS);
  collectFrom(gc);
  expect(collectFrom(gc)).toEqual({ [series('minor', 'main')]: 1 });
  collectGarbage(0, 'minor', 1 * MS);
  collectGarbage(0, 'major', 9 * MS);
  expect(collectFrom(gc)).toEqual({ [series('minor', 'main')]: 2, [series('major', 'main')]: 1 });
});

it('keeps threads apart', () => {
  gc.open(memory, 0, 'main');
  gc.open(memory, 1, 'worker-1');
  collectGarbage(1, 'major', 1 * MS, 2 * MS);
  collectGarbage(0, 'major', 3 * MS);
  expect(collectFrom(gc)).toEqual({ [series('major', 'main')]: 1, [series('major', 'worker-1')]: 2 });
});

it('reads an ending thread a last time, and then no more', () => {
  const reader = gc.open(memory, 1, 'worker-1');
  collectGarbage(1, 'minor', 1 * MS);
  gc.close(reader);
  collectGarbage(1, 'minor', 1 * MS);
  expect(collectFrom(gc)).toEqual({ [series('minor', 'worker-1')]: 1 });
});

it('runs on across the threads that bear a name, in whatever slot', () => {
  gc.close(gc.open(memory, 1, 'worker-1'));
  collectGarbage(1, 'minor', 1 * MS);
  gc.close(gc.open(memory, 1, 'worker-1'));
  memory.clearSlot(1);
  gc.open(memory, 1, 'worker-1');
  gc.open(memory, 2, 'other');
  collectGarbage(1, 'minor', 1 * MS);
  expect(collectFrom(gc)).toEqual({ [series('minor', 'worker-1')]: 2 });
});

it('forgets names nobody has borne for long, and loses nothing that was not told', () => {
  const counted = (): number => Object.values(collectFrom(gc)).reduce((sum, count) => sum + count, 0);
  for (let i = 0; i < 300; i++) {
    const reader = gc.open(memory, 1, `job-${i}`);
    collectGarbage(1, 'minor', 1 * MS);
    gc.close(reader);
    memory.clearSlot(1);
    if (i === 49) expect(counted()).toBe(50);
  }
  const told = collectFrom(gc);
  // The first 50 have been told of already.
  expect(told[series('minor', '_OTHER')]).toBe(300 - 128 - 50);
  expect(Object.keys(told)).toHaveLength(128 + 1);
});

it('adds up the durations', () => {
  gc.open(memory, 0, 'main');
  collectGarbage(0, 'major', 3 * MS, 4 * MS);
  const sums: number[] = [];
  const ignore = (): void => {};
  gc.collect({ sum: ignore, gauge: ignore, histogram: (_, __, { sumNs }) => void sums.push(sumNs) });
  expect(sums).toEqual([7 * MS]);
});
