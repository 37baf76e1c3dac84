/** Bounds that multiply. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  boundsOf,
  combinedFactor,
  factorOf,
  factorOfSum,
  logVarianceOf,
  UNCERTAINTY,
} from '../../../../agent/agent-thread/energy/uncertainty.ts';

const factors = fc.array(fc.double({ min: 1, max: 100, noNaN: true }), { maxLength: 8 });

test('a factor is a variance of the logarithm, and back', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 1000, noNaN: true }), (factor) => {
      expect(factorOf(logVarianceOf(factor))).toBeCloseTo(factor, 9);
    }),
  );
  expect(logVarianceOf(1)).toBe(0);
});

test('independent factors add as variances: less than their product, not less than the widest of them, in any order', () => {
  fc.assert(
    fc.property(factors, (all) => {
      const combined = combinedFactor(all);
      const product = all.reduce((sofar, factor) => sofar * factor, 1);
      expect(combined).toBeLessThanOrEqual(product * (1 + 1e-9));
      expect(combined).toBeGreaterThanOrEqual(Math.max(1, ...all) * (1 - 1e-9));
      expect(combinedFactor(all.toReversed())).toBeCloseTo(combined, 6);
    }),
  );
  expect(combinedFactor([])).toBe(1);
  expect(combinedFactor([1.6, 1, 1])).toBeCloseTo(1.6, 12);
  expect(combinedFactor([1.6, 1.6])).toBeCloseTo(1.6 ** Math.SQRT2, 12);
});

/* Two estimates, each wrong by a normal error of its logarithm, of which 5 % lie beyond each bound. */
test('nine in ten of the products lie within the combined factor', () => {
  let state = 1;
  const uniform = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const wrongBy = (factor: number): number => Math.exp(normal() * Math.sqrt(logVarianceOf(factor)));
  const combined = combinedFactor([1.6, 2]);
  const products = Array.from({ length: 20_000 }, () => wrongBy(1.6) * wrongBy(2));
  const within = products.filter((product) => product <= combined && product >= 1 / combined).length;
  expect(within / products.length).toBeGreaterThan(0.89);
  expect(within / products.length).toBeLessThan(0.91);
});

test('a sum is known better than its parts, and like the one that is nearly all of it', () => {
  expect(factorOfSum([])).toBe(1);
  expect(factorOfSum([{ value: 7, factor: 1.6 }])).toBeCloseTo(1.6, 12);
  expect(
    factorOfSum([
      { value: 7, factor: 1.2 },
      { value: 0, factor: 3.5 },
    ]),
  ).toBeCloseTo(1.2, 12);
  expect(
    factorOfSum([
      { value: 5, factor: 1.6 },
      { value: 5, factor: 1.6 },
    ]),
  ).toBeCloseTo(1.6 ** Math.SQRT1_2, 12);
});

test('bounds are value / factor and value * factor', () => {
  expect(boundsOf(10, 2)).toEqual({ low: 5, high: 20 });
  expect(boundsOf(0, 2)).toEqual({ low: 0, high: 0 });
});

test('what is known better has the narrower bounds', () => {
  const { raplNode, sameHost, family, blindClock, generic } = UNCERTAINTY;
  const order = [raplNode, sameHost, family, blindClock, generic];
  expect(order).toEqual(order.toSorted((a, b) => a - b));
});
