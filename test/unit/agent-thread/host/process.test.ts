/** The process as a whole, as Node and the kernel tell of it. */
import { describe, expect, it } from 'vitest';
import { ProcessMetrics } from '../../../../agent/agent-thread/host/process.ts';
import { collectFrom, only } from '../../../support/recording-sink.ts';
import { fakeTree, recordedTree } from './proc-fixtures.ts';

function setUp(proc = recordedTree('node-24')) {
  const now = { ns: 10e9, userUs: 0, systemUs: 0 };
  const metrics = new ProcessMetrics({
    proc,
    nowNs: () => now.ns,
    cpuCount: () => 4,
    source: {
      cpuUsage: () => ({ user: now.userUs, system: now.systemUs }),
      resourceUsage: () => ({ voluntaryContextSwitches: 12, involuntaryContextSwitches: 3 }),
      rssBytes: () => 45_678_592,
      uptime: () => now.ns / 1e9 - 8,
    },
  });
  return { metrics, now };
}

describe('ProcessMetrics', () => {
  it('tells what the process has used', () => {
    const { metrics, now } = setUp();
    Object.assign(now, { ns: 12e9, userUs: 3_000_000, systemUs: 500_000 });
    expect(collectFrom(metrics)).toEqual({
      'process.cpu.time{cpu.mode=user}': 3e9,
      'process.cpu.time{cpu.mode=system}': 0.5e9,
      'process.cpu.utilization{cpu.mode=user}': 3 / (4 * 4),
      'process.cpu.utilization{cpu.mode=system}': 0.5 / (4 * 4),
      'process.context_switches{process.context_switch.type=voluntary}': 12,
      'process.context_switches{process.context_switch.type=involuntary}': 3,
      'process.memory.usage': 45_678_592,
      'process.thread.count': 13,
      'process.uptime': 4e9,
    });
    metrics.dispose();
  });

  it('tells utilization of the last interval, which lasts a second at least', () => {
    const { metrics, now } = setUp();
    collectFrom(metrics);
    Object.assign(now, { ns: 20e9, userUs: 20_000_000 });
    expect(only(collectFrom(metrics), 'process.cpu.utilization')['cpu.mode=user']).toBe(0.5);
    Object.assign(now, { ns: 20.5e9, userUs: 20_000_001 });
    expect(only(collectFrom(metrics), 'process.cpu.utilization')['cpu.mode=user']).toBe(0.5);
    Object.assign(now, { ns: 25e9, userUs: 20_000_000 });
    expect(only(collectFrom(metrics), 'process.cpu.utilization')['cpu.mode=user']).toBe(0);
  });

  it.each(['EACCES', '', 'garbage', '7 (x) S 1 2'])('leaves the number of threads out when stat is %j', (stat) => {
    const { metrics } = setUp(fakeTree({ 'self/stat': stat }).tree);
    expect(collectFrom(metrics)).not.toHaveProperty('process.thread.count');
  });

  it('asks Node for the process, not for the thread', () => {
    const metrics = new ProcessMetrics({ proc: recordedTree('nowhere'), nowNs: () => 1e9, cpuCount: () => 1 });
    const written = collectFrom(metrics);
    expect(written['process.memory.usage']).toBeGreaterThan(1e6);
    expect(written['process.uptime']).toBeGreaterThan(0);
  });
});
