/**
 * Histograms against a plain list of durations: their cells must give the explicit and the exponential buckets that the
 * list itself gives, exactly.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cellOf,
  EXPLICIT_BOUNDS_S,
  explicitBuckets,
  exponentialBuckets,
  HISTOGRAM_BYTES,
  type HistogramFamily,
  HistogramReader,
  HistogramTotal,
  HistogramWriter,
  sumOfFirstNs,
} from '../../../agent/shared-memory/histogram.ts';

const FAMILIES: readonly HistogramFamily[] = ['waits', 'gc'];
const LONGEST_S = 2 ** 7;
const SHORTEST_S = 2 ** -20;

/** Whole nanoseconds over the whole range, and the two beside each bound. */
const anyDurationNs = fc.oneof(
  fc.integer({ min: 0, max: 2000 }),
  fc.integer({ min: 0, max: 2e9 }),
  fc.double({ min: -1, max: 12, noNaN: true }).map((log) => Math.round(10 ** log)),
  fc
    .constantFrom(...EXPLICIT_BOUNDS_S.waits, ...EXPLICIT_BOUNDS_S.gc)
    .chain((boundS) => fc.integer({ min: -1, max: 1 }).map((offsetNs) => Math.round(boundS * 1e9) + offsetNs)),
  fc
    .integer({ min: -80, max: 28 })
    .chain((i) => fc.integer({ min: -1, max: 1 }).map((offsetNs) => Math.round(2 ** (i / 4) * 1e9) + offsetNs)),
);

function totalOf(family: HistogramFamily, durationsNs: readonly number[]): HistogramTotal {
  const total = new HistogramTotal(family);
  for (const ns of durationsNs) total.record(ns);
  return total;
}

/** The definition of OpenTelemetry: bounds are inclusive upper bounds. */
function explicitModel(family: HistogramFamily, durationsNs: readonly number[]): number[] {
  const boundsS = EXPLICIT_BOUNDS_S[family];
  const buckets = new Array<number>(boundsS.length + 1).fill(0);
  for (const ns of durationsNs) {
    const index = boundsS.findIndex((boundS) => ns / 1e9 <= boundS);
    const bucket = index < 0 ? boundsS.length : index;
    buckets[bucket] = (buckets[bucket] as number) + 1;
  }
  return buckets;
}

/** The bucket of scale 2 whose bounds, lower exclusive and upper inclusive, hold the duration. */
function exponentialModel(durationNs: number): number {
  const clampedS = Math.max(durationNs / 1e9, SHORTEST_S * 1.0001);
  if (clampedS > LONGEST_S) return 28;
  let index = Math.ceil(Math.log2(clampedS) * 4) - 1;
  while (2 ** (index / 4) >= clampedS) index--;
  while (2 ** ((index + 1) / 4) < clampedS) index++;
  return index;
}

describe.each(FAMILIES)('cells of %s', (family) => {
  test('give the explicit buckets that the durations themselves give', () => {
    fc.assert(
      fc.property(fc.array(anyDurationNs, { maxLength: 50 }), (durationsNs) => {
        expect(explicitBuckets(totalOf(family, durationsNs))).toEqual(explicitModel(family, durationsNs));
      }),
      { numRuns: 500 },
    );
  });

  test('give the exponential buckets that the durations themselves give', () => {
    fc.assert(
      fc.property(fc.array(anyDurationNs, { minLength: 1, maxLength: 50 }), (durationsNs) => {
        const { scale, offset, counts, zeroCount } = exponentialBuckets(totalOf(family, durationsNs));
        expect(scale).toBe(2);
        expect(zeroCount).toBe(0);
        const expected = new Map<number, number>();
        for (const ns of durationsNs) {
          const index = exponentialModel(ns);
          expected.set(index, (expected.get(index) ?? 0) + 1);
        }
        const found = new Map<number, number>();
        for (const [i, count] of counts.entries()) if (count > 0) found.set(offset + i, count);
        expect(found).toEqual(expected);
        expect(counts[0]).not.toBe(0);
        expect(counts.at(-1)).not.toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test('a longer duration is never in an earlier cell', () => {
    fc.assert(
      fc.property(anyDurationNs, anyDurationNs, (a, b) => {
        expect(cellOf(family, Math.min(a, b))).toBeLessThanOrEqual(cellOf(family, Math.max(a, b)));
      }),
      { numRuns: 2000 },
    );
  });

  test('every bound is in the bucket that it closes, and the next nanosecond is not', () => {
    for (const [i, boundS] of EXPLICIT_BOUNDS_S[family].entries()) {
      const boundNs = Math.round(boundS * 1e9);
      expect(explicitBuckets(totalOf(family, [boundNs]))[i]).toBe(1);
      expect(explicitBuckets(totalOf(family, [boundNs + 1]))[i + 1]).toBe(1);
    }
  });

  test('the extremes: nothing, less than nothing, not a number, for ever', () => {
    const last = cellOf(family, Number.POSITIVE_INFINITY);
    for (const ns of [0, -0, -1, Number.NaN, -Number.NaN, Number.NEGATIVE_INFINITY, 5e-324, 1, 953]) {
      expect(cellOf(family, ns)).toBe(0);
    }
    for (const ns of [LONGEST_S * 1e9 + 1, 1e300, Number.MAX_VALUE]) expect(cellOf(family, ns)).toBe(last);
    expect(cellOf(family, LONGEST_S * 1e9)).toBe(last - 1);
    expect(last).toBeLessThan((HISTOGRAM_BYTES - 8) / 4);
  });

  test('the beginnings of all durations are added up within the width of a cell, and are never more than the durations', () => {
    const most = fc.double({ min: 2, max: 11, noNaN: true }).map((log) => 10 ** log);
    fc.assert(
      fc.property(fc.array(anyDurationNs, { maxLength: 40 }), most, (durationsNs, mostNs) => {
        const total = totalOf(family, durationsNs);
        const exactNs = durationsNs.reduce((sum, ns) => sum + Math.min(Math.max(0, ns), mostNs), 0);
        /* What is shorter than the first cell's bound counts as that. */
        const widestNs = exactNs * 2 ** 0.25 + durationsNs.length * SHORTEST_S * 2 ** 0.25 * 1e9;
        const told = sumOfFirstNs(total, mostNs);
        expect(told).toBeGreaterThanOrEqual(exactNs * (1 - 1e-9));
        expect(told).toBeLessThanOrEqual(Math.min(total.sumNs, widestNs) * (1 + 1e-9));
      }),
    );
    expect(sumOfFirstNs(new HistogramTotal(family), 1e9)).toBe(0);
  });

  test('nothing recorded: no buckets', () => {
    expect(exponentialBuckets(new HistogramTotal(family))).toEqual({ scale: 2, offset: 0, counts: [], zeroCount: 0 });
    expect(explicitBuckets(new HistogramTotal(family)).every((count) => count === 0)).toBe(true);
  });
});

describe('in shared memory', () => {
  const pair = (): { buffer: SharedArrayBuffer; writer: HistogramWriter; reader: HistogramReader } => {
    const buffer = new SharedArrayBuffer(HISTOGRAM_BYTES * 3);
    const writer = new HistogramWriter('waits', buffer, HISTOGRAM_BYTES);
    return { buffer, writer, reader: new HistogramReader(buffer, HISTOGRAM_BYTES) };
  };

  test('H1: however often it is read, the total is that of all durations', () => {
    const step = fc.oneof(anyDurationNs, fc.constant('read' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { writer, reader } = pair();
        const total = new HistogramTotal('waits');
        const durationsNs: number[] = [];
        for (const what of steps) {
          if (what === 'read') reader.addNewTo(total);
          else {
            durationsNs.push(what);
            writer.record(what);
          }
        }
        reader.addNewTo(total);
        const expected = totalOf('waits', durationsNs);
        expect(total.counts).toEqual(expected.counts);
        expect(total.sumNs).toBeCloseTo(expected.sumNs, 0);
        expect(reader.addNewTo(total)).toBe(false);
      }),
    );
  });

  test('H1: a cell that wraps around goes on growing', () => {
    const { buffer, writer, reader } = pair();
    const cells = new Uint32Array(buffer, HISTOGRAM_BYTES + 8, 100);
    const total = new HistogramTotal('waits');
    const cell = cellOf('waits', 5e6);
    cells[cell] = 0xfffffffe;
    reader.addNewTo(total);
    for (let i = 0; i < 5; i++) writer.record(5e6);
    reader.addNewTo(total);
    expect(total.counts[cell]).toBe(0xfffffffe + 5);
  });

  test('several histograms are merged into one total', () => {
    const total = new HistogramTotal('waits');
    for (const ns of [5e6, 7e6]) {
      const { writer, reader } = pair();
      writer.record(ns);
      expect(reader.addNewTo(total)).toBe(true);
    }
    expect(total.counts).toEqual(totalOf('waits', [5e6, 7e6]).counts);
    expect(total.sumNs).toBe(12e6);
  });

  test('a sampled duration counts for as many as it stands for', () => {
    const { writer, reader } = pair();
    const total = new HistogramTotal('waits');
    writer.record(3e6, 64);
    reader.addNewTo(total);
    expect(total.counts[cellOf('waits', 3e6)]).toBe(64);
    expect(total.sumNs).toBe(64 * 3e6);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -5])(
    'a duration of %s is counted and leaves the sum as it was',
    (durationNs) => {
      const { writer, reader } = pair();
      const total = new HistogramTotal('waits');
      for (const ns of [1e6, durationNs, 2e6]) writer.record(ns);
      reader.addNewTo(total);
      expect(total.counts.reduce((sum, count) => sum + count)).toBe(3);
      expect(total.sumNs).toBe(3e6);
    },
  );

  test('words beside it are left alone', () => {
    const { buffer, writer } = pair();
    for (const ns of [0, 1e3, 1e6, 1e9, Number.POSITIVE_INFINITY]) writer.record(ns);
    const bytes = new Uint8Array(buffer);
    expect(bytes.subarray(0, HISTOGRAM_BYTES).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(2 * HISTOGRAM_BYTES).every((byte) => byte === 0)).toBe(true);
  });

  test('whatever stands there, the sum neither goes back nor becomes anything but a number', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: HISTOGRAM_BYTES, maxLength: HISTOGRAM_BYTES })), (scribbles) => {
        const { buffer, reader } = pair();
        const total = new HistogramTotal('waits');
        let before = 0;
        for (const bytes of scribbles) {
          new Uint8Array(buffer).set(bytes, HISTOGRAM_BYTES);
          reader.addNewTo(total);
          expect(total.sumNs).toBeGreaterThanOrEqual(before);
          before = total.sumNs;
          expect(explicitBuckets(total).every((count) => Number.isSafeInteger(count) && count >= 0)).toBe(true);
          expect(exponentialBuckets(total).counts.every((count) => count >= 0)).toBe(true);
        }
      }),
    );
  });
});
