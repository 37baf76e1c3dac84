/** What `gridwatch doctor` says of energy: which source, why not a better one, and the step that would change that. */
import { expect, it } from 'vitest';
import { checkEnergy } from '../../../../agent/cli/doctor/energy.ts';
import type { Check } from '../../../../agent/cli/doctor.ts';
import { resolveConfig } from '../../../../agent/config/resolve.ts';
import { type Files, MachineTree, powercap } from '../../agent-thread/energy/machine-tree.ts';

const CPU: Files = {
  'proc/cpuinfo':
    'processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 106\nflags\t\t: fpu hypervisor\n\n',
  'sys/devices/system/cpu/online': '0-3\n',
};
const QUOTA: Files = {
  'proc/self/cgroup': '0::/app\n',
  'sys/fs/cgroup/app/cgroup.type': 'domain\n',
  'sys/fs/cgroup/app/cpu.max': '50000 100000\n',
};

function look(files: Files, env: NodeJS.ProcessEnv = {}, platform: NodeJS.Platform = 'linux'): Check[] {
  using machine = new MachineTree(files);
  const roots = { procRoot: machine.path('proc'), sysRoot: machine.path('sys'), hostRoot: machine.path('host') };
  return checkEnergy(resolveConfig(env).config, { ...roots, platform });
}

const levels = (checks: readonly Check[]): string[] => checks.map(({ level }) => level);

it('is short where the best source is there', () => {
  const [chosen, ...others] = look(
    powercap({ 'intel-rapl:0': { name: 'package-0' }, 'intel-rapl:0:0': { name: 'dram' } }),
  );
  expect(chosen).toMatchObject({ level: 'ok', remedy: '' });
  expect(chosen?.found).toMatch(
    /^Energy is measured by "rapl": package-0 and package-0\/dram in .*\. It is that of the processors and their memory; .* factor of 1\.15\. Whether it goes on to count only a program that runs can see: .* says so on stderr\.$/,
  );
  expect(others).toEqual([]);
});

it('says of each better source why it cannot be had and the step, and of the estimate what it does not know', () => {
  const checks = look({ ...CPU, ...QUOTA });
  expect(levels(checks)).toEqual(['ok', 'note', 'note', 'note', 'note', 'note', 'ok', 'ok']);
  for (const { level, remedy } of checks) expect(remedy === '').toBe(level === 'ok');
  const [chosen, rapl, host, hwmon, tdp, clock, virtual, container] = checks.map(({ found }) => found);
  expect(chosen).toContain('Energy is estimated by "model:family"');
  expect(chosen).toContain('Ice Lake');
  expect(chosen).toContain('factor of 2.4');
  expect(chosen).not.toContain('goes on to count');
  for (const [name, found] of Object.entries({ rapl, host, hwmon, 'model:tdp': tdp }))
    expect(found).toContain(`Energy is not taken from "${name}", which would be better: `);
  expect(clock).toContain('does not know the clock');
  expect(virtual).toContain('This is a virtual machine: an estimate is that of its 4 CPUs');
  expect(container).toBe('The control group reserves 0.5 of 4 CPUs: it answers for that share of the idle energy.');
});

it('has the estimate follow the clock where that can be read', () => {
  const clocks = {
    'sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq': '3400000\n',
    'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq': '3400000\n',
  };
  const found = look({ ...CPU, ...clocks }).map((check) => check.found);
  expect(found).toContain('The clock of the CPUs is read, and the estimate follows it.');
});

it('says that a battery calibrates, and whether it does now', () => {
  const laptop = (status: string): Files => ({
    'proc/cpuinfo': 'processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 140\nflags\t\t: fpu\n\n',
    'sys/class/power_supply/BAT0/type': 'Battery\n',
    'sys/class/power_supply/BAT0/status': `${status}\n`,
    'sys/class/power_supply/BAT0/power_now': '9000000\n',
  });
  const said = (status: string): string | undefined =>
    look(laptop(status)).find(({ found }) => found.includes('BAT0'))?.found;
  expect(said('Discharging')).toContain('nothing but its battery (BAT0), as it does now, the estimate learns from it');
  expect(said('Charging')).toContain('nothing but its battery (BAT0), which it does not now, the estimate learns');
});

it('finds a problem only where a source is asked for that cannot be had', () => {
  const [chosen, problem, ...rest] = look(CPU, { GRIDWATCH_ENERGY_SOURCE: 'rapl' });
  expect(chosen?.found).toContain('"model:family"');
  expect(problem).toMatchObject({
    level: 'problem',
    found: expect.stringContaining('GRIDWATCH_ENERGY_SOURCE is rapl, which cannot be had: there are no zones of RAPL'),
    remedy: expect.stringContaining('Or unset it.'),
  });
  expect(levels(rest)).not.toContain('problem');
  expect(levels(look(CPU, { GRIDWATCH_ENERGY_SOURCE: 'model:generic' }))).toEqual(['ok', 'note', 'ok']);
});

it('finds a problem in a root that is no sysfs', () => {
  const roots = (GRIDWATCH_SYSFS_ROOT: string): Check[] =>
    checkEnergy(resolveConfig({ GRIDWATCH_SYSFS_ROOT }).config, { platform: 'linux' }).filter(
      ({ level }) => level === 'problem',
    );
  using machine = new MachineTree({
    ...powercap({ 'intel-rapl:0': { name: 'package-0' } }),
    'host/intel-rapl:0/energy_uj': '5',
  });
  expect(roots(machine.path('sys'))).toEqual([]);
  expect(roots(machine.path('host'))).toEqual([]);
  for (const [root, what] of [
    [machine.path('nowhere'), 'is no folder that can be listed'],
    [machine.path('host/intel-rapl:0'), 'has neither "class" nor zones of RAPL in it'],
  ] as const) {
    expect(roots(root)).toEqual([
      {
        level: 'problem',
        found: `GRIDWATCH_SYSFS_ROOT is ${root}, which ${what}.`,
        remedy: expect.stringContaining('/host/sys'),
      },
    ]);
  }
});

it("takes the user's watts", () => {
  const env = { GRIDWATCH_POWER_IDLE_W: '20', GRIDWATCH_POWER_MAX_W: '95' };
  expect(look(CPU, env)[0]?.found).toContain('"model:tdp": 20 to 95 W');
});

it('says on other platforms that there are no counters, and when energy is off', () => {
  const [chosen, note] = look({}, {}, 'darwin');
  expect(chosen?.found).toContain('"model:generic"');
  expect(note).toMatchObject({ level: 'note', found: 'Counters of energy are not known on darwin.' });
  expect(look(CPU, { GRIDWATCH_FEATURES: '-energy' })).toEqual([
    { level: 'note', found: 'Energy is not told.', remedy: 'Take -energy out of GRIDWATCH_FEATURES.' },
  ]);
});
