/** The statistics of the example of contention: medians, orders that a seed decides, and the fit of idle and marginal watts. Runs are made up. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Spread {
  median: number;
  low: number;
  high: number;
}

/** What the fit looks at. */
interface Run {
  seconds: number;
  utilization: number;
  machineJ: number;
}

interface Statistics {
  median: (values: readonly number[]) => number;
  spreadOf: (values: readonly number[]) => Spread;
  randomOf: (seed: number) => () => number;
  shuffled: <T>(values: readonly T[], random: () => number) => T[];
  fitEnergy: (runs: readonly Run[]) => { idleW: number; busyW: number; error: number } | undefined;
}

/* The examples are JavaScript, and say of no type what it is. */
const STATISTICS = new URL('../../../examples/energy-of-contention/statistics.js', import.meta.url).href;
const { median, spreadOf, randomOf, shuffled, fitEnergy } = (await import(STATISTICS)) as Statistics;

describe('statistics', () => {
  it('takes the middle of an odd number, and between the two of an even one', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, low: 1, high: 5 });
  });

  it('shuffles to an order that the seed decides, and loses nothing', () => {
    const all = Array.from({ length: 50 }, (_, at) => at);
    const once = shuffled(all, randomOf(7));
    expect(once).toEqual(shuffled(all, randomOf(7)));
    expect(once).not.toEqual(shuffled(all, randomOf(8)));
    expect(once).not.toEqual(all);
    expect(once.toSorted((a, b) => a - b)).toEqual(all);
  });
});

describe('fitEnergy', () => {
  /** Runs of a machine, of which each reading is off by up to half a thousandth. */
  function runsOf(idleW: number, busyW: number, seed: number): Run[] {
    const random = randomOf(seed);
    return Array.from({ length: 40 }, () => {
      const seconds = 0.2 + random();
      const utilization = random();
      const noise = 1 + (random() - 0.5) / 1000;
      return { seconds, utilization, machineJ: seconds * (idleW + busyW * utilization) * noise };
    });
  }

  const watts = fc.double({ min: 0.5, max: 500, noNaN: true });

  it('gives back the idle and the marginal watts of a machine, to one percent, and how far off they are in the mean', () => {
    fc.assert(
      fc.property(watts, watts, fc.integer(), (idleW, busyW, seed) => {
        const runs = runsOf(idleW, busyW, seed);
        const fit = fitEnergy(runs) ?? { idleW: 0, busyW: 0, error: 0 };
        const whole = idleW + busyW;
        expect(Math.abs(fit.idleW - idleW)).toBeLessThan(0.01 * whole);
        expect(Math.abs(fit.busyW - busyW)).toBeLessThan(0.01 * whole);
        const errors = runs.map(({ seconds, utilization, machineJ }) => {
          return Math.abs((seconds * (fit.idleW + fit.busyW * utilization)) / machineJ - 1);
        });
        expect(fit.error).toBeCloseTo(errors.reduce((sum, error) => sum + error) / errors.length, 12);
      }),
      /* Next to nothing while it is idle: then the least of what it draws busy is much of that, and the mean is above a thousandth. */
      { examples: [[0.5, 382.212229942773, 1_103_419_923]] },
    );
  });

  it('is off by less than a thousandth in the mean for a machine that draws idle a tenth of its most', () => {
    const share = fc.double({ min: 0.1, max: 1, noNaN: true });
    fc.assert(
      fc.property(watts, share, fc.integer(), (mostW, idle, seed) => {
        const { error = 1 } = fitEnergy(runsOf(mostW * idle, mostW * (1 - idle), seed)) ?? {};
        expect(error).toBeLessThan(0.001);
      }),
    );
  });

  it('tells nothing of a machine that was equally busy in all runs', () => {
    const runs = [0.97, 1, 0.98, 0.99].map((utilization) => ({ seconds: 1, utilization, machineJ: 5 * utilization }));
    expect(fitEnergy(runs)).toBeUndefined();
  });
});
