/** Batteries as the kernel shows them, and what is drawn from them while nothing else feeds the machine. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findBattery } from '../../../../agent/agent-thread/energy/battery.ts';
import { type Files, MachineTree, MemoryMachine } from './machine-tree.ts';

const FOLDER = 'sys/class/power_supply';

type Supply = Readonly<Record<string, string | number>>;

function supplies(all: Readonly<Record<string, Supply>>): Files {
  const files = Object.entries(all).flatMap(([name, supply]) =>
    Object.entries(supply).map(([file, value]) => [`${FOLDER}/${name}/${file}`, `${value}\n`] as const),
  );
  return Object.fromEntries(files);
}

const battery = (over: Supply = {}): Supply => ({
  type: 'Battery',
  status: 'Discharging',
  power_now: 12_500_000,
  ...over,
});

function setUp(all: Readonly<Record<string, Supply>>) {
  const machine = new MachineTree(supplies(all));
  const clock = { ns: 0, stepNs: 0 };
  const found = findBattery({ sys: machine.sys, nowNs: () => (clock.ns += clock.stepNs) });
  return { machine, clock, found, [Symbol.dispose]: () => machine[Symbol.dispose]() };
}

function powerOf(all: Readonly<Record<string, Supply>>): number | undefined {
  using set = setUp(all);
  return set.found?.powerW();
}

describe('what the machine draws', () => {
  test.each<[string, Readonly<Record<string, Supply>>, number | undefined]>([
    ['is what its battery says', { BAT0: battery() }, 12.5],
    [
      'is amperes by volts where there are no watts',
      { BAT0: { type: 'Battery', status: 'Discharging', current_now: 1_000_000, voltage_now: 11_400_000 } },
      11.4,
    ],
    ['is the same where a driver writes it as negative', { BAT0: battery({ power_now: -12_500_000 }) }, 12.5],
    ['is that of all its batteries', { BAT0: battery(), BAT1: battery({ power_now: 2_500_000 }) }, 15],
    [
      'is that of the one of two that discharges',
      { BAT0: battery(), BAT1: battery({ status: 'Not charging', power_now: 9e6 }) },
      12.5,
    ],
    ['has no other name than its type', { 'macsmc-battery': battery({ scope: 'System' }) }, 12.5],
    ['is not told while it charges', { BAT0: battery({ status: 'Charging' }) }, undefined],
    ['is not told while one of two charges', { BAT0: battery(), BAT1: battery({ status: 'Charging' }) }, undefined],
    ['is not told when it is full', { BAT0: battery({ status: 'Full', power_now: 0 }) }, undefined],
    ['is not told where a charger helps', { AC: { type: 'Mains', online: 1 }, BAT0: battery() }, undefined],
    ['is told where there is a charger without a plug', { AC: { type: 'Mains', online: 0 }, BAT0: battery() }, 12.5],
    [
      'is not told where a charger on USB helps',
      { ucsi: { type: 'USB', scope: 'System', online: 1 }, BAT0: battery() },
      undefined,
    ],
    [
      'is not told where a charger helps whose voltage is programmed',
      { ucsi: { type: 'USB', online: 2 }, BAT0: battery() },
      undefined,
    ],
    [
      'is not told where it lies on something that charges it',
      { pad: { type: 'Wireless', online: 1 }, BAT0: battery() },
      undefined,
    ],
    [
      'is not told where a charger helps that has a kind nobody knows yet',
      { brick: { type: 'BrickID', online: 1 }, BAT0: battery() },
      undefined,
    ],
    ['is not told where a charger says nonsense', { AC: { type: 'Mains', online: '?' }, BAT0: battery() }, undefined],
    [
      'is told beside what feeds something else',
      { pad: { type: 'USB', scope: 'Device', online: 1 }, BAT0: battery() },
      12.5,
    ],
    ['is told beside what says nothing', { hub: { type: 'Unknown' }, BAT0: battery() }, 12.5],
    ['cannot be nothing', { BAT0: battery({ power_now: 0 }) }, undefined],
    ['cannot be a thousand times as much', { BAT0: battery({ power_now: 12_500_000_000 }) }, undefined],
    ['cannot be words', { BAT0: battery({ power_now: 'unknown' }) }, undefined],
    ['has a state', { BAT0: battery({ status: '' }) }, undefined],
  ])('%s', (_, all, powerW) => {
    expect(powerOf(all)).toBe(powerW);
  });

  test("is not a mouse's", () => {
    expect(setUp({ hidpp_battery_0: battery({ scope: 'Device' }) }).found).toBeUndefined();
  });

  test.each<[string, Readonly<Record<string, Supply>>]>([
    ['is not known without a battery', { AC: { type: 'Mains', online: 1 } }],
    ['is not known of a battery that was taken out', { BAT0: battery({ present: 0 }) }],
    [
      'is not known of a battery that says how full it is, and no more',
      { BAT0: { type: 'Battery', status: 'Discharging', capacity: 80 } },
    ],
    [
      'is not known of a battery that says its amperes, and no volts',
      { BAT0: { type: 'Battery', status: 'Discharging', current_now: 1_000_000 } },
    ],
    [
      'is not known in a folder that is none of sysfs',
      Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`BAT${at}`, battery()])),
    ],
    ['is not known of one of two that says no more', { BAT0: battery(), BAT1: { type: 'Battery', status: 'Full' } }],
    ['is not known on a machine that has no such folder', {}],
  ])('%s', (_, all) => {
    using set = setUp(all);
    expect(set.found).toBeUndefined();
  });
});

describe('a battery', () => {
  test('that is slow three times is read no more, and its files are given back', () => {
    using set = setUp({ BAT0: battery(), AC: { type: 'Mains', online: 0 } });
    const { machine, clock, found } = set;
    clock.stepNs = 6e6;
    expect([found?.powerW(), found?.powerW(), found?.isGivenUp]).toEqual([12.5, 12.5, false]);
    expect([found?.powerW(), found?.isGivenUp]).toEqual([12.5, true]);
    expect(machine.openFiles).toBe(0);
    expect(found?.powerW()).toBeUndefined();
  });

  test('that is taken out and put back is read again', () => {
    using set = setUp({ BAT0: battery() });
    set.machine.failures.set('BAT0/power_now', 'ENODEV');
    expect(set.found?.powerW()).toBeUndefined();
    set.machine.failures.clear();
    expect(set.found?.powerW()).toBe(12.5);
    set.found?.dispose();
    expect(set.machine.openFiles).toBe(0);
  });

  test('says nothing while its charger cannot be asked', () => {
    using set = setUp({ BAT0: battery(), AC: { type: 'Mains', online: 0 } });
    expect(set.found?.powerW()).toBe(12.5);
    set.machine.failures.set('AC/online', 'EIO');
    expect(set.found?.powerW()).toBeUndefined();
    set.machine.failures.clear();
    expect(set.found?.powerW()).toBe(12.5);
  });

  test('is seen to be helped by a dock that was put on later, and alone again without it', () => {
    using set = setUp({ BAT0: battery() });
    expect(set.found?.powerW()).toBe(12.5);
    set.machine.write(supplies({ dock: { type: 'USB', online: 1 } }));
    expect(set.found?.powerW()).toBeUndefined();
    set.machine.remove(`${FOLDER}/dock`);
    expect(set.found?.powerW()).toBe(12.5);
  });

  test('is told of together with one that was put in later', () => {
    using set = setUp({ BAT0: battery() });
    expect([set.found?.powerW(), set.found?.label]).toEqual([12.5, 'BAT0']);
    set.machine.write(supplies({ BAT1: battery({ power_now: 2_500_000 }) }));
    expect([set.found?.powerW(), set.found?.label]).toEqual([15, 'BAT0, BAT1']);
    set.machine.remove(`${FOLDER}/BAT0`);
    expect([set.found?.powerW(), set.found?.label]).toEqual([2.5, 'BAT1']);
    set.machine.remove(FOLDER);
    expect(set.found?.powerW()).toBeUndefined();
    expect(set.machine.openFiles).toBe(0);
  });
});

test('whatever the files hold, what is told is what a laptop can draw, and no file is left open', () => {
  const words = fc.constantFrom(
    'Battery',
    'Mains',
    'USB',
    'UPS',
    'Device',
    'System',
    'Discharging',
    'Charging',
    'Full',
    '',
    '\n',
    'NaN',
  );
  const numbers = fc.oneof(fc.integer({ min: -1e12, max: 1e12 }), fc.integer({ min: -2e7, max: 2e7 })).map(String);
  const likely = fc.constantFrom<readonly [string, string]>(
    ['type', 'Battery'],
    ['status', 'Discharging'],
    ['power_now', '9000000'],
  );
  const names = fc.constantFrom(
    'type',
    'status',
    'scope',
    'present',
    'power_now',
    'current_now',
    'voltage_now',
    'online',
  );
  const row = fc.tuple(
    fc.constantFrom('BAT0', 'BAT1', 'AC'),
    fc.oneof({ weight: 3, arbitrary: likely }, fc.tuple(names, fc.oneof(words, numbers))),
  );
  let told = 0;
  const runs = fc.property(fc.array(row, { maxLength: 25 }), (rows) => {
    using machine = new MemoryMachine();
    machine.write(Object.fromEntries(rows.map(([supply, [file, text]]) => [`${FOLDER}/${supply}/${file}`, text])));
    const found = findBattery({ sys: machine.sys, nowNs: () => 0 });
    const powerW = found?.powerW();
    if (powerW !== undefined) told++;
    if (powerW !== undefined && !(powerW >= 0.5 && powerW <= 500)) throw new Error(`${powerW} W`);
    found?.dispose();
    if (machine.openFiles > 0) throw new Error(`${machine.openFiles} descriptors are left`);
  });
  fc.assert(runs, { numRuns: 2000 });
  expect(told).toBeGreaterThan(50);
});
