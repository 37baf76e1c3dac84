/** What waiting for a lock has cost: by how often and how long somebody waited, at the rates of the moment. */
import { beforeEach, describe, expect, test } from 'vitest';
import { LockEnergy } from '../../../../agent/agent-thread/energy/lock-energy.ts';
import { measureSwitchNs } from '../../../../agent/agent-thread/energy/switch-cost.ts';
import { type LockClass, LockClasses } from '../../../../agent/agent-thread/model/lock-classes.ts';
import type { LockKind } from '../../../../agent/shared-memory/lock-block.ts';
import { collectFrom, type Written } from '../../../support/recording-sink.ts';

const SWITCH_NS = 5000;
const SECOND_NS = 1e9;

let classes: LockClasses;
let rates: { powerPerCpuW: number; idlePowerPerCpuW: number };
let energy: LockEnergy;

beforeEach(() => {
  classes = new LockClasses();
  rates = { powerPerCpuW: 4, idlePowerPerCpuW: 1 };
  energy = new LockEnergy({ classes: () => classes, rates, switchNs: () => SWITCH_NS });
});

function lockClass(kind: LockKind): LockClass {
  return classes.of('orders', kind) ?? expect.unreachable('no lock');
}

function wait(kind: LockKind, count: number, eachNs: number): void {
  const totals = lockClass(kind).of('exclusive');
  totals.contentions += count;
  for (let i = 0; i < count; i++) totals.waits.record(eachNs);
}

const uj = (written: Written, name: string, kind: LockKind): number | undefined =>
  written[`${name}{gridwatch.lock.name=orders,gridwatch.lock.kind=${kind}}`];

describe('the energy of a lock', () => {
  test('of one that nobody waited for is not told', () => {
    lockClass('mutex').of('exclusive').acquisitions++;
    expect(collectFrom(energy)).toEqual({});
  });

  test('a parked second costs a spin and a switch, and apart from it the idle power of a CPU', () => {
    wait('mutex', 1, SECOND_NS);
    const written = collectFrom(energy);
    expect(uj(written, 'gridwatch.lock.energy', 'mutex')).toBeCloseTo(4 * (5 + 5), 9);
    expect(uj(written, 'gridwatch.lock.idle_energy', 'mutex')).toBeCloseTo(1e6, 3);
  });

  test('a wait that was over before its thread could park has cost no more than it has lasted', () => {
    wait('mutex', 10, 1000);
    expect(uj(collectFrom(energy), 'gridwatch.lock.energy', 'mutex')).toBeCloseTo(4 * 10 * 1, 9);
  });

  test('of waits that spun and waits that parked each has its own price, within a fifth', () => {
    wait('mutex', 900, 2000);
    wait('mutex', 100, SECOND_NS);
    const spunUj = 4 * 900 * 2;
    const parkedUj = 4 * 100 * (5 + 5);
    const told = uj(collectFrom(energy), 'gridwatch.lock.energy', 'mutex') ?? Number.NaN;
    expect(told).toBeGreaterThanOrEqual(spunUj + parkedUj);
    expect(told).toBeLessThan(spunUj * 1.2 + parkedUj);
  });

  test('each wait is priced once, at the rate of its time', () => {
    wait('mutex', 1, SECOND_NS);
    collectFrom(energy);
    rates.powerPerCpuW = 8;
    expect(uj(collectFrom(energy), 'gridwatch.lock.energy', 'mutex')).toBeCloseTo(40, 9);
    wait('mutex', 1, SECOND_NS);
    expect(uj(collectFrom(energy), 'gridwatch.lock.energy', 'mutex')).toBeCloseTo(40 + 80, 9);
  });

  test('`acquireAsync` neither spins nor takes a thread off its CPU', () => {
    wait('mutex', 3, SECOND_NS);
    lockClass('mutex').asyncContentions += 2;
    const written = collectFrom(energy);
    expect(uj(written, 'gridwatch.lock.energy', 'mutex')).toBeCloseTo(4 * (5 + 5), 9);
    expect(uj(written, 'gridwatch.lock.idle_energy', 'mutex')).toBeCloseTo(3e6, 3);
    lockClass('mutex').asyncContentions += 1;
    expect(uj(collectFrom(energy), 'gridwatch.lock.energy', 'mutex')).toBeCloseTo(4 * (5 + 5), 9);
  });

  test.each(['promise', 'web_lock'] as const)('a wait for a %s takes no thread off its CPU', (kind) => {
    wait(kind, 3, SECOND_NS);
    const written = collectFrom(energy);
    expect(uj(written, 'gridwatch.lock.energy', kind)).toBe(0);
    expect(uj(written, 'gridwatch.lock.idle_energy', kind)).toBeCloseTo(3e6, 3);
  });
});

describe('the cost of a switch', () => {
  test('is the CPU time of each sleep', () => {
    let cpuNs = 0;
    const sleep = (): void => {
      cpuNs += 4000;
    };
    expect(measureSwitchNs(() => cpuNs, sleep)).toBe(4000);
  });

  test.each([
    ['the kernel does not tell', () => undefined, 2200],
    ['no time has gone by', () => 7, 2200],
  ])('is the known figure where %s', (_, readCpuNs, expected) => {
    expect(measureSwitchNs(readCpuNs, () => {})).toBe(expected);
  });

  test('is not believed outside of what it can be', () => {
    let cpuNs = 0;
    expect(
      measureSwitchNs(
        () => cpuNs,
        () => {
          cpuNs += 1e6;
        },
      ),
    ).toBe(3e4);
  });
});
