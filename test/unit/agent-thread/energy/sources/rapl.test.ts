/** Which counters of RAPL are added up, on trees of real folders and links, and what stands in the way of reading them. */
import { describe, expect, it } from 'vitest';
import { raplZones } from '../../../../../agent/agent-thread/energy/sources/powercap-zones.ts';
import { findRapl, ratedPowerW } from '../../../../../agent/agent-thread/energy/sources/rapl.ts';
import {
  energyFile,
  type Files,
  MachineTree,
  MemoryMachine,
  NO_LOAD,
  powercap,
  RANGE_UJ,
  uptime,
  type ZoneFiles,
} from '../machine-tree.ts';

const SECOND_NS = 1e9;

function find(machine: MachineTree, isVirtualMachine = false) {
  const { sys, proc } = machine;
  return findRapl({ sys, proc, found: raplZones(sys), fallbackPowerW: 500, isVirtualMachine });
}

/** A tree in which every zone draws a power of its own, so that the sum tells which ones were read. */
function drawnIn(zones: Readonly<Record<string, ZoneFiles>>, wattsOf: Readonly<Record<string, number>>) {
  using machine = new MachineTree({ ...powercap(zones), ...uptime(0) });
  const { source } = find(machine);
  if (source === undefined) return undefined;
  expect(source.read(0, NO_LOAD)).toBeUndefined();
  for (const [place, watts] of Object.entries(wattsOf)) {
    const before = BigInt(zones[place]?.energyUj ?? 1000);
    const range = zones[place]?.rangeUj ?? RANGE_UJ.intel;
    machine.write({ [energyFile(place)]: `${(before + BigInt(watts * 1e6)) % range}\n` });
  }
  machine.write(uptime(SECOND_NS));
  const interval = source.read(SECOND_NS, NO_LOAD);
  source.dispose();
  return { boundary: source.boundary, watts: (interval?.energyUj ?? 0) / 1e6, durationNs: interval?.durationNs };
}

describe('the energy of a machine', () => {
  it('with one socket is its package, not its core and uncore besides', () => {
    const zones = {
      'intel-rapl:0': { name: 'package-0', ratedW: 65 },
      'intel-rapl:0:0': { name: 'core' },
      'intel-rapl:0:1': { name: 'uncore' },
    };
    const watts = { 'intel-rapl:0': 32, 'intel-rapl:0:0': 16, 'intel-rapl:0:1': 8 };
    expect(drawnIn(zones, watts)).toEqual({ boundary: 'package', watts: 32, durationNs: SECOND_NS });
  });

  it('with two sockets is both, with the memory of both', () => {
    const zones = {
      'intel-rapl:0': { name: 'package-0' },
      'intel-rapl:1': { name: 'package-1', energyUj: RANGE_UJ.intel - 1_000_000n },
      'intel-rapl:0:0': { name: 'dram' },
      'intel-rapl:1:0': { name: 'dram' },
    };
    const watts = { 'intel-rapl:0': 100, 'intel-rapl:1': 90, 'intel-rapl:0:0': 10, 'intel-rapl:1:0': 20 };
    expect(drawnIn(zones, watts)).toMatchObject({ boundary: 'package_dram', watts: 220 });
  });

  it('is found by name: number 1 is psys on a laptop, which contains the package', () => {
    const zones = { 'intel-rapl:0': { name: 'package-0' }, 'intel-rapl:1': { name: 'psys' } };
    expect(drawnIn(zones, { 'intel-rapl:0': 10, 'intel-rapl:1': 30 })).toMatchObject({
      boundary: 'package',
      watts: 10,
    });
    const turned = { 'intel-rapl:0': { name: 'psys' }, 'intel-rapl:1': { name: 'package-0' } };
    expect(drawnIn(turned, { 'intel-rapl:0': 30, 'intel-rapl:1': 10 })).toMatchObject({
      boundary: 'package',
      watts: 10,
    });
  });

  it('is psys where there is nothing else, of all sockets', () => {
    const zones = { 'intel-rapl:0': { name: 'psys' }, 'intel-rapl:1': { name: 'psys-1' } };
    expect(drawnIn(zones, { 'intel-rapl:0': 30, 'intel-rapl:1': 40 })).toMatchObject({
      boundary: 'platform',
      watts: 70,
    });
  });

  it('counts once what the mmio interface has, too', () => {
    const zones = {
      'intel-rapl:0': { name: 'package-0' },
      'intel-rapl:0:0': { name: 'dram' },
      'intel-rapl-mmio:0': { name: 'package-0' },
      'intel-rapl-mmio:0:0': { name: 'dram' },
    };
    const watts = {
      'intel-rapl:0': 10,
      'intel-rapl:0:0': 2,
      'intel-rapl-mmio:0': 10,
      'intel-rapl-mmio:0:0': 2,
    };
    expect(drawnIn(zones, watts)).toMatchObject({ boundary: 'package_dram', watts: 12 });
    using machine = new MachineTree(powercap(zones));
    expect(raplZones(machine.sys).zones.map(({ folder }) => folder)).toEqual([
      'class/powercap/intel-rapl:0',
      'class/powercap/intel-rapl:0:0',
    ]);
    const { 'intel-rapl-mmio:0': only } = zones;
    expect(drawnIn({ 'intel-rapl-mmio:0': only }, { 'intel-rapl-mmio:0': 10 })).toMatchObject({ watts: 10 });
  });

  it('is that of every die, on sockets that have several', () => {
    const zones = Object.fromEntries(
      [0, 1, 2, 3].map((at) => [`intel-rapl:${at}`, { name: `package-${at >> 1}-die-${at & 1}` }]),
    );
    const watts = { 'intel-rapl:0': 1, 'intel-rapl:1': 2, 'intel-rapl:2': 4, 'intel-rapl:3': 8 };
    expect(drawnIn(zones, watts)).toMatchObject({ watts: 15 });
  });

  it('is that of sixteen sockets, whose numbers are hexadecimal', () => {
    const places = Array.from({ length: 16 }, (_, at) => `intel-rapl:${at.toString(16)}`);
    const zones = Object.fromEntries(places.map((place, at) => [place, { name: `package-${at}` }]));
    expect(drawnIn(zones, Object.fromEntries(places.map((place) => [place, 3])))).toMatchObject({ watts: 48 });
  });

  it("wraps at each counter's own range", () => {
    const zones = {
      'intel-rapl:0': { name: 'package-0', rangeUj: RANGE_UJ.amd, energyUj: RANGE_UJ.amd - 5_000_000n },
      'intel-rapl:0:0': { name: 'dram', rangeUj: RANGE_UJ.intel, energyUj: RANGE_UJ.intel - 1n },
    };
    expect(drawnIn(zones, { 'intel-rapl:0': 50, 'intel-rapl:0:0': 7 })).toMatchObject({ watts: 57 });
  });

  it('leaves all memory out where some of it cannot be read', () => {
    const zones = {
      'intel-rapl:0': { name: 'package-0' },
      'intel-rapl:1': { name: 'package-1' },
      'intel-rapl:0:0': { name: 'dram' },
      'intel-rapl:1:0': { name: 'dram', energyUj: 0 },
    };
    const watts = { 'intel-rapl:0': 10, 'intel-rapl:1': 20, 'intel-rapl:0:0': 5 };
    expect(drawnIn(zones, watts)).toMatchObject({ boundary: 'package', watts: 30 });
  });

  it('is found through the links of sysfs', () => {
    using machine = new MachineTree();
    const folder = 'sys/devices/virtual/powercap/intel-rapl/intel-rapl:0';
    machine.write({ [`${folder}/name`]: 'package-0\n', [`${folder}/energy_uj`]: '7\n' });
    machine.link('sys/class/powercap/intel-rapl', '../../devices/virtual/powercap/intel-rapl');
    machine.link('sys/class/powercap/intel-rapl:0', '../../devices/virtual/powercap/intel-rapl/intel-rapl:0');
    expect(find(machine)).toMatchObject({ isUsable: true, step: '' });
  });
});

describe('limits', () => {
  it('are the greatest that any constraint allows, and the fallback where the driver has none', () => {
    const folder = 'sys/class/powercap/intel-rapl:0';
    const files: Files = {
      ...powercap({ 'intel-rapl:0': { name: 'package-0', ratedW: 125 }, 'intel-rapl:1': { name: 'package-1' } }),
      [`${folder}/constraint_1_power_limit_uw`]: '253000000\n',
      [`${folder}/constraint_1_max_power_uw`]: '0\n',
    };
    using machine = new MachineTree(files);
    const found = raplZones(machine.sys);
    expect(found.zones.map(({ label, ratedPowerW: rated, maxPowerW }) => [label, rated, maxPowerW])).toEqual([
      ['package-0', 125, 253],
      ['package-1', undefined, undefined],
    ]);
    expect(ratedPowerW(found)).toBeUndefined();
  });

  it.each([
    ['4095875000', 500 * 1.5],
    ['253000000', 253 * 1.5],
    ['32767000000', 500 * 1.5],
    ['18446744073709551615', 500 * 1.5],
    ['0', 125 * 1.5],
  ])('of %s uW are believed as far as a package can draw them', (limitUw, watts) => {
    const zones = { 'intel-rapl:0': { name: 'package-0', ratedW: 125 } };
    const limit = { 'sys/class/powercap/intel-rapl:0/constraint_1_power_limit_uw': `${limitUw}\n` };
    const told = (drawnW: number): boolean => {
      using machine = new MachineTree({ ...powercap(zones), ...limit, ...uptime(0) });
      const { source } = find(machine);
      source?.read(0, NO_LOAD);
      machine.write({ [energyFile('intel-rapl:0')]: `${1000 + drawnW * 1e6}\n`, ...uptime(SECOND_NS) });
      const interval = source?.read(SECOND_NS, NO_LOAD);
      source?.dispose();
      return interval !== undefined;
    };
    expect([told(watts), told(watts + 1)]).toEqual([true, false]);
  });

  it('rate the machine when all packages have one', () => {
    const zones = {
      'intel-rapl:0': { name: 'package-0', ratedW: 205 },
      'intel-rapl:1': { name: 'package-1', ratedW: 205 },
    };
    using machine = new MachineTree(powercap(zones));
    expect(ratedPowerW(raplZones(machine.sys))).toBe(410);
  });
});

describe('what stands in the way', () => {
  const zones = {
    'intel-rapl:0': { name: 'package-0', ratedW: 65 },
    'intel-rapl:1': { name: 'package-1', ratedW: 65 },
  };

  it('is the right to read: the step is a group on the file, by a rule that outlives the boot, and never a+r', () => {
    using machine = new MachineTree(powercap(zones));
    machine.failures.set('energy_uj', 'EACCES');
    const { isUsable, why, step } = find(machine);
    expect(isUsable).toBe(false);
    expect(why).toContain('energy_uj of package-0 cannot be read (EACCES)');
    expect(step).toMatch(/chgrp gridwatch \/sys%p\/energy_uj; chmod 0440 \/sys%p\/energy_uj/);
    expect(step).toContain('udevadm trigger --subsystem-match=powercap --action=add');
    expect(step).toContain('Not chmod a+r');
  });

  it('is one of two sockets: half of a machine is none', () => {
    using machine = new MachineTree(powercap(zones));
    machine.failures.set('intel-rapl:1/energy_uj', 'EACCES');
    expect(find(machine)).toMatchObject({ isUsable: false, source: undefined });
  });

  it('is a container runtime that hides the folder behind the links', () => {
    using machine = new MachineTree({ 'sys/devices/virtual/powercap/.keep': '' });
    machine.link('sys/class/powercap/intel-rapl', '../../devices/virtual/powercap/intel-rapl');
    machine.link('sys/class/powercap/intel-rapl:0', '../../devices/virtual/powercap/intel-rapl/intel-rapl:0');
    expect(find(machine)).toMatchObject({
      isUsable: false,
      why: expect.stringContaining('hidden'),
      step: expect.stringContaining('-v /sys:/host/sys:ro -e GRIDWATCH_SYSFS_ROOT=/host/sys'),
    });
  });

  it.each([
    [false, 'modprobe intel_rapl_msr'],
    [true, 'Only the host has the counters'],
  ])('is that there is none (in a virtual machine: %s)', (isVirtual, step) => {
    using machine = new MachineTree();
    expect(find(machine, isVirtual)).toMatchObject({ isUsable: false, step: expect.stringContaining(step) });
  });

  it.each([
    ['0\n', 'stands at 0'],
    ['garbage\n', 'cannot be read (no number)'],
  ])('is a counter that holds %j', (content, why) => {
    using machine = new MachineTree(powercap(zones));
    machine.write({ [energyFile('intel-rapl:1')]: content });
    expect(find(machine)).toMatchObject({ isUsable: false, why: expect.stringContaining(`package-1 ${why}`) });
  });

  it('is nothing else: a mmio copy helps where the counter itself cannot be read', () => {
    using machine = new MachineTree(
      powercap({ 'intel-rapl:0': { name: 'package-0' }, 'intel-rapl-mmio:0': { name: 'package-0' } }),
    );
    machine.failures.set('intel-rapl:0/energy_uj', 'EIO');
    expect(find(machine)).toMatchObject({ isUsable: true });
  });
});

it('a read that fails midway, of a counter that was fine, is a gap and then goes on', () => {
  using machine = new MachineTree({ ...powercap({ 'intel-rapl:0': { name: 'package-0' } }), ...uptime(0) });
  const { source } = find(machine);
  source?.read(0, NO_LOAD);
  machine.failures.set('energy_uj', 'EACCES');
  expect(source?.read(SECOND_NS, NO_LOAD)).toBeUndefined();
  machine.failures.clear();
  machine.write({ [energyFile('intel-rapl:0')]: '20001000\n', ...uptime(2 * SECOND_NS) });
  expect(source?.read(2 * SECOND_NS, NO_LOAD)).toEqual({ energyUj: 20_000_000, durationNs: 2 * SECOND_NS });
  source?.dispose();
  expect(machine.openFiles).toBe(0);
});

it('does not read more zones than any machine has', () => {
  using machine = new MemoryMachine();
  machine.write(
    powercap(
      Object.fromEntries(
        Array.from({ length: 513 }, (_, i) => [`intel-rapl:${i.toString(16)}`, { name: `package-${i}` }]),
      ),
    ),
  );
  const { sys, proc } = machine;
  const found = raplZones(sys);
  expect(found).toEqual({ zones: [], isMasked: false, listed: 513 });
  expect(findRapl({ sys, proc, found, fallbackPowerW: 500, isVirtualMachine: false })).toMatchObject({
    isUsable: false,
    why: expect.stringContaining('513 zones, more than any machine'),
    step: expect.stringContaining('GRIDWATCH_SYSFS_ROOT'),
  });
});
