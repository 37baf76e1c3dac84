/** How the energy of an interval is divided: exactly, whatever the threads did. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Ahead,
  Attribution,
  type EnergyShares,
  type EnergyUse,
} from '../../../../agent/agent-thread/energy/attribution.ts';

const SECOND_NS = 1e9;

function use(over: Partial<EnergyUse> = {}): EnergyUse {
  return {
    energyUj: 10_000_000,
    durationNs: SECOND_NS,
    idlePowerW: 4,
    idleShare: 1,
    threadsNs: new Map([['main', SECOND_NS]]),
    elsewhereNs: 0,
    ...over,
  };
}

function sumOf(shares: EnergyShares): number {
  return shares.processActiveUj + shares.processIdleUj + shares.othersActiveUj + shares.othersIdleUj;
}

const ofThreads = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 64e9 })), { maxLength: 80 });
const anyUse = fc.record({
  energyUj: fc.integer({ min: 0, max: 5e12 }),
  durationNs: fc.integer({ min: 1, max: 600e9 }),
  idlePowerW: fc.double({ min: 0, max: 2000, noNaN: true }),
  idleShare: fc.double({ min: 0, max: 1, noNaN: true }),
  cpuNs: ofThreads,
  elsewhereNs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 512e9 })),
});

describe('dividing the energy of an interval', () => {
  test('idle first, then by CPU time', () => {
    const shares = new Attribution().divide(
      use({
        idleShare: 0.5,
        threadsNs: new Map([
          ['main', SECOND_NS],
          ['worker-1', 2 * SECOND_NS],
        ]),
        elsewhereNs: SECOND_NS,
      }),
    );
    expect(shares).toEqual({
      processActiveUj: 4_500_000,
      processIdleUj: 2_000_000,
      othersActiveUj: 1_500_000,
      othersIdleUj: 2_000_000,
      threadsUj: new Map([
        ['main', 1_500_000],
        ['worker-1', 3_000_000],
      ]),
      processNs: 3 * SECOND_NS,
    });
  });

  test('a node that draws less than it is said to idle is idle', () => {
    const shares = new Attribution().divide(use({ energyUj: 3_000_000 }));
    expect(shares).toMatchObject({ processIdleUj: 3_000_000, processActiveUj: 0 });
  });

  test('energy that nobody used the CPUs for is no thread’s', () => {
    const shares = new Attribution().divide(use({ threadsNs: new Map([['main', 0]]) }));
    expect(shares).toMatchObject({ processActiveUj: 0, othersActiveUj: 6_000_000 });
  });

  test('two threads that use the same have the same to a microjoule', () => {
    const threadsNs = new Map([
      ['worker-1', 333_333_333],
      ['worker-2', 333_333_333],
    ]);
    const shares = new Attribution().divide(use({ energyUj: 1_234_567, idlePowerW: 0, threadsNs, elsewhereNs: 7 }));
    const [first, second] = [...shares.threadsUj.values()] as [number, number];
    expect(Math.abs(first - second)).toBeLessThanOrEqual(1);
  });

  test('nothing is lost, given twice or negative, whatever the threads did: 100 000 intervals (J1, J2, J3)', () => {
    const attribution = new Attribution();
    fc.assert(
      fc.property(anyUse, ({ cpuNs, ...rest }) => {
        const threadsNs = new Map(cpuNs.map((ns, index) => [`worker-${index}`, ns]));
        const shares = attribution.divide({ ...rest, threadsNs });
        const threadsUj = [...shares.threadsUj.values()].reduce((all, uj) => all + uj, 0);
        const parts = [shares.processActiveUj, shares.processIdleUj, shares.othersActiveUj, shares.othersIdleUj];
        return (
          sumOf(shares) === rest.energyUj &&
          threadsUj === shares.processActiveUj &&
          [...parts, ...shares.threadsUj.values()].every((uj) => Number.isSafeInteger(uj) && uj >= 0) &&
          [...shares.threadsUj.keys()].every((name) => (threadsNs.get(name) as number) > 0)
        );
      }),
      { numRuns: 100_000 },
    );
  }, 120_000);

  test('rounding the idle share loses nothing in the long run', () => {
    const attribution = new Attribution();
    let idleUj = 0;
    for (let i = 0; i < 3000; i++)
      idleUj += attribution.divide(use({ energyUj: 1, idlePowerW: 1, idleShare: 1 / 3 })).processIdleUj;
    expect(Math.abs(idleUj - 1000)).toBeLessThanOrEqual(1);
  });
});

describe('a counter that contains another', () => {
  test('what the difference loses in one reading is not gained twice', () => {
    const ahead = new Ahead();
    expect([ahead.gained(10, 4), ahead.gained(20, 16), ahead.gained(30, 22), ahead.gained(30, 22)]).toEqual([
      6, 0, 2, 0,
    ]);
  });
});
