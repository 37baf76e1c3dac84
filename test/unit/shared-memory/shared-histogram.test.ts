/** Histograms with many writers: S1, S2, against the one of a single writer. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  HISTOGRAM_BYTES,
  HistogramReader,
  HistogramTotal,
  HistogramWriter,
} from '../../../agent/shared-memory/histogram.ts';
import { SharedHistogramReader, SharedHistogramWriter } from '../../../agent/shared-memory/shared-histogram.ts';

const aDuration = fc.record({ ns: fc.nat({ max: 2e9 }), weight: fc.constantFrom(1, 64, 256) });

test('S1: two writers and one reader come to what one writer comes to, whenever it is read', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(aDuration, fc.boolean(), fc.boolean())), (steps) => {
      const shared = new SharedArrayBuffer(HISTOGRAM_BYTES);
      const single = new SharedArrayBuffer(HISTOGRAM_BYTES);
      const writers = [new SharedHistogramWriter(shared, 0), new SharedHistogramWriter(shared, 0)] as const;
      const reader = new SharedHistogramReader(shared, 0);
      const one = new HistogramWriter('waits', single, 0);
      const [total, expected] = [new HistogramTotal('waits'), new HistogramTotal('waits')];
      for (const [{ ns, weight }, isSecond, isRead] of steps) {
        writers[isSecond ? 1 : 0].record(ns, weight);
        one.record(ns, weight);
        if (isRead) reader.addNewTo(total);
      }
      reader.addNewTo(total);
      new HistogramReader(single, 0).addNewTo(expected);
      expect([...total.counts]).toEqual([...expected.counts]);
      expect(total.sumNs).toBe(expected.sumNs);
    }),
  );
});

test('what cannot be a duration adds nothing to the sum; nothing new is nothing to add', () => {
  const buffer = new SharedArrayBuffer(HISTOGRAM_BYTES);
  const writer = new SharedHistogramWriter(buffer, 0);
  const reader = new SharedHistogramReader(buffer, 0);
  const total = new HistogramTotal('waits');
  expect(reader.addNewTo(total)).toBe(false);
  for (const ns of [-5, Number.NaN, Number.POSITIVE_INFINITY]) writer.record(ns);
  expect(reader.addNewTo(total)).toBe(true);
  expect(total.sumNs).toBe(0);
  expect(total.counts.reduce((sum, count) => sum + count, 0)).toBe(3);
});

test('a sum that went back counts as unchanged', () => {
  const buffer = new SharedArrayBuffer(HISTOGRAM_BYTES);
  const writer = new SharedHistogramWriter(buffer, 0);
  const reader = new SharedHistogramReader(buffer, 0);
  const total = new HistogramTotal('waits');
  writer.record(1000);
  reader.addNewTo(total);
  new BigInt64Array(buffer, 0, 1)[0] = -7n;
  writer.record(10);
  reader.addNewTo(total);
  expect(total.sumNs).toBe(1000);
});
