/**
 * From the files of a machine to the metrics of a process, second by second, on a clock that the tests turn: what is told when the source breaks.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FollowedEnergy } from '../../../../agent/agent-thread/energy/follow-energy.ts';
import { estimatePower } from '../../../../agent/agent-thread/energy/power-model.ts';
import { resolveConfig } from '../../../../agent/config/resolve.ts';
import type { Diag } from '../../../../agent/diag.ts';
import { collectFrom, only } from '../../../support/recording-sink.ts';
import { energyFile, type Files, MemoryMachine, powercap, uptime } from './machine-tree.ts';

const SECOND_NS = 1e9;
const CPUS = 2;
const RAPL_FILE = energyFile('intel-rapl:0');
const HWMON_FILE = 'sys/class/hwmon/hwmon0/energy1_input';
/** What the generic model gives to a CPU at most. */
const MAX_CPU_W = 2.5;

/** What a counter does in a second: it counts, cannot be read, or stands still. */
type Health = 'counts' | 'fails' | 'stands';

/** A counter of microjoules, and what it has shown when it was read well. */
class Counter {
  health: Health = 'counts';
  readonly file: string;
  readonly #machine: MemoryMachine;
  #uj = 1_000_000;
  readonly shownUj: number[] = [];

  constructor(machine: MemoryMachine, file: string) {
    this.#machine = machine;
    this.file = file;
    this.#show();
  }

  second(energyUj: number): void {
    if (this.health !== 'stands') this.#uj += energyUj;
    if (this.health === 'fails') this.#machine.failures.set(this.file, 'EIO');
    else this.#machine.failures.delete(this.file);
    this.#show();
    if (this.health !== 'fails') this.shownUj.push(this.#uj);
  }

  #show(): void {
    this.#machine.write({ [this.file]: `${this.#uj}\n` });
  }
}

/** One program alone on a machine of two CPUs with RAPL and a chip that counts, too: all energy that is told of is the program's. */
class Followed implements Disposable {
  readonly machine = new MemoryMachine();
  readonly rapl: Counter;
  readonly hwmon: Counter;
  readonly said: string[] = [];
  readonly energy: FollowedEnergy;
  nowNs = 100 * SECOND_NS;
  #beganNs = this.nowNs;
  #busyNs = 0;

  constructor(env: Readonly<Record<string, string>> = {}, files: Files = {}) {
    this.machine.write({
      ...files,
      ...powercap({ 'intel-rapl:0': { name: 'package-0', energyUj: 1_000_000 } }),
      'sys/class/hwmon/hwmon0/name': 'amd_energy\n',
      'sys/class/hwmon/hwmon0/energy1_label': 'Esocket0\n',
      'sys/devices/system/cpu/online': `0-${CPUS - 1}\n`,
      'proc/cpuinfo': 'processor\t: 0\nvendor_id\t: Nobody\n',
    });
    this.rapl = new Counter(this.machine, RAPL_FILE);
    this.hwmon = new Counter(this.machine, HWMON_FILE);
    this.#showClocks();
    const warn = (message: string): void => void this.said.push(message);
    const diag: Diag = { info: warn, warn, error: warn, once: () => diag };
    const { sys, proc } = this.machine;
    this.energy = new FollowedEnergy({
      config: { ...resolveConfig(env).config, sysfsRoot: sys.root },
      proc,
      sys,
      hostRoot: '/none',
      table: { cpuNs: () => new Map([['main', this.#busyNs]]) },
      processNs: () => this.#busyNs,
      nowNs: () => this.nowNs,
      diag,
      onUnavailable: warn,
    });
    this.energy.tick(this.nowNs);
    for (const counter of [this.rapl, this.hwmon]) counter.shownUj.push(1_000_000);
  }

  second(busyShare = 0.5, energyUj = 9e6): void {
    this.nowNs += SECOND_NS;
    this.#busyNs += Math.round(busyShare * 100) * 1e7;
    for (const counter of [this.rapl, this.hwmon]) counter.second(energyUj);
    this.#showClocks();
    this.energy.tick(this.nowNs);
  }

  seconds(count: number): void {
    for (let left = count; left > 0; left--) this.second();
  }

  #showClocks(): void {
    const totalTicks = ((this.nowNs - this.#beganNs) / 1e7) * CPUS;
    const busyTicks = this.#busyNs / 1e7;
    this.machine.write({
      ...uptime(this.nowNs),
      'proc/stat': `cpu  ${busyTicks} 0 0 ${totalTicks - busyTicks} 0 0 0 0\n`,
    });
  }

  /** Microjoules by source and boundary, of work and idling together. */
  told(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const [labels, uj] of Object.entries(only(collectFrom(this.energy), 'gridwatch.process.energy'))) {
      const from = /source=([^,]+),gridwatch.energy.boundary=(.+)$/.exec(labels)?.slice(1).join(' ') ?? labels;
      sums[from] = (sums[from] ?? 0) + uj;
    }
    return sums;
  }

  [Symbol.dispose](): void {
    this.energy.dispose();
    this.machine[Symbol.dispose]();
  }
}

describe('a source that breaks for good', () => {
  test('gives way to the next one after half a minute, which is said once', () => {
    using followed = new Followed();
    followed.seconds(10);
    followed.rapl.health = 'fails';
    followed.seconds(100);
    expect(followed.told()).toEqual({ 'rapl package': 90e6, 'hwmon package': (100 - 30) * 9e6 });
    expect(followed.said).toEqual([
      'the energy source rapl has told of nothing for half a minute (/sys/class/powercap/intel-rapl:0/energy_uj cannot be read: EIO): it is hwmon from now on, until the program is started anew; gridwatch doctor says what can be had, and how',
    ]);
  });

  test('gives way to the model where nothing else measures; its boundary and bounds are those of the sums from then on', () => {
    using followed = new Followed();
    followed.seconds(10);
    followed.rapl.health = 'stands';
    followed.hwmon.health = 'fails';
    followed.seconds(50);
    const written = collectFrom(followed.energy);
    expect(Object.keys(followed.told())).toEqual(['rapl package', 'model:generic wall']);
    expect(written['gridwatch.energy.uncertainty']).toBe(3.5);
    expect(followed.said).toHaveLength(1);
    expect(followed.said[0]).toContain('(its counters stand still): it is model:generic from now on');
  });

  test('is not gone back to', () => {
    using followed = new Followed();
    followed.rapl.health = 'fails';
    followed.seconds(40);
    followed.rapl.health = 'counts';
    followed.seconds(100);
    const before = followed.told()['rapl package'] ?? 0;
    followed.seconds(100);
    expect(followed.told()['rapl package'] ?? 0).toBe(before);
    expect(followed.said).toHaveLength(1);
  });

  test('that was asked for by name gives way as well', () => {
    using followed = new Followed({ GRIDWATCH_ENERGY_SOURCE: 'hwmon' });
    followed.seconds(5);
    followed.hwmon.health = 'fails';
    followed.seconds(40);
    expect(Object.keys(followed.told())).toEqual(['hwmon package', 'rapl package']);
  });

  test('leaves no file open', () => {
    using followed = new Followed();
    followed.rapl.health = 'fails';
    followed.hwmon.health = 'fails';
    followed.seconds(40);
    followed.energy.dispose();
    expect(followed.machine.openFiles).toBe(0);
  });
});

test('a battery that discharges teaches the model, whose rate and bounds follow', () => {
  const battery = (powerW: number): Files => ({
    'sys/class/power_supply/BAT0/type': 'Battery\n',
    'sys/class/power_supply/BAT0/status': 'Discharging\n',
    'sys/class/power_supply/BAT0/power_now': `${Math.round(powerW * 1e6)}\n`,
  });
  /* Of two CPUs that draw 8 W between idle and busy, where the model has 4; 11 W go elsewhere. */
  const shareAt = (busyCpus: number): number =>
    (estimatePower({ logicalCpus: 1, utilization: busyCpus / CPUS }).powerW - 0.5) / (MAX_CPU_W - 0.5);
  using followed = new Followed({ GRIDWATCH_ENERGY_SOURCE: 'model:generic' }, battery(11));
  const run = (seconds: number, busyCpus: number): void => {
    for (let left = seconds; left > 0; left--) {
      followed.machine.write(battery(11 + 8 * shareAt(busyCpus)));
      followed.second(busyCpus);
    }
  };
  run(120, 1.6);
  const before = collectFrom(followed.energy);
  expect(before['gridwatch.cpu.power']).toBeCloseTo((4 * shareAt(1.6)) / 1.6, 3);
  expect(before['gridwatch.energy.uncertainty']).toBe(3.5);
  for (let i = 0; i < 5; i++) {
    run(120, 0.02);
    run(120, 1.6);
  }
  const after = collectFrom(followed.energy);
  expect(after['gridwatch.cpu.power']).toBeCloseTo((8 * shareAt(1.6)) / 1.6, 3);
  expect(after['gridwatch.energy.uncertainty']).toBeLessThan(2);
  expect(after['gridwatch.energy.uncertainty']).toBeGreaterThan(1.25);
  expect(Object.keys(followed.told())).toEqual(['model:generic wall']);
});

const stretch = fc.record({
  seconds: fc.integer({ min: 1, max: 60 }),
  rapl: fc.constantFrom<Health>('counts', 'fails', 'fails', 'stands', 'stands'),
  hwmon: fc.constantFrom<Health>('counts', 'fails', 'fails', 'stands', 'stands'),
  busyShare: fc.double({ min: 0, max: CPUS, noNaN: true }),
  energyUj: fc.integer({ min: 1, max: 200e6 }),
});

test('whatever breaks and comes back: no sum falls, no second is told of twice, and the threads are all of the process', () => {
  let changes = 0;
  let models = 0;
  const runs = fc.property(fc.array(stretch, { minLength: 4, maxLength: 12 }), (stretches) => {
    using followed = new Followed();
    let before: Readonly<Record<string, number>> = {};
    /* Which of what each counter has shown was the last one before it was read. */
    const chosenAt = [0, 0];
    let changedNs = followed.nowNs;
    let said = 0;
    for (const { seconds, rapl, hwmon, busyShare, energyUj } of stretches) {
      followed.rapl.health = rapl;
      followed.hwmon.health = hwmon;
      for (let left = seconds; left > 0; left--) {
        followed.second(busyShare, energyUj);
        if (followed.said.length > said) {
          changedNs = followed.nowNs;
          if (said === 0) chosenAt[1] = followed.hwmon.shownUj.length - 1;
        }
        said = followed.said.length;
        const written = collectFrom(followed.energy);
        for (const [series, uj] of Object.entries(before))
          if (/energy\{/.test(series) && !((written[series] ?? -1) >= uj)) throw new Error(`${series} fell`);
        before = written;
      }
    }
    const told = followed.told();
    const activeUj = Object.entries(before).filter(([series]) => series.includes('component=active'));
    const threadsUj = Object.values(only(before, 'gridwatch.thread.energy')).reduce((sum, uj) => sum + uj, 0);
    expect(activeUj.reduce((sum, [, uj]) => sum + uj, 0)).toBe(threadsUj);
    const measured = [
      ['rapl package', followed.rapl, chosenAt[0]],
      ['hwmon package', followed.hwmon, chosenAt[1]],
    ] as const;
    for (const [from, { shownUj }, at = 0] of measured)
      expect(told[from] ?? 0).toBeLessThanOrEqual((shownUj.at(-1) ?? 0) - (shownUj[at] ?? 0));
    /* The model's, since it was chosen. */
    const modelledUj = told['model:generic wall'] ?? 0;
    expect(modelledUj).toBeLessThanOrEqual((CPUS * MAX_CPU_W * (followed.nowNs - changedNs)) / 1e3);
    changes += said;
    if (modelledUj > 0) models++;
  });
  fc.assert(runs, { numRuns: 150 });
  expect(changes).toBeGreaterThan(50);
  expect(models).toBeGreaterThan(5);
}, 60_000);
