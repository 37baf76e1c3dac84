/** The line through what was seen: what a machine draws anyway, and what it draws for its work. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LoadRegression } from '../../../../agent/agent-thread/energy/load-regression.ts';
import { Random } from '../../../support/random.ts';

const MIN_SPREAD = 0.1;

function through(points: readonly (readonly [load: number, powerW: number])[]): LoadRegression {
  const regression = new LoadRegression(MIN_SPREAD);
  for (const [load, powerW] of points) regression.add(load, powerW);
  return regression;
}

test('the watts that a machine was given come back, whatever they are and at whatever loads they were seen', () => {
  let lines = 0;
  const runs = fc.property(
    fc.double({ min: 1, max: 40, noNaN: true }),
    fc.double({ min: 1, max: 200, noNaN: true }),
    fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 6, maxLength: 300 }),
    (idleW, spanW, thousandths) => {
      const line = through(thousandths.map((load) => [load / 1000, idleW + (spanW * load) / 1000])).line();
      if (line === undefined) return;
      lines++;
      expect(Math.abs(line.idleW / idleW - 1)).toBeLessThan(0.01);
      expect(Math.abs(line.spanW / spanW - 1)).toBeLessThan(0.01);
      expect(line.relativeError).toBeLessThan(1e-4);
    },
  );
  fc.assert(runs, { numRuns: 500 });
  expect(lines).toBeGreaterThan(300);
});

describe('there is no line', () => {
  test('through fewer than six', () => {
    const regression = through([0, 1, 0, 1, 0].map((load) => [load, 5 + load]));
    expect(regression.line()).toBeUndefined();
    regression.add(1, 6);
    expect(regression.line()).toBeDefined();
  });

  test('through loads that are nearly the same', () => {
    expect(through(Array.from({ length: 100 }, (_, at) => [0.5 + (at % 2) * 0.19, 5 + at])).line()).toBeUndefined();
    expect(through(Array.from({ length: 100 }, (_, at) => [0.5 + (at % 2) * 0.21, 5 + (at % 2)])).line()).toBeDefined();
  });

  test('where more work takes no more power', () => {
    expect(through([0, 1, 0, 1, 0, 1, 0].map((load) => [load, 9 - load])).line()).toBeUndefined();
    expect(through([0, 1, 0, 1, 0, 1, 0].map((load) => [load, 9])).line()).toBeUndefined();
  });
});

test('how far the slope can be off is about as far as it is', () => {
  const random = new Random(7);
  const misses = Array.from({ length: 400 }, () => {
    const noisy = Array.from({ length: 40 }, (): [number, number] => {
      const load = random.next();
      const noise = Array.from({ length: 12 }, () => random.next()).reduce((sum, one) => sum + one, -6);
      return [load, 8 + 20 * load + 2 * noise];
    });
    const line = through(noisy).line();
    return line === undefined ? Number.NaN : Math.abs(line.spanW - 20) / (line.relativeError * line.spanW);
  });
  const within = misses.filter((miss) => miss <= 1.645).length / misses.length;
  expect(within).toBeGreaterThan(0.85);
  expect(within).toBeLessThan(0.95);
});

test('what was seen long ago is forgotten: a screen was dimmed', () => {
  const loads = Array.from({ length: 600 }, (_, at) => (at % 3) / 2);
  const regression = through(loads.map((load, at) => [load, (at < 100 ? 12 : 6) + 20 * load]));
  expect(regression.line()?.idleW).toBeCloseTo(6, 1);
  expect(regression.line()?.spanW).toBeCloseTo(20, 1);
});
