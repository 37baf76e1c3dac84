/** What the window keeps of one series: counters, gauges and distributions between two times. Runs in the test's own process. */
import { describe, expect, it } from 'vitest';
import { Counter, Distribution, Gauge } from '../../../../agent/cli/ui/window/series.ts';

const T0 = 1_800_000_000_000;

describe('a counter', () => {
  it('tells how much it grew, evenly between points', () => {
    const series = new Counter();
    series.add(T0, T0 + 1000, 1, false);
    series.add(T0, T0 + 2000, 3, false);
    expect(series.increase(T0, T0 + 2000)).toBe(3);
    expect(series.increase(T0 + 1500, T0 + 2000)).toBe(1);
    expect(series.increase(T0 + 5000, T0 + 6000)).toBe(0);
  });

  it('takes a fall for a restart, and adds deltas up', () => {
    const cumulative = new Counter();
    for (const [at, value] of [
      [1, 5],
      [2, 9],
      [3, 2],
    ] as const)
      cumulative.add(T0, T0 + at * 1000, value, false);
    expect(cumulative.increase(T0, T0 + 3000)).toBe(11);
    const delta = new Counter();
    for (const [at, value] of [
      [1, 5],
      [2, 4],
      [3, 2],
    ] as const)
      delta.add(T0, T0 + at * 1000, value, true);
    expect(delta.increase(T0, T0 + 3000)).toBe(11);
  });

  it('stays bounded however often it is told, and forgets what is old', () => {
    const series = new Counter();
    for (let ms = 0; ms <= 10_000; ms += 10) series.add(T0, T0 + ms, ms, false);
    expect(series.increase(T0, T0 + 10_000)).toBe(10_000);
    series.prune(T0 + 9000);
    expect(series.increase(T0, T0 + 10_000)).toBeLessThan(2000);
    expect(series.increase(T0 + 9000, T0 + 10_000)).toBeCloseTo(1000, -2);
  });

  it('ignores what is late or no number', () => {
    const series = new Counter();
    series.add(T0, T0 + 2000, 3, false);
    series.add(T0, T0 + 1000, 9, false);
    series.add(T0, T0 + 3000, Number.NaN, false);
    expect(series.increase(T0, T0 + 3000)).toBe(3);
  });
});

describe('a gauge', () => {
  it('has a mean of what was sent between, or what was sent last', () => {
    const series = new Gauge();
    expect(series.mean(T0, T0 + 1)).toBeUndefined();
    for (const [at, value] of [
      [1, 1],
      [2, 3],
      [3, 5],
    ] as const)
      series.add(T0 + at * 1000, value);
    expect(series.mean(T0 + 1500, T0 + 3000)).toBe(4);
    expect(series.mean(T0 + 9000, T0 + 9500)).toBe(5);
  });
});

describe('a distribution', () => {
  it('counts what was added between two times, and bounds the longest', () => {
    const series = new Distribution();
    series.add(
      T0,
      T0 + 1000,
      0.5,
      [
        [0.1, 2],
        [1, 1],
      ],
      false,
    );
    series.add(
      T0,
      T0 + 2000,
      0.6,
      [
        [0.1, 4],
        [1, 1],
      ],
      false,
    );
    expect(series.between(T0, T0 + 2000)).toEqual({ count: 5, sumS: expect.closeTo(0.6), atMostS: 1 });
    const later = series.between(T0 + 1000, T0 + 2000);
    expect(later).toMatchObject({ count: 2, atMostS: 0.1 });
    expect(later.sumS).toBeCloseTo(0.1);
  });
});
