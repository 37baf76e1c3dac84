/**
 * Machines that cannot be: whatever the files hold, and whenever they fail, something is chosen, nothing is thrown, and no energy is told that is none.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chooseSource } from '../../../../../agent/agent-thread/energy/sources/choose.ts';
import {
  ENERGY_SOURCES,
  type EnergySourceName,
} from '../../../../../agent/agent-thread/energy/sources/energy-source.ts';
import { type Files, MemoryMachine } from '../machine-tree.ts';

const ZONES = [
  'intel-rapl:0',
  'intel-rapl:1',
  'intel-rapl:0:0',
  'intel-rapl-mmio:0',
  'arm-scmi:0',
  'arm-scmi:0:0',
  'other',
];
const ZONE_FILES = [
  'name',
  'energy_uj',
  'max_energy_range_uj',
  'power_uw',
  'constraint_0_max_power_uw',
  'constraint_1_power_limit_uw',
];
const CHIP_FILES = ['name', 'energy1_input', 'energy1_label', 'power1_average', 'power1_label', 'power1_is_battery'];

const PATHS = [
  ...ZONES.flatMap((zone) => ZONE_FILES.map((file) => `sys/class/powercap/${zone}/${file}`)),
  ...CHIP_FILES.flatMap((file) => [`sys/class/hwmon/hwmon0/${file}`, `sys/class/hwmon/hwmon1/device/${file}`]),
  'sys/intel-rapl:0/energy_uj',
  'sys/devices/system/cpu/online',
  'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq',
  ...['cpuinfo_max_freq', 'cpuinfo_min_freq', 'base_frequency'].map(
    (file) => `sys/devices/system/cpu/cpufreq/policy0/${file}`,
  ),
  ...['type', 'status', 'power_now', 'scope', 'online'].map((file) => `sys/class/power_supply/BAT0/${file}`),
  'proc/cpuinfo',
  'proc/uptime',
  'proc/self/cgroup',
];

const content = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 1e9 }).map(String) },
  fc.constantFrom(
    'package-0',
    'package-1-die-0',
    'dram',
    'psys',
    'power_meter',
    'amd_energy',
    'Esocket0',
    '0-3',
    '5.5 1.0',
  ),
  fc.constantFrom(
    '',
    '\n',
    '-1',
    '0',
    'NaN',
    '1e400',
    '18446744073709551615',
    '99999999999999999999999',
    '0-9999999',
    'x',
  ),
  fc.constantFrom(
    'vendor_id : GenuineIntel\ncpu family : 6\nmodel : 106\n',
    'model : 99999999\nflags : hypervisor',
    '0::/../a',
  ),
);
/** What stands there on machines that can be. */
function likely(path: string): string {
  if (path === 'proc/cpuinfo') return 'processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : 106\n';
  if (path === 'proc/uptime') return '5.00 1.00';
  if (path.endsWith('BAT0/type')) return 'Battery';
  if (path.endsWith('BAT0/status')) return 'Discharging';
  if (path.endsWith('hwmon0/name')) return 'apm_xgene';
  if (path.endsWith('power1_label')) return 'CPU power';
  if (path.endsWith(':0:0/name')) return 'dram';
  if (path.endsWith('/name')) return 'package-0';
  return path.endsWith('max_energy_range_uj') ? '262143328850' : '5000000';
}

const file = fc.constantFrom(...PATHS).chain((path) => {
  const either = fc.oneof({ weight: 2, arbitrary: fc.constant(likely(path)) }, content);
  return either.map((text) => ({ path, content: text }));
});
const files = fc
  .array(file, { maxLength: 60 })
  .map((all): Files => Object.fromEntries(all.map((one) => [one.path, one.content])));
const round = fc.record({
  files,
  failing: fc.option(fc.constantFrom('energy_uj', 'power_uw', 'power1_average', 'uptime', 'scaling_cur_freq')),
  durationNs: fc.double({ min: -1e9, max: 1e11 }),
  utilization: fc.double({ min: -1, max: 2 }),
});
const watts = fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined });

it('chooses and reads whatever the files hold', () => {
  const chosen = new Set<EnergySourceName>();
  let told = 0;
  const choices = fc.property(
    files,
    fc.constantFrom('auto' as const, ...ENERGY_SOURCES),
    watts,
    watts,
    fc.array(round, { maxLength: 8 }),
    (before, forced, idlePowerW, maxPowerW, rounds) => {
      using machine = new MemoryMachine();
      machine.write(before);
      const { sys, proc } = machine;
      let nowNs = 0;
      const clock = (): number => nowNs;
      const choice = chooseSource({ sys, proc, hostRoot: '/nowhere', forced, idlePowerW, maxPowerW, nowNs: clock });
      chosen.add(choice.source.name);
      for (const { files: now, failing, durationNs, utilization } of rounds) {
        machine.write(now);
        machine.failures.clear();
        if (failing !== null) machine.failures.set(failing, 'EIO');
        nowNs += Number.isNaN(durationNs) ? 0 : durationNs;
        const frequencyRatio = choice.frequency.ratio();
        if (!(frequencyRatio > 0)) throw new Error(`a ratio of ${frequencyRatio}`);
        const interval = choice.source.read(nowNs, { utilization, frequencyRatio });
        if (interval === undefined) continue;
        told++;
        const { energyUj, durationNs: coveredNs } = interval;
        if (!Number.isSafeInteger(energyUj) || energyUj < 0 || !(coveredNs > 0))
          throw new Error(JSON.stringify(interval));
      }
      choice.source.dispose();
      choice.frequency.dispose();
      if (machine.openFiles > 0) throw new Error(`${machine.openFiles} descriptors are left`);
    },
  );
  fc.assert(choices, { numRuns: 1500 });
  expect([...chosen].toSorted()).toEqual([...ENERGY_SOURCES].toSorted());
  expect(told).toBeGreaterThan(500);
}, 60_000);
