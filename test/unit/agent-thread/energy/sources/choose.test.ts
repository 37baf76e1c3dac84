/** The choice of a source, on whole machines, and the reasons that are given. */
import { describe, expect, it } from 'vitest';
import { chooseSource } from '../../../../../agent/agent-thread/energy/sources/choose.ts';
import type { EnergySourceName } from '../../../../../agent/agent-thread/energy/sources/energy-source.ts';
import { energyFile, type Files, MachineTree, NO_LOAD, powercap, uptime } from '../machine-tree.ts';

const CPUINFO = (flags: string, model = 0x31): Files => ({
  'proc/cpuinfo': `processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 23\nmodel\t\t: ${model}\nmodel name\t: AMD EPYC\nstepping\t: 0\nflags\t\t: fpu ${flags}\n\n`,
  'sys/devices/system/cpu/online': '0-7\n',
  'sys/devices/system/cpu/present': '0-7\n',
});

const CLOCKS: Files = {
  'sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq': '3400000\n',
  'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq': '3400000\n',
};
const RAPL = powercap({ 'intel-rapl:0': { name: 'package-0', ratedW: 225 } });
const METER: Files = {
  'sys/class/hwmon/hwmon0/name': 'power_meter\n',
  'sys/class/hwmon/hwmon0/power1_average': '200000000\n',
};
const HOST: Files = { 'host/intel-rapl:0/energy_uj': '17' };

const BATTERY: Files = {
  'sys/class/power_supply/BAT0/type': 'Battery\n',
  'sys/class/power_supply/BAT0/status': 'Discharging\n',
  'sys/class/power_supply/BAT0/power_now': '12000000\n',
};

interface Asked {
  readonly forced?: EnergySourceName | 'auto';
  readonly idlePowerW?: number;
  readonly maxPowerW?: number;
  readonly failures?: Readonly<Record<string, string>>;
  readonly nowNs?: () => number;
}

function choose(files: Files, { forced = 'auto', idlePowerW, maxPowerW, failures = {}, nowNs = () => 0 }: Asked = {}) {
  using machine = new MachineTree(files);
  for (const [end, code] of Object.entries(failures)) machine.failures.set(end, code);
  const { sys, proc } = machine;
  const hostRoot = machine.path('host');
  const choice = chooseSource({ sys, proc, hostRoot, forced, idlePowerW, maxPowerW, nowNs });
  choice.source.dispose();
  choice.frequency.dispose();
  return {
    ...choice,
    name: choice.source.name,
    tried: choice.considered.map(({ name, isUsable }) => `${name} ${isUsable ? 'yes' : 'no'}`),
  };
}

describe('the best source is chosen', () => {
  const metal = CPUINFO('avx2');
  const cases: readonly (readonly [what: string, files: Files, asked: Asked, name: EnergySourceName])[] = [
    ['counters', { ...metal, ...RAPL, ...METER, ...HOST }, {}, 'rapl'],
    ['a host that tells', { ...metal, ...HOST, ...METER }, {}, 'host'],
    ['a meter', { ...metal, ...METER, ...RAPL }, { failures: { energy_uj: 'EACCES' } }, 'hwmon'],
    ['rated power', { ...metal, ...RAPL }, { failures: { energy_uj: 'EACCES' } }, 'model:tdp'],
    ["the user's watts", metal, { idlePowerW: 30, maxPowerW: 90 }, 'model:tdp'],
    ['a known family', metal, {}, 'model:family'],
    ['an unknown one', CPUINFO('avx2', 0x99), {}, 'model:generic'],
    ['nothing at all', {}, {}, 'model:generic'],
    ['a processor that cannot be', CPUINFO('avx2', 1e9), {}, 'model:generic'],
  ];
  it.each(cases)('with %s', (_, files, asked, name) => {
    const choice = choose(files, asked);
    expect(choice.name).toBe(name);
    expect(choice.considered.at(-1)).toMatchObject({ name, isUsable: true, step: '' });
    for (const { isUsable, why, step } of choice.considered.slice(0, -1)) {
      expect(isUsable).toBe(false);
      expect(why).not.toBe('');
      expect(step).not.toBe('');
    }
  });

  it('and those after it are not looked for', () => {
    expect(choose({ ...metal, ...RAPL }).tried).toEqual(['rapl yes']);
    expect(choose(metal).tried).toEqual(['rapl no', 'host no', 'hwmon no', 'model:tdp no', 'model:family yes']);
  });
});

describe('a source that is asked for', () => {
  it('is taken where there are better ones', () => {
    const files = { ...CPUINFO('avx2'), ...RAPL, ...METER };
    expect(choose(files, { forced: 'hwmon' }).tried).toEqual(['hwmon yes']);
    expect(choose(files, { forced: 'model:generic' }).tried).toEqual(['model:generic yes']);
  });

  it('is said not to be there, and the best one is taken', () => {
    const { tried, considered } = choose({ ...CPUINFO('avx2'), ...RAPL }, { forced: 'host' });
    expect(tried).toEqual(['host no', 'rapl yes']);
    expect(considered[0]?.step).toContain('scaphandre');
  });
});

describe('a virtual machine', () => {
  it('has a model that says how little it knows', () => {
    const { source, confinement, considered } = choose(CPUINFO('avx2 hypervisor'));
    expect(confinement.hypervisor).toBe('unknown');
    expect(source).toMatchObject({ name: 'model:family', uncertainty: 2.4 });
    expect(considered[0]?.step).toContain('Only the host has the counters');
  });

  it('knows more where it sees its clock', () => {
    const files = { ...CPUINFO('hypervisor'), ...CLOCKS };
    expect(choose(files).source.uncertainty).toBe(1.6);
    let slowNs = 0;
    expect(choose(files, { nowNs: () => (slowNs += 3e5) }).source.uncertainty).toBe(2.4);
  });
});

describe('a virtual machine on ARM, without tables of a firmware', () => {
  const guest = (implementer: string, part: string): Files => ({
    'proc/cpuinfo': `processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU implementer\t: ${implementer}\nCPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: ${part}\nCPU revision\t: 1\n\n`,
    'proc/device-tree/compatible': 'linux,dummy-virt\0',
    'sys/devices/system/cpu/online': '0-7\n',
  });

  it.each([
    ['Graviton2 and Altra', '0x41', '0xd0c', 'model:family', 2.4, 'Neoverse N1 (Altra)'],
    ['Graviton3', '0x41', '0xd40', 'model:generic', 3.5, 'Neoverse V1'],
    ['Graviton4 and Axion', '0x41', '0xd4f', 'model:generic', 3.5, 'Neoverse V2'],
    ['Cobalt 100', '0x6d', '0xd49', 'model:generic', 3.5, 'Neoverse N2'],
    ['AmpereOne', '0xc0', '0xac4', 'model:generic', 3.5, 'AmpereOne'],
    ['a guest of macOS', '0x61', '0x000', 'model:generic', 3.5, 'Apple silicon'],
    ['what nobody knows', '0x99', '0x123', 'model:generic', 3.5, '0x99 family 8 model 291'],
  ])('%s has its name, and watts only where some are published', (_, implementer, part, name, uncertainty, known) => {
    const { source, considered, confinement } = choose(guest(implementer, part));
    expect(source).toMatchObject({ name, uncertainty, boundary: 'wall' });
    expect(considered.find((one) => one.name === 'model:family')?.why).toContain(known);
    expect(confinement.hypervisor).toBe('KVM');
  });
});

describe('a battery', () => {
  const metal = CPUINFO('avx2');
  it.each<[string, Files, Asked, EnergySourceName, string | undefined]>([
    ['calibrates a model', { ...metal, ...BATTERY }, {}, 'model:family', 'BAT0'],
    [
      'calibrates the rated power',
      { ...metal, ...RAPL, ...BATTERY },
      { failures: { energy_uj: 'EACCES' } },
      'model:tdp',
      'BAT0',
    ],
    ['has nothing to tell to what measures', { ...metal, ...RAPL, ...BATTERY }, {}, 'rapl', undefined],
    [
      'has nothing to tell to who has measured',
      { ...metal, ...BATTERY },
      { idlePowerW: 5, maxPowerW: 40 },
      'model:tdp',
      undefined,
    ],
    [
      'that a host shows to its guest is left alone',
      { ...CPUINFO('hypervisor'), ...BATTERY },
      {},
      'model:family',
      undefined,
    ],
  ])('%s', (_, files, asked, name, label) => {
    const choice = choose(files, asked);
    expect([choice.name, choice.battery?.label]).toEqual([name, label]);
  });

  it('changes nothing of a model before it has taught it anything', () => {
    const [with_, without] = [choose({ ...metal, ...BATTERY }), choose(metal)];
    expect(with_.source).toMatchObject({
      idlePowerW: without.source.idlePowerW,
      uncertainty: without.source.uncertainty,
    });
    expect(with_.considered).toEqual(without.considered.map((one) => ({ ...one, why: expect.any(String) })));
  });
});

it('has as many CPUs as are online', () => {
  const files = { ...CPUINFO('avx2'), 'sys/devices/system/cpu/online': '0-2,5\n' };
  expect(choose(files).logicalCpus).toBe(4);
  expect(choose(files).source.idlePowerW).toBeCloseTo((choose(CPUINFO('avx2')).source.idlePowerW ?? 0) / 2, 9);
});

it('believes no more of a counter without limits than any socket draws, or the user says', () => {
  using machine = new MachineTree({
    ...CPUINFO('avx2'),
    ...powercap({ 'intel-rapl:0': { name: 'package-0' } }),
    ...uptime(0),
  });
  const { sys, proc } = machine;
  const settings = { sys, proc, forced: 'auto', idlePowerW: undefined, nowNs: () => 0 } as const;
  const told = (watts: number, maxPowerW?: number): boolean => {
    machine.write({ [energyFile('intel-rapl:0')]: '1000\n' });
    const { source } = chooseSource({ ...settings, maxPowerW });
    source.read(0, NO_LOAD);
    machine.write({ [energyFile('intel-rapl:0')]: `${1000 + watts * 1e6}\n` });
    const interval = source.read(1e9, NO_LOAD);
    source.dispose();
    return interval !== undefined;
  };
  expect([told(900), told(901), told(901, 800), told(1201, 800)]).toEqual([true, false, true, false]);
});
