/** The thread table: gauges, what it does where the machine does not tell, and how often it looks at whom. */
import { beforeEach, describe, expect, it } from 'vitest';
import { only } from '../../../support/recording-sink.ts';
import { FakeProgram, statesOf, totalMs } from './fake-program.ts';
import { MS, waitOf } from './fake-tasks.ts';

let program: FakeProgram;

beforeEach(() => {
  program = new FakeProgram(-50 * MS);
});

describe('parallelism and demand', () => {
  it('are averages over the time since the last collection', () => {
    const busy = [1, 2, 3].map((slot) => program.open(slot, {}, { state: 'on_cpu' }).task);
    program.collect();
    for (let i = 0; i < 20; i++) {
      for (const task of busy) task.runNs += 60 * MS;
      for (const task of busy) task.queueNs += 40 * MS;
      program.runFor(100);
    }
    const written = program.collect();
    expect(written['gridwatch.cpu.parallelism']).toBeCloseTo(1.8, 6);
    expect(written['gridwatch.cpu.demand']).toBeCloseTo(3, 6);
  });

  it('count waiting for a lock as demand, parking not, and the agent not at all', () => {
    program.open(1, {}, { state: 'futex' });
    program.open(2, {}, { state: 'futex' });
    program.open(-1, { role: 'agent', osThreadId: 90 }, { runNs: 900 * MS });
    program.collect();
    for (let ms = 100; ms <= 2000; ms += 100) {
      program.waits.set(1, waitOf({ state: 'waiting_lock', waitingLockNs: ms * MS }));
      program.waits.set(2, waitOf({ state: 'parked', parkedNs: ms * MS }));
      program.runFor(100);
    }
    const written = program.collect();
    expect(written['gridwatch.cpu.parallelism']).toBe(0);
    expect(written['gridwatch.cpu.demand']).toBeCloseTo(1, 6);
  });

  it('keep their values when two readers collect one after the other', () => {
    const { task } = program.open(1);
    task.runNs = 500 * MS;
    program.runFor(1000);
    const first = program.collect()['gridwatch.cpu.parallelism'];
    program.nowNs += 1 * MS;
    expect(program.collect()['gridwatch.cpu.parallelism']).toBe(first);
  });

  it('do not fall when a name is forgotten', () => {
    let lowest = 1;
    for (let i = 1; i <= 300; i++) {
      const { entry, task } = program.open(1, { name: `job ${i}` });
      program.nowNs += 100 * MS;
      task.runNs = 100 * MS;
      program.table.close(entry, {}, program.nowNs);
      if (i % 50 === 0) lowest = Math.min(lowest, program.collect()['gridwatch.cpu.parallelism'] ?? 0);
    }
    expect(lowest).toBeGreaterThan(0.98);
  });
});

describe('without /proc', () => {
  beforeEach(() => {
    program.directory.hasCpuTime = false;
    program.directory.hasSchedule = false;
  });

  it('tells what the wait word says, and the rest as unknown', () => {
    program.open(0);
    program.waits.set(0, waitOf({ parkedNs: 30 * MS }));
    program.runFor(100);
    const written = program.collect();
    expect(statesOf(written, 'main')).toEqual({ parked: 30, unknown: 120 });
    expect(Object.keys(only(written, 'gridwatch.thread.state.time'))).toHaveLength(4);
  });

  it('tells nothing that it does not know', () => {
    program.open(0);
    program.runFor(100);
    const written = program.collect();
    expect(only(written, 'gridwatch.thread.cpu.time')).toEqual({});
    expect(only(written, 'gridwatch.thread.context_switches')).toEqual({});
    expect(only(written, 'gridwatch.thread.count')).toEqual({
      'gridwatch.thread.role=main': 1,
      'gridwatch.thread.role=worker': 0,
    });
    expect(written).not.toHaveProperty('gridwatch.cpu.parallelism');
  });
});

describe('threads that do not run', () => {
  it('are looked at twice a second, from the second second on, until they run', () => {
    const { task } = program.open(1);
    program.runFor(1000);
    expect(task.reads.schedule).toBe(11);
    program.runFor(5000);
    expect(task.reads.schedule).toBe(21);
    task.runNs += 10 * MS;
    program.runFor(1000);
    expect(task.reads.schedule).toBeGreaterThan(26);
    expect(statesOf(program.collect(), 'worker-1')).toEqual({ running: 10, idle: 6990 });
  });
});

describe('more threads than one sample looks at', () => {
  it('are looked at in turn', () => {
    const tasks = Array.from({ length: 150 }, (_, i) => program.open(i + 1).task);
    for (let i = 0; i < 3; i++) program.runFor(100);
    const reads = tasks.map(({ reads: { schedule } }) => schedule - 1);
    expect(reads.reduce((sum, count) => sum + count, 0)).toBe(3 * 64);
    expect(Math.min(...reads)).toBe(1);
    expect(Math.max(...reads)).toBe(2);
  });

  it('are all told of as of the same moment', () => {
    for (let i = 0; i < 150; i++) program.open(i + 1);
    program.runFor(1000);
    const written = program.collect();
    const lives = Array.from({ length: 150 }, (_, i) => totalMs(statesOf(written, `worker-${i + 1}`)));
    expect(new Set(lives)).toEqual(new Set([1000]));
  });
});

it('gives all descriptors back', () => {
  const { task } = program.open(1);
  const helper = program.directory.add(50, { name: 'V8Worker' });
  program.runFor(100);
  program.table.dispose();
  expect([task.isClosed, helper.isClosed]).toEqual([true, true]);
});
