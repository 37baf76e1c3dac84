/** Ratios of paired measurements, and how sure they are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantile975, ratioOf } from '../../bench/ratio.ts';

describe('the quantile of Student’s t', () => {
  it.each([
    [5, 2.5706],
    [9, 2.2622],
    [19, 2.093],
    [29, 2.0452],
    [119, 1.9801],
  ])('for %i degrees of freedom is %f', (degrees, quantile) => {
    expect(Math.abs(quantile975(degrees) - quantile)).toBeLessThan(0.01);
  });
});

describe('a ratio', () => {
  it('of the same thing is one, without doubt', () => {
    expect(
      ratioOf([
        [3, 3],
        [5, 5],
        [7, 7],
      ]),
    ).toEqual({ mean: 1, low: 1, high: 1 });
  });

  it('is that of what was measured, however much both vary together', () => {
    const anyFigure = fc.double({ min: 0.1, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(anyFigure, { minLength: 3, maxLength: 40 }), anyFigure, (figures, factor) => {
        const { mean, low, high } = ratioOf(figures.map((figure) => [figure * factor, figure]));
        expect(mean / factor).toBeCloseTo(1, 9);
        expect(low).toBeLessThanOrEqual(mean);
        expect(high / factor).toBeCloseTo(1, 6);
      }),
    );
  });

  it('is the less sure the more the pairs differ', () => {
    const near = ratioOf([0.99, 1, 1.01, 1, 0.99, 1.01].map((figure) => [figure, 1]));
    const far = ratioOf([0.9, 1, 1.1, 1, 0.9, 1.1].map((figure) => [figure, 1]));
    expect(near.high - near.low).toBeLessThan((far.high - far.low) / 5);
    expect(far.low).toBeLessThan(0.95);
  });
});
