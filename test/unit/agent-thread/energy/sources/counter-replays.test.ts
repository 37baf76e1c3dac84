/**
 * Replays of counters at random, with wraps, failures, resets and sleep: what is told against an oracle that has the true energies as BigInts, never
 * wrapped, and knows nothing of how a wrap is reckoned.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EnergyInterval } from '../../../../../agent/agent-thread/energy/sources/energy-source.ts';
import { energyFile, MemoryMachine, RANGE_UJ } from '../machine-tree.ts';
import { Counted, MAX_W, PLACES } from './counted.ts';

/** Time, then power by counter, and what goes wrong. Some times are longer than AMD's counter can be trusted. */
const step = fc.record({
  durationNs: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1e7, max: 8e9 }) },
    fc.integer({ min: 5e10, max: 2e11 }),
  ),
  shares: fc.array(fc.double({ min: 0.001, max: 1.4, noNaN: true }), { minLength: 4, maxLength: 4 }),
  fault: fc.oneof(
    { weight: 6, arbitrary: fc.constant('none' as const) },
    fc.constantFrom('fail' as const, 'reset' as const, 'sleep' as const),
  ),
  victim: fc.nat({ max: 3 }),
});

type Step = ReturnType<(typeof step)['generate']>['value'];

interface Seen {
  wraps: number;
  intervals: number;
  gaps: number;
}

const isSame = (a: EnergyInterval | undefined, b: EnergyInterval | undefined): boolean =>
  a?.energyUj === b?.energyUj && a?.durationNs === b?.durationNs;

/** By how much a reset misses what could have been drawn. */
const MISSED_UJ = 2_000_000n;

/** Everything that was told otherwise than the oracle says. */
function replay(machine: Counted, rangeUj: bigint, steps: readonly Step[], seen: Seen): unknown[] {
  const count = machine.trueUj.length;
  let anchor = { uj: [...machine.trueUj], ns: machine.nowNs };
  let isBroken = false;
  return steps.flatMap(({ durationNs, shares, fault, victim }) => {
    const at = victim % count;
    machine.run(durationNs, ...shares.slice(0, count).map((share) => share * MAX_W));
    const elapsedNs = machine.nowNs - anchor.ns;
    const limitUj = BigInt(Math.floor((1.5 * MAX_W * elapsedNs) / 1000));
    // To a value to which the limit does not reach. Where it reaches all around to the old one, no reset can be told: then there is none.
    const isReset = fault === 'reset' && (limitUj + MISSED_UJ < rangeUj || limitUj >= rangeUj);
    isBroken ||= isReset || fault === 'sleep';
    if (isReset) machine.trueUj[at] = ((anchor.uj[at] as bigint) + limitUj + MISSED_UJ) % rangeUj;
    if (fault === 'sleep') machine.sleptNs += 2e9 + durationNs;
    machine.show();
    if (fault === 'fail') machine.tree.failures.set(energyFile(PLACES[at] as string), 'EIO');
    const told = machine.read();
    machine.tree.failures.clear();
    let expected: EnergyInterval | undefined;
    if (fault !== 'fail') {
      const deltasUj = machine.trueUj.map((uj, i) => uj - (anchor.uj[i] as bigint));
      const isTrusted = !isBroken && limitUj < rangeUj;
      if (isTrusted) expected = { energyUj: Number(deltasUj.reduce((a, b) => a + b)), durationNs: elapsedNs };
      seen[isTrusted ? 'intervals' : 'gaps']++;
      if (isTrusted)
        seen.wraps += deltasUj.filter((uj, i) => ((anchor.uj[i] as bigint) % rangeUj) + uj >= rangeUj).length;
      anchor = { uj: [...machine.trueUj], ns: machine.nowNs };
      isBroken = false;
    }
    return isSame(told, expected) ? [] : [{ fault, told, expected }];
  });
}

const cases = (['intel', 'amd'] as const).flatMap((maker) => [1, 2, 4].map((count) => [maker, count] as const));

it.each(cases)(
  "any replay is told exactly: %s's counters, %i of them",
  (maker, count) => {
    const rangeUj = RANGE_UJ[maker];
    const seen: Seen = { wraps: 0, intervals: 0, gaps: 0 };
    using memory = new MemoryMachine();
    const belowWrap = fc.bigInt({ min: 1n, max: 3_000_000_000n });
    const replays = fc.property(
      fc.array(belowWrap, { minLength: count, maxLength: count }),
      fc.array(step, { minLength: 5, maxLength: 40 }),
      (belowUj, steps) => {
        const starts = belowUj.map((below) => rangeUj - below);
        const machine = new Counted(memory, starts, rangeUj);
        machine.read();
        const mismatches = replay(machine, rangeUj, steps, seen);
        machine.source.dispose();
        if (mismatches.length > 0) throw new Error(JSON.stringify(mismatches));
      },
    );
    fc.assert(replays, { numRuns: 500 });
    expect(seen.wraps).toBeGreaterThan(200);
    expect(seen.intervals).toBeGreaterThan(2000);
    expect(seen.gaps).toBeGreaterThan(200);
  },
  60_000,
);

/* At 1.5 times the greatest power AMD's counter takes 156.03 s for its range: a moment before, there is nothing left to which it could be reset. */
it('of a time in which the limit reaches nearly all around, a reset ends before the old value is met again', () => {
  const rangeUj = RANGE_UJ.amd;
  const wrapNs = Number(rangeUj) / (1.5 * MAX_W * 1e-3);
  const shares = [0.001, 0.001, 0.001, 0.001];
  const of = (durationNs: number, fault: Step['fault'] = 'none'): Step => ({ durationNs, shares, fault, victim: 0 });
  for (const missingNs of [-1, 0, 1, 1e5, Number(MISSED_UJ) / 0.42, 1e7]) {
    const seen: Seen = { wraps: 0, intervals: 0, gaps: 0 };
    using machine = new Counted(
      new MemoryMachine(),
      [1n, 1n, 1n, 1n].map((below) => rangeUj - below),
      rangeUj,
    );
    machine.read();
    const steps = [of(5e10), of(1e7), of(Math.round(wrapNs - missingNs), 'reset'), of(1e7), of(1e7)];
    expect(replay(machine, rangeUj, steps, seen)).toEqual([]);
  }
});
