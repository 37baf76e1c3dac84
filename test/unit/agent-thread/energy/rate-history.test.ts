/** What a busy CPU drew over a time, of readings of a second each. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateHistory } from '../../../../agent/agent-thread/energy/rate-history.ts';

const SECOND_NS = 1e9;

/** Watts for each busy CPU and seconds of CPU time, of one second after the other from 1 s on. */
function history(...readings: readonly (readonly [powerW: number, cpuS: number])[]): RateHistory {
  const rates = new RateHistory();
  for (const [at, [powerW, cpuS]] of readings.entries())
    rates.add((at + 1) * SECOND_NS, powerW * cpuS * 1e6, cpuS * 1e9);
  return rates;
}

const meanW = (rates: RateHistory, fromS: number, untilS: number): number =>
  rates.meanPowerPerCpuW(fromS * SECOND_NS, untilS * SECOND_NS);

describe('what a busy CPU drew', () => {
  test('is not known before the first reading', () => {
    expect(meanW(history(), 0, 1)).toBe(0);
  });

  test.each([
    [0.2, 0.9, 5],
    [1.2, 1.3, 7],
    [1, 2, 7],
    [2, 3, 2],
  ])('from %f s to %f s is that of the reading which covers it', (fromS, untilS, powerW) => {
    expect(meanW(history([5, 1], [7, 1], [2, 1]), fromS, untilS)).toBe(powerW);
  });

  test('is the mean of all readings that have a part of it', () => {
    expect(meanW(history([5, 1], [7, 1], [3, 1]), 0.9, 2.1)).toBe(5);
  });

  test('counts by CPU time: a second in which next to nothing ran says nothing', () => {
    expect(meanW(history([5, 1], [900, 0.0001], [5, 1]), 0.5, 2.5)).toBeCloseTo(5, 1);
  });

  test.each([
    [-5, -4, 5],
    [8, 9, 3],
    [2.5, 9, 3],
  ])('from %f s to %f s is that of the nearest reading', (fromS, untilS, powerW) => {
    expect(meanW(history([5, 1], [7, 1], [3, 1]), fromS, untilS)).toBe(powerW);
  });

  test('of work that has lasted for longer than is remembered is that of the time which is', () => {
    const rates = history(...Array.from({ length: 1000 }, (_, second) => [second < 400 ? 100 : 4, 1] as const));
    expect(meanW(rates, 0, 1000)).toBe(4);
    expect(meanW(rates, 1, 2)).toBe(4);
  });
});

test('tasks that follow one another cost together what their thread did', () => {
  const second = fc.record({
    powerW: fc.double({ min: 0, max: 50, noNaN: true }),
    until: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const runs = fc.property(fc.array(second, { minLength: 1, maxLength: 40 }), (seconds) => {
    /* A thread that always works, on one task up to a moment of each second and on another one from there on. */
    const rates = history(...seconds.map(({ powerW }) => [powerW, 1] as const));
    const threadJ = seconds.reduce((sum, { powerW }) => sum + powerW, 0);
    const oneTaskJ = meanW(rates, 0, seconds.length) * seconds.length;
    expect(Math.abs(oneTaskJ - threadJ)).toBeLessThan(1e-6);
    let inSecondsJ = 0;
    for (const [at, { until }] of seconds.entries())
      inSecondsJ += meanW(rates, at, at + until) * until + meanW(rates, at + until, at + 1) * (1 - until);
    expect(Math.abs(inSecondsJ - threadJ)).toBeLessThan(1e-6);
  });
  fc.assert(runs);
});
