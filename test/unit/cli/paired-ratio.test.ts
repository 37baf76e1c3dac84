/** The statistics of `gridwatch compare`, against a table, against what they promise, and at their edges. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, median, pairedRatio, studentT95, widened } from '../../../agent/cli/paired-ratio.ts';

/** Numbers from 0 to 1, the same ones every time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

function normalFrom(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}

describe('studentT95', () => {
  // Quantiles of 0.975, as in any table of Student's t.
  it.each([
    [1, 12.706],
    [2, 4.303],
    [9, 2.262],
    [30, 2.042],
    [31, 2.0395],
    [40, 2.0211],
    [60, 2.0003],
    [120, 1.9799],
    [999, 1.9623],
  ])('of %d degrees of freedom is %d', (degrees, quantile) => {
    expect(Math.abs(studentT95(degrees) - quantile)).toBeLessThan(6e-4);
  });
});

describe('pairedRatio', () => {
  it('is worked out by hand for three pairs', () => {
    // Log ratios 0, ln 2, 2 ln 2: mean ln 2, standard deviation ln 2, standard error ln 2 / sqrt 3.
    const { ratio, low, high } = pairedRatio([1, 10, 5], [1, 20, 20]) ?? {};
    expect(ratio).toBeCloseTo(2, 10);
    expect(high).toBeCloseTo(2 * 2 ** (4.303 / Math.sqrt(3)), 6);
    expect((low as number) * (high as number)).toBeCloseTo(4, 10);
  });

  it('turns round when A and B are exchanged, and does not care for the unit', () => {
    const positive = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(positive, positive), { minLength: 2, maxLength: 20 }), positive, (pairs, unit) => {
        const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
        const there = pairedRatio(a, b);
        const back = pairedRatio(
          b.map((y) => y * unit),
          a.map((x) => x * unit),
        );
        expect(Math.log(back?.ratio ?? 0)).toBeCloseTo(-Math.log(there?.ratio ?? 0), 6);
        expect(Math.log(back?.low ?? 0)).toBeCloseTo(-Math.log(there?.high ?? 0), 6);
      }),
    );
  });

  it.each([[3], [10], [40]])('holds the true ratio in 95 of 100 cases, with %d pairs', (pairs) => {
    const random = randomFrom(pairs);
    const normal = normalFrom(random);
    const cases = 4000;
    let held = 0;
    for (let i = 0; i < cases; i++) {
      // The machine is slower or faster by up to a factor of 3 from pair to pair; each run errs by a tenth.
      const drift = Array.from({ length: pairs }, () => 3 ** random());
      const a = drift.map((slow) => slow * Math.exp(0.1 * normal()));
      const b = drift.map((slow) => 1.5 * slow * Math.exp(0.1 * normal()));
      const ratio = pairedRatio(a, b);
      if (ratio !== undefined && contains(ratio, 1.5)) held++;
    }
    // Three standard errors of 4000 cases are 1 %.
    expect(held / cases).toBeGreaterThan(0.94);
    expect(held / cases).toBeLessThan(0.96);
  });

  it.each([
    [[], []],
    [[1], [2]],
    [
      [1, 0],
      [1, 1],
    ],
    [
      [1, 1],
      [0, 1],
    ],
    [
      [1, Number.NaN],
      [1, 1],
    ],
    [
      [1, -1],
      [1, 1],
    ],
  ])('has no answer for %j against %j', (a, b) => {
    expect(pairedRatio(a, b)).toBeUndefined();
  });

  it('is a point where every pair has the same ratio', () => {
    expect(pairedRatio([1, 2, 4], [2, 4, 8])).toEqual({ ratio: 2, low: 2, high: 2 });
  });
});

describe('widened', () => {
  it('has the bound alone where nothing else is uncertain: 1.2 with 90 % is 1.243 with 95 %', () => {
    const { ratio, low, high } = widened({ ratio: 1, low: 1, high: 1 }, 1.2);
    expect([ratio, low, high].map((value) => value.toFixed(3))).toEqual(['1.000', '0.805', '1.243']);
  });

  it('adds the squares of both', () => {
    const { high } = widened({ ratio: 1, low: 1 / 1.5, high: 1.5 }, 1.2);
    expect(Math.log(high)).toBeCloseTo(Math.hypot(Math.log(1.5), 1.191_59 * Math.log(1.2)), 4);
  });
});

it.each([
  [[3], 3],
  [[4, 1, 3], 3],
  [[4, 1, 3, 2], 2.5],
  [[], Number.NaN],
])('the median of %j is %d', (values, middle) => {
  expect(median(values)).toBe(middle);
});
