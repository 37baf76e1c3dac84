/** The clock of the CPUs against the one that the model's watts are for. */
import { describe, expect, it } from 'vitest';
import { FrequencyReader } from '../../../../agent/agent-thread/energy/frequency.ts';
import { CpuClocks } from '../../../../agent/agent-thread/host/cpu-clocks.ts';
import { type Files, MachineTree } from './machine-tree.ts';

const CPU = 'sys/devices/system/cpu';
const CPUFREQ = `${CPU}/cpufreq`;

interface PolicyFiles {
  readonly now: number;
  readonly min?: number;
  readonly max?: number;
  readonly base?: number;
}

function policies(...all: readonly PolicyFiles[]): Files {
  const files: Record<string, string> = {};
  for (const [at, { now, min = 800_000, max = 4_000_000, base }] of all.entries()) {
    files[`${CPU}/cpu${at}/cpufreq/scaling_cur_freq`] = `${now}\n`;
    files[`${CPUFREQ}/policy${at}/cpuinfo_min_freq`] = `${min}\n`;
    files[`${CPUFREQ}/policy${at}/cpuinfo_max_freq`] = `${max}\n`;
    if (base !== undefined) files[`${CPUFREQ}/policy${at}/base_frequency`] = `${base}\n`;
  }
  return files;
}

function setUp(files: Files) {
  const machine = new MachineTree(files);
  const clock = { ns: 0, stepNs: 0 };
  const nowNs = (): number => (clock.ns += clock.stepNs);
  const { sys } = machine;
  const reader = new FrequencyReader({ sys, clocks: new CpuClocks({ sys, nowNs }), nowNs });
  return { machine, clock, reader };
}

describe('the ratio', () => {
  it.each([
    ['the geometric mean of base and turbo', policies({ now: 2_000_000, base: 1_000_000 }), 1],
    ['the turbo, where no base is known', policies({ now: 2_000_000 }), 0.5],
    ['the turbo, where the base cannot be', policies({ now: 2_000_000, base: 9_000_000 }), 0.5],
    [
      "AMD's nominal clock, in MHz",
      { ...policies({ now: 3_000_000 }), 'sys/devices/system/cpu/cpu0/acpi_cppc/nominal_freq': '2250\n' },
      1,
    ],
  ])('is against %s', (_, files, ratio) => {
    const { machine, reader } = setUp(files);
    expect(reader.ratio()).toBeCloseTo(ratio, 12);
    expect(reader.reason).toBe('');
    reader.dispose();
    expect(machine.openFiles).toBe(0);
    machine[Symbol.dispose]();
  });

  it('is the mean of the CPUs that work: one at its lowest clock does nothing', () => {
    const { machine, clock, reader } = setUp(policies({ now: 800_000 }, { now: 4_000_000 }, { now: 2_000_000 }));
    expect(reader.ratio()).toBe(0.75);
    clock.ns += 1e9;
    machine.write(policies({ now: 800_000 }, { now: 800_000 }, { now: 820_000 }));
    expect(reader.ratio()).toBeCloseTo((0.2 + 0.2 + 0.205) / 3, 12);
    reader.dispose();
    machine[Symbol.dispose]();
  });

  it('leaves out a CPU that cannot be read', () => {
    const { machine, reader } = setUp(policies({ now: 4_000_000 }, { now: 2_000_000 }));
    machine.failures.set('cpu0/cpufreq/scaling_cur_freq', 'EIO');
    expect(reader.ratio()).toBe(0.5);
    reader.dispose();
    machine[Symbol.dispose]();
  });
});

describe('a reading', () => {
  it('takes as many CPUs as 0.2 ms allow, and the others the next time', () => {
    const { machine, clock, reader } = setUp(policies({ now: 4_000_000 }, { now: 3_000_000 }, { now: 2_000_000 }));
    /* Two looks at the time for a reading, and one after it: 0.15 ms for each CPU. */
    clock.stepNs = 50_000;
    expect(reader.ratio()).toBe(0.875);
    expect(reader.ratio()).toBe(0.75);
    expect(reader.reason).toBe('');
    reader.dispose();
    machine[Symbol.dispose]();
  });

  it('that takes longer three times is the last one, and the ratio is 1', () => {
    const { machine, clock, reader } = setUp(policies({ now: 2_000_000 }));
    clock.stepNs = 250_000;
    expect([reader.ratio(), reader.ratio(), reader.ratio(), reader.ratio()]).toEqual([0.5, 0.5, 1, 1]);
    expect(reader.reason).toContain('0.2 ms');
    expect(machine.openFiles).toBe(0);
    machine[Symbol.dispose]();
  });

  it.each([
    [{}, 'no clocks'],
    [policies({ now: 0 }), 'cannot be read'],
  ])('that is not to be had says why, and the ratio is 1', (files, reason) => {
    const { machine, reader } = setUp(files);
    expect(reader.ratio()).toBe(1);
    expect(reader.reason).toContain(reason);
    expect(machine.openFiles).toBe(0);
    machine[Symbol.dispose]();
  });
});
