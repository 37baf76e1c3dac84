/** Chips that measure the processor or the machine, and the many that measure something else. */
import { describe, expect, it } from 'vitest';
import { findHwmon } from '../../../../../agent/agent-thread/energy/sources/hwmon.ts';
import { type Files, MachineTree, NO_LOAD, uptime } from '../machine-tree.ts';

const SECOND_NS = 1e9;

function find({ sys, proc }: MachineTree, nowNs: () => number = () => 0) {
  return findHwmon({ sys, proc, fallbackPowerW: 500, nowNs });
}

/** Readings by label, in the order of their numbers. */
function chip(
  number: number,
  name: string,
  readings: readonly (readonly [file: string, value: number, label?: string])[],
): Files {
  const folder = `sys/class/hwmon/hwmon${number}`;
  const files: Record<string, string> = { [`${folder}/name`]: `${name}\n` };
  for (const [file, value, label] of readings) {
    files[`${folder}/${file}`] = `${value}\n`;
    if (label !== undefined) files[`${folder}/${file.split('_')[0]}_label`] = `${label}\n`;
  }
  return files;
}

/** An ACPI meter, whose files are the device's. */
function meter(number: number, powerUw: number, info?: string): Files {
  const folder = `sys/class/hwmon/hwmon${number}`;
  return {
    [`${folder}/name`]: 'power_meter\n',
    [`${folder}/device/power1_average`]: `${powerUw}\n`,
    [`${folder}/device/power1_is_battery`]: '0\n',
    ...(info === undefined ? {} : { [`${folder}/device/power1_oem_info`]: `${info}\n` }),
  };
}

/** Watts over a second in which the meters stay as they are, and counters grow by what `grow` says. */
function watts(files: Files, grow: Files = {}) {
  using machine = new MachineTree({ ...files, ...uptime(0) });
  const { source } = find(machine);
  source?.read(0, NO_LOAD);
  machine.write({ ...grow, ...uptime(SECOND_NS) });
  const energyUj = source?.read(SECOND_NS, NO_LOAD)?.energyUj;
  source?.dispose();
  return source === undefined ? undefined : [source.boundary, source.uncertainty, (energyUj ?? Number.NaN) / 1e6];
}

describe('a chip', () => {
  it("of AMD's counters: its sockets, not the cores in them", () => {
    const readings = (sockets: number, cores: number): Files =>
      chip(2, 'amd_energy', [
        ['energy1_input', cores, 'Ecore000'],
        ['energy2_input', cores, 'Ecore001'],
        ['energy3_input', sockets, 'Esocket0'],
        ['energy4_input', sockets, 'Esocket1'],
      ]);
    expect(watts(readings(5e6, 1e6), readings(65e6, 11e6))).toEqual(['package', 1.15, 120]);
  });

  it("of AMD's management port: one for each socket, without its caps", () => {
    const socket = (at: number, powerUw: number): Files =>
      chip(at, 'amd_hsmp_hwmon', [
        ['power1_input', powerUw],
        ['power1_cap', 400e6],
        ['power1_cap_max', 400e6],
      ]);
    expect(watts({ ...socket(0, 145e6), ...socket(1, 55e6), ...meter(2, 500e6) })).toEqual(['package', 1.3, 200]);
  });

  it("of NVIDIA's: whole sockets, not what is in them, nor the module that contains them", () => {
    const files = {
      ...meter(1, 300e6, 'Module Power Socket 0'),
      ...meter(2, 150e6, 'Grace Power Socket 0'),
      ...meter(3, 125e6, 'CPU Power Socket 0'),
      ...meter(4, 9e6, 'SysIO Power Socket 0'),
      ...meter(5, 50e6, 'Grace Power Socket 1'),
    };
    expect(watts(files)).toEqual(['package_dram', 1.3, 200]);
  });

  it('of X-Gene and Ampere: CPU and I/O', () => {
    const readings = [
      ['power1_input', 40e6, 'CPU power'],
      ['power2_input', 20e6, 'IO power'],
    ] as const;
    expect(watts(chip(0, 'apm_xgene', readings))).toEqual(['package', 1.3, 60]);
  });

  it("of Apple's: the system, not the charger", () => {
    const readings = [
      ['power1_input', 13e6, 'Total System Power'],
      ['power2_input', 30e6, 'AC Input Power'],
    ] as const;
    expect(watts(chip(0, 'macsmc_hwmon', readings))).toEqual(['platform', 1.3, 13]);
  });

  it('of ACPI: the machine, by the one meter that there is', () => {
    expect(watts(meter(0, 220e6, 'Intel(R) Node Manager'))).toEqual(['wall', 1.3, 220]);
    expect(watts(meter(0, 220e6))).toEqual(['wall', 1.3, 220]);
    expect(watts({ ...meter(0, 220e6), ...meter(1, 200e6) })).toBeUndefined();
    expect(watts({ ...meter(0, 30e6), 'sys/class/hwmon/hwmon0/device/power1_is_battery': '1\n' })).toBeUndefined();
    expect(watts(meter(0, 30e6, 'Module Power Socket 0'))).toBeUndefined();
  });

  it('prefers a counter to a meter, the processor to the machine, and an average to a moment', () => {
    const counter = (value: number): Files => chip(3, 'amd_energy', [['energy1_input', value, 'Esocket0']]);
    const xgene = chip(4, 'apm_xgene', [
      ['power1_average', 7e6, 'CPU power'],
      ['power1_input', 9e6, 'CPU power'],
    ]);
    expect(watts({ ...meter(0, 220e6), ...xgene, ...counter(1) }, counter(5e6 + 1))).toEqual(['package', 1.15, 5]);
    expect(watts({ ...meter(0, 220e6), ...xgene })).toEqual(['package', 1.3, 7]);
  });

  it('of anything else is named, and left alone', () => {
    using machine = new MachineTree({
      ...chip(0, 'amdgpu', [['power1_average', 90e6, 'slowPPT']]),
      ...chip(1, 'i915', [['energy1_input', 90e6]]),
      ...chip(2, 'scmi_sensors', [['power1_input', 2e6, 'SYS_POW_SYS']]),
      ...chip(3, 'nvme', [['temp1_input', 40_000]]),
    });
    expect(find(machine)).toMatchObject({
      isUsable: false,
      why: expect.stringContaining('; of amdgpu, i915, scmi_sensors it is not known what they cover'),
      step: expect.stringContaining('GRIDWATCH_POWER_IDLE_W'),
    });
  });

  it('that cannot be read, or takes too long, is not used', () => {
    using machine = new MachineTree(meter(0, 220e6));
    let atNs = 0;
    expect(find(machine, () => (atNs += 30e6))).toMatchObject({
      isUsable: false,
      why: expect.stringContaining('takes 30 ms to read'),
    });
    machine.failures.set('power1_average', 'EACCES');
    expect(find(machine)).toMatchObject({ isUsable: false, why: expect.stringContaining('(EACCES)') });
    expect(machine.openFiles).toBe(0);
  });
});

describe("ARM's firmware", () => {
  const zone = (place: string, powerUw: number): Files => ({
    [`sys/class/powercap/arm-scmi:${place}/name`]: 'vendor\n',
    [`sys/class/powercap/arm-scmi:${place}/power_uw`]: `${powerUw}\n`,
  });

  it('has zones of power, of which the outermost are added up', () => {
    const files = {
      ...zone('0', 8e6),
      ...zone('0:0', 5e6),
      ...zone('1', 3e6),
      'sys/class/powercap/arm-scmi/enabled': '1\n',
    };
    expect(watts(files)).toEqual(['package', 1.3, 11]);
  });

  it('comes after chips of which more is known', () => {
    const xgene = chip(0, 'apm_xgene', [['power1_input', 9e6, 'CPU power']]);
    expect(watts({ ...zone('0', 8e6), ...xgene })).toEqual(['package', 1.3, 9]);
  });
});
