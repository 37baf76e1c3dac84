/** The thread table: what it tells of a thread, how names and their counters live, what it counts. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ThreadExit } from '../../../../agent/agent-thread/model/threads.ts';
import { only } from '../../../support/recording-sink.ts';
import { FakeProgram, namesIn, statesOf, totalMs } from './fake-program.ts';
import { MS, waitOf } from './fake-tasks.ts';

let program: FakeProgram;

beforeEach(() => {
  program = new FakeProgram(-50 * MS);
});

describe('a thread', () => {
  it('has its time told by state, from birth to the moment of the collection', () => {
    program.open(0);
    const { task } = program.open(1, { name: 'hasher' });
    for (let i = 1; i <= 10; i++) {
      task.runNs += 30 * MS;
      task.queueNs += 10 * MS;
      program.waits.set(1, waitOf({ parkedNs: i * 20 * MS }));
      program.runFor(100);
    }
    program.nowNs += 40 * MS;
    const written = program.collect();
    expect(statesOf(written, 'hasher')).toEqual({ running: 300, runnable: 100, parked: 200, idle: 440 });
    expect(totalMs(statesOf(written, 'main'))).toBe(1090);
  });

  it('has its CPU time told by mode, and its context switches by type', () => {
    program.open(1, {}, { runNs: 80 * MS, ticks: { user: 6, system: 2 }, switches: { voluntary: 5, involuntary: 1 } });
    program.runFor(100);
    expect(program.collect()).toMatchObject({
      'gridwatch.thread.cpu.time{thread.name=worker-1,cpu.mode=user}': 60 * MS,
      'gridwatch.thread.cpu.time{thread.name=worker-1,cpu.mode=system}': 20 * MS,
      'gridwatch.thread.context_switches{thread.name=worker-1,process.context_switch.type=voluntary}': 5,
      'gridwatch.thread.context_switches{thread.name=worker-1,process.context_switch.type=involuntary}': 1,
    });
  });

  it('may be opened before anybody knows its number in the kernel', () => {
    const entry = program.table.open(program.infoOf(1, { osThreadId: 0, threadId: -1 }));
    program.runFor(200);
    program.directory.add(101, { runNs: 90 * MS });
    program.table.attached(entry, 1, 101);
    program.table.attached(entry, 7, 107);
    program.runFor(100);
    expect(statesOf(program.collect(), 'worker-1')).toEqual({ running: 90, idle: 210 });
    expect(entry.info).toMatchObject({ threadId: 1, osThreadId: 101 });
  });

  it('does not get the numbers of another one, though a program says so', () => {
    program.open(0, {}, { runNs: 50 * MS });
    program.table.open(program.infoOf(1, { osThreadId: 100 }));
    program.runFor(100);
    expect(statesOf(program.collect(), 'worker-1')).toEqual({ unknown: 100 });
  });

  it('is accounted for without its wait word after a second in which that could not be read', () => {
    program.open(1);
    program.waits.set(1, undefined);
    program.runFor(500);
    expect(totalMs(statesOf(program.collect(), 'worker-1'))).toBe(0);
    program.runFor(500);
    expect(statesOf(program.collect(), 'worker-1')).toEqual({ idle: 1000 });
  });

  it('of eight that shared two CPUs, and ended unseen, has an equal part of what the process has used, and no more', () => {
    const threads = Array.from({ length: 8 }, (_, i) => program.open(i + 1, {}, { runNs: 20 * MS, state: 'on_cpu' }));
    program.runFor(100);
    program.nowNs += 2000 * MS;
    program.processCpuNs = (8 * 20 + 1600) * MS;
    for (const { entry, task } of threads) {
      task.isGone = true;
      program.table.close(entry, {}, program.nowNs);
    }
    const cpuNs = only(program.collect(), 'gridwatch.thread.cpu.time');
    for (let i = 1; i <= 8; i++) expect(cpuNs[`thread.name=worker-${i},cpu.mode=user`]).toBe(220 * MS);
  });

  it('that is the agent has no wait word, and is idle when it does not run', () => {
    program.open(-1, { role: 'agent', osThreadId: 90 }, { runNs: 20 * MS, state: 'blocked_io' });
    program.runFor(100);
    expect(statesOf(program.collect(), 'agent')).toEqual({ running: 20, idle: 80 });
  });
});

describe('a name', () => {
  it('goes on counting for the next one that bears it', () => {
    for (let i = 0; i < 3; i++) {
      const { entry, task } = program.open(1, {}, { runNs: 10 * MS });
      program.runFor(100);
      task.isGone = true;
      program.table.close(entry, {}, program.nowNs);
    }
    program.open(2, {}, { runNs: 5 * MS });
    program.runFor(100);
    const written = program.collect();
    expect(namesIn(written)).toEqual(['worker-1', 'libuv', 'v8', 'other']);
    expect(statesOf(written, 'worker-1')).toEqual({ running: 35, idle: 365 });
  });

  it('costs no more series after 10 000 workers than there were at once', () => {
    for (let i = 0; i < 10_000; i++) {
      const { entry } = program.open(1, {}, { runNs: 1000, ticks: { user: 1, system: 0 } });
      program.nowNs += 1000;
      program.table.close(entry, {}, program.nowNs);
    }
    const written = program.collect();
    expect(namesIn(written)).toEqual(['worker-1', 'libuv', 'v8', 'other']);
    expect(written['gridwatch.thread.cpu.time{thread.name=worker-1,cpu.mode=user}']).toBe(1e7);
    expect(written['gridwatch.thread.exits']).toBe(10_000);
  });

  it('is unique among the live', () => {
    expect(
      [program.open(1, { name: 'a' }), program.open(2, { name: 'a' }), program.open(3)].map(({ entry }) => entry.name),
    ).toEqual(['a', 'a-1', 'worker-1']);
    expect(program.table.live.map(({ name }) => name)).toEqual(['a', 'a-1', 'worker-1']);
  });

  it('is forgotten when 128 others have ended since, and what nobody was told of it goes to _OTHER', () => {
    for (let i = 0; i < 200; i++) {
      const { entry } = program.open(1, { name: `job ${i}` }, { runNs: 1000, ticks: { user: 1, system: 0 } });
      program.nowNs += 1000;
      if (i < 10) program.collect();
      program.table.close(entry, {}, program.nowNs);
    }
    const written = program.collect();
    const cpuNs = only(written, 'gridwatch.thread.cpu.time');
    expect(namesIn(written).filter((name) => name.startsWith('job'))).toHaveLength(128);
    expect(cpuNs['thread.name=_OTHER,cpu.mode=user']).toBe((200 - 128 - 10) * 1000);
  });
});

describe('counts', () => {
  it('are told by role', () => {
    program.open(0);
    program.open(1);
    program.open(2);
    program.directory.add(50, { name: 'V8Worker' });
    program.directory.add(51, { name: 'libuv-worker' });
    program.runFor(100);
    expect(only(program.collect(), 'gridwatch.thread.count')).toEqual({
      'gridwatch.thread.role=main': 1,
      'gridwatch.thread.role=worker': 2,
      'gridwatch.thread.role=libuv': 1,
      'gridwatch.thread.role=v8': 1,
      'gridwatch.thread.role=other': 0,
    });
  });

  it('of exits begin at zero and tell how threads ended', () => {
    const noExits = only(program.collect(), 'gridwatch.thread.exits');
    expect(Object.values(noExits)).toEqual([0, 0, 0, 0, 0]);
    const exits: ThreadExit[] = [{}, { error: 'uncaught' }, { error: 'terminated' }, { error: 'uncaught' }];
    for (const exit of exits) {
      const { entry } = program.open(1);
      program.table.close(entry, exit, program.nowNs);
      program.table.close(entry, exit, program.nowNs);
    }
    expect(only(program.collect(), 'gridwatch.thread.exits')).toEqual({
      '': 1,
      'error.type=exit_code': 0,
      'error.type=uncaught': 2,
      'error.type=terminated': 1,
      'error.type=out_of_memory': 0,
    });
  });

  it('of starts are told once for each worker', () => {
    const { entry } = program.open(1);
    program.table.started(entry, program.nowNs + 30 * MS);
    program.table.started(entry, program.nowNs + 50 * MS);
    program.open(2, { startedNs: program.nowNs + 20 * MS });
    program.table.started(program.open(0).entry, program.nowNs + 20 * MS);
    expect(program.collect()['gridwatch.thread.startup.duration']).toBe(2);
  });
});
