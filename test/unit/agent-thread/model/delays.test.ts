/** Statistics of delays against the delays themselves. */
import { describe, expect, test } from 'vitest';
import { delayStatistics } from '../../../../agent/agent-thread/model/delays.ts';
import { HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';

function statisticsOf(delaysNs: readonly number[]): ReturnType<typeof delayStatistics> {
  const histogram = new HistogramTotal('waits');
  for (const delayNs of delaysNs) histogram.record(delayNs);
  return delayStatistics(histogram, {
    minNs: Math.min(...delaysNs),
    maxNs: Math.max(...delaysNs),
    squares: delaysNs.reduce((sum, delayNs) => sum + delayNs * delayNs, 0),
  });
}

describe('delayStatistics', () => {
  test('there is none of nothing', () => {
    expect(delayStatistics(new HistogramTotal('waits'), { minNs: 0, maxNs: 0, squares: 0 })).toBeUndefined();
  });

  test('of one delay all are that delay', () => {
    expect(statisticsOf([3.21e6])).toEqual({
      min: 3.21e6,
      max: 3.21e6,
      mean: 3.21e6,
      stddev: 0,
      p50: 3.21e6,
      p90: 3.21e6,
      p99: 3.21e6,
    });
  });

  test('an idle loop has no delay at all', () => {
    expect(statisticsOf([0, 0, 0])).toEqual({ min: 0, max: 0, mean: 0, stddev: 0, p50: 0, p90: 0, p99: 0 });
  });

  test('mean and deviation are exact, percentiles within a cell of the histogram', () => {
    const delaysNs = Array.from({ length: 1000 }, (_, i) => (i + 1) * 1e6);
    const found = statisticsOf(delaysNs);
    expect(found).toMatchObject({ min: 1e6, max: 1000e6, mean: 500.5e6 });
    expect(found?.stddev).toBeCloseTo(288.675e6, -4);
    for (const [key, exact] of [
      ['p50', 500e6],
      ['p90', 900e6],
      ['p99', 990e6],
    ] as const) {
      expect(Math.abs((found?.[key] ?? 0) / exact - 1)).toBeLessThan(0.1);
    }
  });

  test('one block in a quiet loop shows in the greatest, not in the median', () => {
    const found = statisticsOf([...Array.from({ length: 700 }, () => 0), 300e6, 280e6, 260e6]);
    expect(found).toMatchObject({ min: 0, max: 300e6, p50: 0, p90: 0, p99: 0 });
  });
});
