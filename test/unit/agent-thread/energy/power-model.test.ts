/** The power model: its formula, its ranges, what it says of its own certainty. Against published results it is held in power-model-published.test.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LOAD_CURVES } from '../../../../agent/agent-thread/energy/cpu-families.ts';
import { curvePower, estimatePower } from '../../../../agent/agent-thread/energy/power-model.ts';
import type { PowerModelInput } from '../../../../agent/config/power-estimate.ts';
import { GridwatchError } from '../../../../agent/errors.ts';
import { CPUS } from './published-results.ts';

const TURIN = { vendor: 'AuthenticAMD', family: 26, model: 2 };
const STRAIGHT = Array.from({ length: 11 }, (_, at) => at / 10);

describe('an estimate', () => {
  test('is CPUs by the watts of the family, and between idle and maximum on its curve', () => {
    const at = (utilization: number): number => estimatePower({ ...TURIN, logicalCpus: 100, utilization }).powerW;
    expect(at(0)).toBeCloseTo(21.4, 9);
    expect(at(1)).toBeCloseTo(117.8, 9);
    expect(at(0.5)).toBeCloseTo(21.4 + 96.4 * 0.433, 9);
    expect(at(0.55)).toBeCloseTo(21.4 + (96.4 * (0.433 + 0.514)) / 2, 9);
  });

  test('has idle and maximal watts, the family, and bounds that are wide where the clock is not known', () => {
    const input = { ...TURIN, logicalCpus: 10, utilization: 0.3 };
    expect(estimatePower(input)).toMatchObject({
      source: 'model:family',
      familyName: 'EPYC 5 Turin',
      uncertainty: 2.4,
    });
    const known = estimatePower({ ...input, frequencyRatio: 1 });
    expect(known.uncertainty).toBe(1.6);
    expect(known.idlePowerW).toBeCloseTo(2.14, 9);
    expect(known.maxPowerW).toBeCloseTo(11.78, 9);
    expect(known.powerW).toBe(estimatePower(input).powerW);
  });

  test.each<[string, Partial<PowerModelInput>, string | undefined]>([
    ['nothing is known', {}, undefined],
    ['the vendor alone is known', { vendor: 'GenuineIntel' }, undefined],
    ['the CPU is a desktop', { vendor: 'AuthenticAMD', family: 25, model: 33 }, undefined],
    ['the CPU is Graviton3, of which nothing is published', { vendor: '0x41', model: 0xd40 }, 'Neoverse V1'],
  ])('where %s is that of any machine', (_, cpu, familyName) => {
    const estimate = estimatePower({ ...cpu, logicalCpus: 4, utilization: 1, frequencyRatio: 1 });
    expect(estimate).toEqual({
      powerW: 10,
      idlePowerW: 2,
      maxPowerW: 10,
      source: 'model:generic',
      familyName,
      uncertainty: 3.5,
    });
  });

  test('of a slower clock falls by its square, and of a faster one ends at the maximum', () => {
    const at = (utilization: number, frequencyRatio?: number): number =>
      estimatePower({ ...TURIN, logicalCpus: 1, utilization, frequencyRatio }).powerW;
    expect(at(0.8, 0.5)).toBeCloseTo(at(0.2), 12);
    expect(at(0.4, Math.SQRT2)).toBeCloseTo(at(0.8), 12);
    expect(at(0.9, 2)).toBe(at(1));
    expect(at(0, 3)).toBe(at(0));
  });

  const utilization = fc.double({ min: 0, max: 1, noNaN: true });
  const kind = fc.constantFrom(...Object.values(CPUS));
  const cpus = fc.integer({ min: 1, max: 65_536 });
  const ratio = fc.option(fc.double({ min: 0.05, max: 10, noNaN: true }), { nil: undefined });

  test('lies between idle and maximum, grows with the load and the clock, and with CPUs in proportion', () => {
    fc.assert(
      fc.property(kind, cpus, utilization, utilization, ratio, (cpu, logicalCpus, a, b, frequencyRatio) => {
        const at = (u: number, n = logicalCpus) =>
          estimatePower({ ...cpu, logicalCpus: n, utilization: u, frequencyRatio });
        const [low, high] = a <= b ? [at(a), at(b)] : [at(b), at(a)];
        expect(low.powerW).toBeGreaterThanOrEqual(low.idlePowerW);
        expect(high.powerW).toBeGreaterThanOrEqual(low.powerW);
        expect(high.powerW).toBeLessThanOrEqual(high.maxPowerW * (1 + 1e-12));
        expect(at(a, 1).powerW * logicalCpus).toBeCloseTo(at(a).powerW, 6);
        const slower = estimatePower({
          ...cpu,
          logicalCpus,
          utilization: a,
          frequencyRatio: (frequencyRatio ?? 1) / 2,
        });
        expect(slower.powerW).toBeLessThanOrEqual(at(a).powerW);
      }),
    );
  });

  test('is the same for the same argument, which it leaves as it is', () => {
    const input = Object.freeze({ ...TURIN, logicalCpus: 8, utilization: 0.375 });
    expect(estimatePower(input)).toEqual(estimatePower({ ...input }));
  });
});

describe('an argument that is no machine', () => {
  const good = { logicalCpus: 2, utilization: 0.5 };
  test.each<[Record<string, unknown>, string]>([
    [{ utilization: 1.01 }, 'utilization is 1.01; it must be a number from 0 to 1'],
    [{ utilization: -0.01 }, 'utilization is -0.01; it must be a number from 0 to 1'],
    [{ utilization: Number.NaN }, 'utilization is NaN; it must be a number from 0 to 1'],
    [{ utilization: '0.5' }, 'utilization is "0.5"; it must be a number from 0 to 1'],
    [{ utilization: undefined }, 'utilization is undefined; it must be a number from 0 to 1'],
    [{ logicalCpus: 0 }, 'logicalCpus is 0; it must be an integer from 1 to 65536'],
    [{ logicalCpus: 65_537 }, 'logicalCpus is 65537; it must be an integer from 1 to 65536'],
    [{ logicalCpus: 1.5 }, 'logicalCpus is 1.5; it must be an integer from 1 to 65536'],
    [{ logicalCpus: Infinity }, 'logicalCpus is Infinity; it must be an integer from 1 to 65536'],
    [{ frequencyRatio: 0 }, 'frequencyRatio is 0; it must be a number above 0, up to 10, or left out'],
    [{ frequencyRatio: 10.1 }, 'frequencyRatio is 10.1; it must be a number above 0, up to 10, or left out'],
    [{ frequencyRatio: null }, 'frequencyRatio is null; it must be a number above 0, up to 10, or left out'],
    [{ vendor: 1 }, 'vendor is 1; it must be a string, or left out'],
    [{ family: '6' }, 'family is "6"; it must be an integer from 0 to 65535, or left out'],
    [{ model: -1 }, 'model is -1; it must be an integer from 0 to 65535, or left out'],
    [{ stepping: 1.5 }, 'stepping is 1.5; it must be an integer from 0 to 65535, or left out'],
    [{ utilization: Symbol('u') }, 'utilization is symbol; it must be a number from 0 to 1'],
    [{ utilization: Object.create(null) }, 'utilization is object; it must be a number from 0 to 1'],
  ])('%o is refused with its value and its range', (wrong, message) => {
    const ask = (): unknown => estimatePower({ ...good, ...wrong });
    expect(ask).toThrow(`estimatePower: ${message}`);
    expect(ask).toThrow(GridwatchError);
    expect(ask).toThrow(expect.objectContaining({ code: 'ERR_GRIDWATCH_OPTION' }));
  });

  test.each([undefined, null, 1, 'x'])('%o is refused', (input) => {
    expect(() => estimatePower(input as unknown as PowerModelInput)).toThrow('the argument is');
  });

  test.each([
    [{ utilization: 0 }],
    [{ utilization: 1 }],
    [{ logicalCpus: 1 }],
    [{ logicalCpus: 65_536 }],
    [{ frequencyRatio: 10 }],
    [{ frequencyRatio: Number.MIN_VALUE }],
    [{ vendor: undefined, family: undefined, model: undefined, stepping: undefined, frequencyRatio: undefined }],
  ])('the ends of the ranges are not: %o', (right) => {
    expect(estimatePower({ ...good, ...right }).powerW).toBeGreaterThan(0);
  });
});

describe('curvePower', () => {
  test('takes what is outside of its range for the nearer end', () => {
    const at = (utilization: number): number =>
      curvePower({ idleW: 10, maxW: 30, curve: LOAD_CURVES.amd_rome, utilization });
    expect([at(-1), at(2)]).toEqual([10, 30]);
  });

  test('goes through each point of the curve', () => {
    for (const curve of Object.values(LOAD_CURVES))
      for (const [at, share] of curve.entries())
        expect(curvePower({ idleW: 0, maxW: 1, curve, utilization: at / 10 })).toBeCloseTo(share, 12);
  });
});

/* Least squares of E = b0 * T + b1 * T * U, as who reads the exported energies would do it. */
test('a regression of energy on time and busy time gives back the idle and the marginal watts, to 1 %', () => {
  const interval = fc.record({
    seconds: fc.double({ min: 0.5, max: 60, noNaN: true }),
    utilization: fc.integer({ min: 0, max: 1000 }).map((permille) => permille / 1000),
  });
  const intervals = fc
    .array(interval, { minLength: 20, maxLength: 60 })
    .map((all) => [{ seconds: 10, utilization: 0 }, { seconds: 10, utilization: 1 }, ...all]);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 10, max: 1000 }),
      intervals,
      (idleW, marginalW, all) => {
        let [tt, tb, bb, te, be] = [0, 0, 0, 0, 0];
        for (const { seconds, utilization } of all) {
          const powerW = curvePower({ idleW, maxW: idleW + marginalW, curve: STRAIGHT, utilization });
          const energyUj = Math.round(powerW * seconds * 1e6);
          const busy = seconds * utilization;
          tt += seconds * seconds;
          tb += seconds * busy;
          bb += busy * busy;
          te += seconds * energyUj;
          be += busy * energyUj;
        }
        const determinant = tt * bb - tb * tb;
        const foundIdleW = (te * bb - be * tb) / determinant / 1e6;
        const foundMarginalW = (be * tt - te * tb) / determinant / 1e6;
        expect(Math.abs(foundIdleW / idleW - 1)).toBeLessThan(0.01);
        expect(Math.abs(foundMarginalW / marginalW - 1)).toBeLessThan(0.01);
      },
    ),
  );
});
