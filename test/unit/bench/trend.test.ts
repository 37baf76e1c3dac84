/** Whether a soaked program grows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGrowing, type Point, thinned, trendOf } from '../../bench/trend.ts';

const minutes = Array.from({ length: 25 }, (_, minute) => minute);
/** Up and down, by no rule, always the same. */
const noise = (minute: number): number => ((minute * 37) % 11) - 5;

describe('a trend', () => {
  it('is the slope of a line, whatever outliers there are', () => {
    const points = minutes.map((minute): Point => [minute, minute % 9 === 4 ? 1e6 : 100 + 2 * minute]);
    const { growth, low, high } = trendOf(points);
    expect(growth).toBeCloseTo(48, 6);
    expect(low).toBeLessThanOrEqual(growth);
    expect(high).toBeGreaterThanOrEqual(growth);
  });

  it('of what only goes up and down is not growth', () => {
    expect(isGrowing(trendOf(minutes.map((minute) => [minute, 500 + noise(minute)])), 0)).toBe(false);
  });

  it('of a leak is found under the same ups and downs', () => {
    const leaking = minutes.map((minute): Point => [minute, 500 + noise(minute) + minute]);
    expect(isGrowing(trendOf(leaking), 0.03)).toBe(true);
    expect(isGrowing(trendOf(leaking), 0.2)).toBe(false);
  });

  it('of what never changes is exactly none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), (value) => {
        const { median, growth, low, high } = trendOf(minutes.map((minute) => [minute, value]));
        expect([median, growth, low, high]).toEqual([value, 0, 0, 0]);
      }),
    );
  });
});

it('thins by the median of each slice of time', () => {
  const points: Point[] = [
    [1, 5],
    [20, 100],
    [59, 6],
    [61, 8],
    [70, 10],
  ];
  expect(thinned(points, 60)).toEqual([
    [30, 6],
    [90, 9],
  ]);
});
