/** The clocks of the CPUs, which several want to know. */
import { expect, it } from 'vitest';
import { CpuClocks } from '../../../../agent/agent-thread/host/cpu-clocks.ts';
import { ProcTree } from '../../../../agent/agent-thread/host/proc.ts';
import { FakeFiles } from './proc-fixtures.ts';

const fileOf = (cpu: number): string => `/sys/devices/system/cpu/cpu${cpu}/cpufreq/scaling_cur_freq`;

function setUp(...khz: readonly string[]) {
  const fs = new FakeFiles(Object.fromEntries(khz.map((text, cpu) => [fileOf(cpu), text])));
  const clock = { ns: 0, readNs: 0 };
  const sys = new ProcTree({ root: '/sys', fs });
  return { fs, clock, clocks: new CpuClocks({ sys, nowNs: () => (clock.ns += clock.readNs) }) };
}

it('are read once a second, however many look', () => {
  const { fs, clock, clocks } = setUp('2300000\n', '3100000\n');
  expect([clocks.khz(0), clocks.khz(1), clocks.khz(0), clocks.khz(1)]).toEqual([
    2_300_000, 3_100_000, 2_300_000, 3_100_000,
  ]);
  expect(fs.opened).toBe(2);
  fs.files.set(fileOf(0), '1000000\n');
  clock.ns = 8e8;
  expect(clocks.khz(0)).toBe(2_300_000);
  clock.ns = 1e9;
  expect(clocks.khz(0)).toBe(1_000_000);
  expect(fs.opened).toBe(3);
});

it('keep a descriptor for who comes often, until it is given back', () => {
  const { fs, clock, clocks } = setUp('2300000\n');
  clocks.khz(0);
  expect(fs.openPaths.size).toBe(0);
  for (let i = 1; i < 5; i++) {
    clock.ns = i * 1e9;
    clocks.khz(0, true);
  }
  expect([fs.opened, fs.openPaths.size]).toEqual([2, 1]);
  clocks.close();
  expect(fs.openPaths.size).toBe(0);
  clock.ns = 9e9;
  expect(clocks.khz(0)).toBe(2_300_000);
});

it.each(['0\n', '<unknown>\n', '', 'EIO'])('that are %j are none', (text) => {
  const { clocks } = setUp(text);
  expect([clocks.khz(0), clocks.khz(7)]).toEqual([Number.NaN, Number.NaN]);
  expect(clocks.areGivenUp).toBe(false);
});

it('are given up for all after three slow reads, of which none is remembered', () => {
  const { fs, clock, clocks } = setUp('2300000\n', '3100000\n');
  clock.readNs = 3e5;
  expect([clocks.khz(0, true), clocks.khz(0, true)]).toEqual([2_300_000, 2_300_000]);
  expect(clocks.areGivenUp).toBe(false);
  clocks.khz(1, true);
  expect(clocks.areGivenUp).toBe(true);
  expect(fs.openPaths.size).toBe(0);
  expect(clocks.khz(0)).toBeNaN();
});
