/** The host's CPUs, from files as kernels write them, and from none. */
import { describe, expect, it } from 'vitest';
import { HostCpu } from '../../../../agent/agent-thread/host/cpu.ts';
import { CpuClocks } from '../../../../agent/agent-thread/host/cpu-clocks.ts';
import { HostClaim } from '../../../../agent/agent-thread/host/host-claim.ts';
import { Inventory } from '../../../../agent/agent-thread/host/inventory.ts';
import { ProcTree } from '../../../../agent/agent-thread/host/proc.ts';
import { collectFrom, only } from '../../../support/recording-sink.ts';
import { FakeFiles, recordedTree, unavailableLog } from './proc-fixtures.ts';

const SYS = {
  '/sys/devices/system/cpu/online': '0-2',
  '/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq': '2300000\n',
  '/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq': '3100500\n',
};

function statOf(...cpus: readonly string[]): string {
  return `cpu  9 9 9 9 9 9 9 9 9 9\n${cpus.map((ticks, i) => `cpu${i} ${ticks}\n`).join('')}intr 1 2 3\n`;
}

interface Machine {
  readonly mode?: 'on' | 'off';
  readonly sys?: Readonly<Record<string, string>>;
}

function setUp(stat: string, { mode = 'on', sys = SYS }: Machine = {}) {
  const { log, onUnavailable } = unavailableLog();
  const fs = new FakeFiles({ '/proc/stat': stat, '/proc/self/status': 'Cpus_allowed_list:\t0-1\n', ...sys });
  const clock = { ns: 5e9, readNs: 0 };
  const nowNs = (): number => (clock.ns += clock.readNs);
  const proc = new ProcTree({ fs });
  const sysTree = new ProcTree({ fs, root: '/sys' });
  const claim = new HostClaim({ mode, isConfined: () => false, onUnavailable });
  const cpu = new HostCpu({
    proc,
    clocks: new CpuClocks({ sys: sysTree, nowNs }),
    inventory: new Inventory({ proc, sys: sysTree }),
    claim,
    nowNs,
    onUnavailable,
  });
  return { cpu, fs, clock, log };
}

describe('HostCpu', () => {
  it('tells the time of each CPU the process may use, by mode, in nanoseconds', () => {
    const { cpu } = setUp(statOf('1 2 3 4 5 6 7 8 100 100', '10 20 30 40 50 60 70 80 0 0', '1 1 1 1 1 1 1 1 1 1'));
    const times = only(collectFrom(cpu), 'system.cpu.time');
    expect(Object.keys(times)).toHaveLength(14);
    expect(times).toMatchObject({
      'cpu.logical_number=0,cpu.mode=user': 1e7,
      'cpu.logical_number=0,cpu.mode=nice': 2e7,
      'cpu.logical_number=0,cpu.mode=system': 3e7,
      'cpu.logical_number=0,cpu.mode=idle': 4e7,
      'cpu.logical_number=0,cpu.mode=iowait': 5e7,
      'cpu.logical_number=0,cpu.mode=interrupt': 13e7,
      'cpu.logical_number=0,cpu.mode=steal': 8e7,
      'cpu.logical_number=1,cpu.mode=user': 10e7,
    });
  });

  it('tells utilization as shares of the last interval, from the second collection on', () => {
    const { cpu, fs, clock } = setUp(statOf('100 0 0 100 0 0 0 0 0 0', '0 0 0 100 0 0 0 0 0 0'));
    expect(only(collectFrom(cpu), 'system.cpu.utilization')).toEqual({});
    clock.ns += 2e9;
    fs.files.set('/proc/stat', statOf('130 0 20 150 0 0 0 0 0 0', '0 0 0 200 0 0 0 0 0 0'));
    const shares = only(collectFrom(cpu), 'system.cpu.utilization');
    expect(shares).toMatchObject({
      'cpu.logical_number=0,cpu.mode=user': 0.3,
      'cpu.logical_number=0,cpu.mode=system': 0.2,
      'cpu.logical_number=0,cpu.mode=idle': 0.5,
      'cpu.logical_number=1,cpu.mode=idle': 1,
    });
    clock.ns += 0.5e9;
    fs.files.set('/proc/stat', statOf('131 0 20 150 0 0 0 0 0 0', '0 0 0 200 0 0 0 0 0 0'));
    expect(only(collectFrom(cpu), 'system.cpu.utilization')).toEqual(shares);
  });

  it("never lets a counter shrink, though the kernel's idle times do", () => {
    const { cpu, fs } = setUp(statOf('1 0 0 100 50 0 0 0 0 0'));
    collectFrom(cpu);
    fs.files.set('/proc/stat', statOf('2 0 0 90 49 0 0 0 0 0'));
    expect(only(collectFrom(cpu), 'system.cpu.time')).toMatchObject({
      'cpu.logical_number=0,cpu.mode=user': 2e7,
      'cpu.logical_number=0,cpu.mode=idle': 100e7,
      'cpu.logical_number=0,cpu.mode=iowait': 50e7,
    });
  });

  it('tells frequencies in Hz and how many CPUs there are', () => {
    const written = collectFrom(setUp(statOf('1 1 1 1 1 1 1 1 1 1')).cpu);
    expect(only(written, 'system.cpu.frequency')).toEqual({
      'cpu.logical_number=0': 2.3e9,
      'cpu.logical_number=1': 3.1005e9,
    });
    expect(written['system.cpu.logical.count']).toBe(2);
  });

  it('leaves frequencies out where there are none, and says so once', () => {
    const { cpu, log } = setUp(statOf('1 1 1 1 1 1 1 1 1 1'), { sys: {} });
    for (let i = 0; i < 3; i++) expect(only(collectFrom(cpu), 'system.cpu.frequency')).toEqual({});
    expect(log).toEqual(['cpu.frequency unsupported_platform']);
  });

  it('leaves frequencies out where they take too long', () => {
    const { cpu, clock, log } = setUp(statOf('1 1 1 1 1 1 1 1 1 1'));
    clock.readNs = 3e5;
    collectFrom(cpu);
    collectFrom(cpu);
    expect(only(collectFrom(cpu), 'system.cpu.frequency')).toEqual({});
    expect(log).toEqual(['cpu.frequency budget']);
  });

  it.each([
    ['ENOENT', 'cpu unsupported_platform'],
    ['EACCES', 'cpu no_permission'],
    ['', 'cpu failed'],
    ['intr 1 2 3\n', 'cpu failed'],
  ])('without a usable /proc/stat (%j) tells only what it knows, and says so once', (stat, message) => {
    const { cpu, log } = setUp(stat);
    expect(only(collectFrom(cpu), 'system.cpu.time')).toEqual({});
    collectFrom(cpu);
    expect(log).toEqual([message]);
  });

  it('without any of /proc tells how many CPUs Node knows of, and says so once', () => {
    const { cpu, fs, log } = setUp('ENOENT');
    fs.files.delete('/proc/self/status');
    for (let i = 0; i < 2; i++) expect(collectFrom(cpu)).toEqual({ 'system.cpu.logical.count': expect.any(Number) });
    expect(log).toEqual(['cpu unsupported_platform']);
  });

  it('believes no number that is none', () => {
    const { cpu } = setUp('cpu  1\ncpu0 x 1\ncpu1 7 8\ncpu\ncpufoo 1\n');
    const times = only(collectFrom(cpu), 'system.cpu.time');
    expect(times).toMatchObject({ 'cpu.logical_number=0,cpu.mode=user': 0, 'cpu.logical_number=1,cpu.mode=nice': 8e7 });
  });

  it('tells nothing when it is not the one to tell', () => {
    const { cpu } = setUp(statOf('1 1 1 1 1 1 1 1 1 1'), { mode: 'off' });
    expect(collectFrom(cpu)).toEqual({});
  });

  it('reads a recorded machine', () => {
    const { onUnavailable } = unavailableLog();
    const proc = recordedTree('node-24');
    const sys = recordedTree('sys-2-cpus');
    const claim = new HostClaim({ mode: 'on', isConfined: () => false, onUnavailable });
    const cpu = new HostCpu({
      proc,
      clocks: new CpuClocks({ sys, nowNs: () => 0 }),
      inventory: new Inventory({ proc, sys }),
      claim,
      nowNs: () => 0,
      onUnavailable,
    });
    expect(collectFrom(cpu)).toMatchObject({
      'system.cpu.logical.count': 2,
      'system.cpu.physical.count': 1,
      'system.cpu.time{cpu.logical_number=1,cpu.mode=iowait}': 360e7,
      'system.cpu.frequency{cpu.logical_number=1}': 2.301e9,
    });
    cpu.dispose();
  });
});
