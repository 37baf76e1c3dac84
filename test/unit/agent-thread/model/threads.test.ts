import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type ThreadEntry,
  type ThreadExit,
  type ThreadInfo,
  ThreadTable,
} from '../../../../agent/agent-thread/model/threads.ts';
import type { WaitSnapshot } from '../../../../agent/shared-memory/wait-word.ts';
import { collectFrom, only, type Written } from '../../../support/recording-sink.ts';
import { FakeDirectory, type FakeTask, MS, waitOf } from './fake-tasks.ts';

let directory: FakeDirectory;
let table: ThreadTable;
let nowNs: number;
const waits = new Map<number, WaitSnapshot | undefined>();

beforeEach(() => {
  directory = new FakeDirectory();
  nowNs = 0;
  waits.clear();
  table = new ThreadTable({
    directory,
    readWait: (slot) => (waits.has(slot) ? waits.get(slot) : waitOf()),
    nowNs: () => nowNs,
    processStartNs: -50 * MS,
  });
});

function infoOf(slot: number, more: Partial<ThreadInfo> = {}): ThreadInfo {
  return {
    slot,
    generation: 1,
    threadId: slot,
    osThreadId: 100 + slot,
    name: '',
    role: slot === 0 ? 'main' : 'worker',
    parentThreadId: 0,
    claimedNs: nowNs,
    startedNs: 0,
    ...more,
  };
}

function open(
  slot: number,
  more: Partial<ThreadInfo> = {},
  task: Partial<FakeTask> = {},
): { entry: ThreadEntry; task: FakeTask } {
  const info = infoOf(slot, more);
  return { task: directory.add(info.osThreadId, task), entry: table.open(info) };
}

function runFor(ms: number): void {
  for (const endNs = nowNs + ms * MS; nowNs < endNs; ) {
    nowNs += 100 * MS;
    table.sample(nowNs);
  }
}

/** The states of one name in ms, zeros left out. */
function statesOf(written: Written, name: string): Record<string, number> {
  const states: Record<string, number> = {};
  for (const [labels, ns] of Object.entries(only(written, 'gridwatch.thread.state.time'))) {
    const state = /state=(\w+)$/.exec(labels)?.[1] ?? '';
    if (labels.startsWith(`thread.name=${name},`) && ns !== 0) states[state] = ns / MS;
  }
  return states;
}

function totalMs(states: Record<string, number>): number {
  return Object.values(states).reduce((sum, ms) => sum + ms, 0);
}

function namesIn(written: Written): string[] {
  const names = Object.keys(only(written, 'gridwatch.thread.cpu.time')).map(
    (labels) => /thread.name=([^,]*)/.exec(labels)?.[1] ?? '',
  );
  return [...new Set(names)];
}

describe('a thread', () => {
  it('has its time told by state, from birth to the moment of the collection', () => {
    open(0);
    const { task } = open(1, { name: 'hasher' });
    for (let i = 1; i <= 10; i++) {
      task.runNs += 30 * MS;
      task.queueNs += 10 * MS;
      waits.set(1, waitOf({ parkedNs: i * 20 * MS }));
      runFor(100);
    }
    nowNs += 40 * MS;
    const written = collectFrom(table);
    expect(statesOf(written, 'hasher')).toEqual({ running: 300, runnable: 100, parked: 200, idle: 440 });
    expect(totalMs(statesOf(written, 'main'))).toBe(1090);
  });

  it('has its CPU time told by mode, and its context switches by type', () => {
    open(1, {}, { runNs: 80 * MS, ticks: { user: 6, system: 2 }, switches: { voluntary: 5, involuntary: 1 } });
    runFor(100);
    expect(collectFrom(table)).toMatchObject({
      'gridwatch.thread.cpu.time{thread.name=worker-1,cpu.mode=user}': 60 * MS,
      'gridwatch.thread.cpu.time{thread.name=worker-1,cpu.mode=system}': 20 * MS,
      'gridwatch.thread.context_switches{thread.name=worker-1,process.context_switch.type=voluntary}': 5,
      'gridwatch.thread.context_switches{thread.name=worker-1,process.context_switch.type=involuntary}': 1,
    });
  });

  it('may be opened before anybody knows its number in the kernel', () => {
    const entry = table.open(infoOf(1, { osThreadId: 0, threadId: -1 }));
    runFor(200);
    directory.add(101, { runNs: 90 * MS });
    table.attached(entry, 1, 101);
    table.attached(entry, 7, 107);
    runFor(100);
    expect(statesOf(collectFrom(table), 'worker-1')).toEqual({ running: 90, idle: 210 });
    expect(entry.info).toMatchObject({ threadId: 1, osThreadId: 101 });
  });

  it('does not get the numbers of another one, though a program says so', () => {
    open(0, {}, { runNs: 50 * MS });
    table.open(infoOf(1, { osThreadId: 100 }));
    runFor(100);
    expect(statesOf(collectFrom(table), 'worker-1')).toEqual({ unknown: 100 });
  });

  it('is accounted for without its wait word after a second in which that could not be read', () => {
    open(1);
    waits.set(1, undefined);
    runFor(500);
    expect(totalMs(statesOf(collectFrom(table), 'worker-1'))).toBe(0);
    runFor(500);
    expect(statesOf(collectFrom(table), 'worker-1')).toEqual({ idle: 1000 });
  });

  it('that is the agent has no wait word, and is idle when it does not run', () => {
    open(-1, { role: 'agent', osThreadId: 90 }, { runNs: 20 * MS, state: 'blocked_io' });
    runFor(100);
    expect(statesOf(collectFrom(table), 'agent')).toEqual({ running: 20, idle: 80 });
  });
});

describe('a name', () => {
  it('goes on counting for the next one that bears it', () => {
    for (let i = 0; i < 3; i++) {
      const { entry, task } = open(1, {}, { runNs: 10 * MS });
      runFor(100);
      task.isGone = true;
      table.close(entry, {}, nowNs);
    }
    open(2, {}, { runNs: 5 * MS });
    runFor(100);
    const written = collectFrom(table);
    expect(namesIn(written)).toEqual(['worker-1', 'libuv', 'v8', 'other']);
    expect(statesOf(written, 'worker-1')).toEqual({ running: 35, idle: 365 });
  });

  it('costs no more series after 10 000 workers than there were at once', () => {
    for (let i = 0; i < 10_000; i++) {
      const { entry } = open(1, {}, { runNs: 1000, ticks: { user: 1, system: 0 } });
      nowNs += 1000;
      table.close(entry, {}, nowNs);
    }
    const written = collectFrom(table);
    expect(namesIn(written)).toEqual(['worker-1', 'libuv', 'v8', 'other']);
    expect(written['gridwatch.thread.cpu.time{thread.name=worker-1,cpu.mode=user}']).toBe(1e7);
    expect(written['gridwatch.thread.exits']).toBe(10_000);
  });

  it('is unique among the live', () => {
    expect([open(1, { name: 'a' }), open(2, { name: 'a' }), open(3)].map(({ entry }) => entry.name)).toEqual([
      'a',
      'a-1',
      'worker-1',
    ]);
    expect(table.live.map(({ name }) => name)).toEqual(['a', 'a-1', 'worker-1']);
  });

  it('is forgotten when 128 others have ended since, and what nobody was told of it goes to _OTHER', () => {
    for (let i = 0; i < 200; i++) {
      const { entry } = open(1, { name: `job ${i}` }, { runNs: 1000, ticks: { user: 1, system: 0 } });
      nowNs += 1000;
      if (i < 10) collectFrom(table);
      table.close(entry, {}, nowNs);
    }
    const written = collectFrom(table);
    const cpuNs = only(written, 'gridwatch.thread.cpu.time');
    expect(namesIn(written).filter((name) => name.startsWith('job'))).toHaveLength(128);
    expect(cpuNs['thread.name=_OTHER,cpu.mode=user']).toBe((200 - 128 - 10) * 1000);
  });
});

describe('counts', () => {
  it('are told by role', () => {
    open(0);
    open(1);
    open(2);
    directory.add(50, { name: 'V8Worker' });
    directory.add(51, { name: 'libuv-worker' });
    runFor(100);
    expect(only(collectFrom(table), 'gridwatch.thread.count')).toEqual({
      'gridwatch.thread.role=main': 1,
      'gridwatch.thread.role=worker': 2,
      'gridwatch.thread.role=libuv': 1,
      'gridwatch.thread.role=v8': 1,
      'gridwatch.thread.role=other': 0,
    });
  });

  it('of exits begin at zero and tell how threads ended', () => {
    const noExits = only(collectFrom(table), 'gridwatch.thread.exits');
    expect(Object.values(noExits)).toEqual([0, 0, 0, 0, 0]);
    const exits: ThreadExit[] = [{}, { error: 'uncaught' }, { error: 'terminated' }, { error: 'uncaught' }];
    for (const exit of exits) {
      const { entry } = open(1);
      table.close(entry, exit, nowNs);
      table.close(entry, exit, nowNs);
    }
    expect(only(collectFrom(table), 'gridwatch.thread.exits')).toEqual({
      '': 1,
      'error.type=exit_code': 0,
      'error.type=uncaught': 2,
      'error.type=terminated': 1,
      'error.type=out_of_memory': 0,
    });
  });

  it('of starts are told once for each worker', () => {
    const { entry } = open(1);
    table.started(entry, nowNs + 30 * MS);
    table.started(entry, nowNs + 50 * MS);
    open(2, { startedNs: nowNs + 20 * MS });
    table.started(open(0).entry, nowNs + 20 * MS);
    expect(collectFrom(table)['gridwatch.thread.startup.duration']).toBe(2);
  });
});

describe('parallelism and demand', () => {
  it('are averages over the time since the last collection', () => {
    const busy = [1, 2, 3].map((slot) => open(slot, {}, { state: 'on_cpu' }).task);
    collectFrom(table);
    for (let i = 0; i < 20; i++) {
      for (const task of busy) task.runNs += 60 * MS;
      for (const task of busy) task.queueNs += 40 * MS;
      runFor(100);
    }
    const written = collectFrom(table);
    expect(written['gridwatch.cpu.parallelism']).toBeCloseTo(1.8, 6);
    expect(written['gridwatch.cpu.demand']).toBeCloseTo(3, 6);
  });

  it('count waiting for a lock as demand, parking not, and the agent not at all', () => {
    open(1, {}, { state: 'futex' });
    open(2, {}, { state: 'futex' });
    open(-1, { role: 'agent', osThreadId: 90 }, { runNs: 900 * MS });
    collectFrom(table);
    for (let ms = 100; ms <= 2000; ms += 100) {
      waits.set(1, waitOf({ state: 'waiting_lock', waitingLockNs: ms * MS }));
      waits.set(2, waitOf({ state: 'parked', parkedNs: ms * MS }));
      runFor(100);
    }
    const written = collectFrom(table);
    expect(written['gridwatch.cpu.parallelism']).toBe(0);
    expect(written['gridwatch.cpu.demand']).toBeCloseTo(1, 6);
  });

  it('keep their values when two readers collect one after the other', () => {
    const { task } = open(1);
    task.runNs = 500 * MS;
    runFor(1000);
    const first = collectFrom(table)['gridwatch.cpu.parallelism'];
    nowNs += 1 * MS;
    expect(collectFrom(table)['gridwatch.cpu.parallelism']).toBe(first);
  });

  it('do not fall when a name is forgotten', () => {
    let lowest = 1;
    for (let i = 1; i <= 300; i++) {
      const { entry, task } = open(1, { name: `job ${i}` });
      nowNs += 100 * MS;
      task.runNs = 100 * MS;
      table.close(entry, {}, nowNs);
      if (i % 50 === 0) lowest = Math.min(lowest, collectFrom(table)['gridwatch.cpu.parallelism'] ?? 0);
    }
    expect(lowest).toBeGreaterThan(0.98);
  });
});

describe('without /proc', () => {
  beforeEach(() => {
    directory.hasCpuTime = false;
    directory.hasSchedule = false;
  });

  it('tells what the wait word says, and the rest as unknown', () => {
    open(0);
    waits.set(0, waitOf({ parkedNs: 30 * MS }));
    runFor(100);
    const written = collectFrom(table);
    expect(statesOf(written, 'main')).toEqual({ parked: 30, unknown: 120 });
    expect(Object.keys(only(written, 'gridwatch.thread.state.time'))).toHaveLength(4);
  });

  it('tells nothing that it does not know', () => {
    open(0);
    runFor(100);
    const written = collectFrom(table);
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
    const { task } = open(1);
    runFor(1000);
    expect(task.reads.schedule).toBe(11);
    runFor(5000);
    expect(task.reads.schedule).toBe(21);
    task.runNs += 10 * MS;
    runFor(1000);
    expect(task.reads.schedule).toBeGreaterThan(26);
    expect(statesOf(collectFrom(table), 'worker-1')).toEqual({ running: 10, idle: 6990 });
  });
});

describe('more threads than one sample looks at', () => {
  it('are looked at in turn', () => {
    const tasks = Array.from({ length: 150 }, (_, i) => open(i + 1).task);
    for (let i = 0; i < 3; i++) runFor(100);
    const reads = tasks.map(({ reads: { schedule } }) => schedule - 1);
    expect(reads.reduce((sum, count) => sum + count, 0)).toBe(3 * 64);
    expect(Math.min(...reads)).toBe(1);
    expect(Math.max(...reads)).toBe(2);
  });

  it('are all told of as of the same moment', () => {
    for (let i = 0; i < 150; i++) open(i + 1);
    runFor(1000);
    const written = collectFrom(table);
    const lives = Array.from({ length: 150 }, (_, i) => totalMs(statesOf(written, `worker-${i + 1}`)));
    expect(new Set(lives)).toEqual(new Set([1000]));
  });
});

it('gives all descriptors back', () => {
  const { task } = open(1);
  const helper = directory.add(50, { name: 'V8Worker' });
  runFor(100);
  table.dispose();
  expect([task.isClosed, helper.isClosed]).toEqual([true, true]);
});

const anyStep = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    slot: fc.nat(12),
    name: fc.constantFrom('', 'a', 'a', 'b', '\u0000'),
  }),
  fc.record({ kind: fc.constant('close' as const), index: fc.nat(), isGone: fc.boolean() }),
  fc.record({ kind: fc.constant('run' as const), index: fc.nat(), runNs: fc.nat(2e8), queueNs: fc.nat(1e8) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 300 }) }),
  fc.record({ kind: fc.constant('collect' as const) }),
);

describe('whatever happens', () => {
  it('every counter only grows, and the states of all threads add up to their lives', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        directory = new FakeDirectory();
        nowNs = 0;
        waits.clear();
        const settings = { directory, readWait: () => waitOf(), nowNs: () => nowNs, processStartNs: 0 };
        table = new ThreadTable(settings);
        const live: { entry: ThreadEntry; task: FakeTask; birthNs: number }[] = [];
        let endedNs = 0;
        let osThreadId = 1000;
        let before: Written = {};
        const check = (): void => {
          const written = collectFrom(table);
          const shrunk = Object.entries(written).filter(
            ([series, value]) => !/count|parallelism|demand/.test(series) && value < (before[series] ?? 0),
          );
          expect(shrunk).toEqual([]);
          before = written;
          const lives = live.reduce((sum, { birthNs }) => sum + nowNs - birthNs, endedNs);
          const states = Object.values(only(written, 'gridwatch.thread.state.time')).reduce((sum, ns) => sum + ns, 0);
          expect(states).toBe(lives);
        };
        for (const step of steps) {
          const chosen = 'index' in step ? live[step.index % Math.max(1, live.length)] : undefined;
          if (step.kind === 'open') {
            live.push({ ...open(step.slot + 1, { name: step.name, osThreadId: osThreadId++ }), birthNs: nowNs });
          } else if (step.kind === 'pass') {
            nowNs += step.ms * MS;
            table.sample(nowNs);
          } else if (step.kind === 'collect') {
            check();
          } else if (chosen !== undefined && step.kind === 'run') {
            chosen.task.runNs += step.runNs;
            chosen.task.queueNs += step.queueNs;
          } else if (chosen !== undefined && step.kind === 'close') {
            chosen.task.isGone = step.isGone;
            table.close(chosen.entry, {}, nowNs);
            endedNs += nowNs - chosen.birthNs;
            live.splice(live.indexOf(chosen), 1);
          }
        }
        check();
      }),
    );
  });
});
