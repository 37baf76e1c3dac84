/** Real threads against the thread table, which samples them from another thread as often as the agent does. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcTree } from '../../agent/agent-thread/host/proc.ts';
import { ProcTaskDirectory } from '../../agent/agent-thread/host/task.ts';
import { type ThreadEntry, ThreadTable } from '../../agent/agent-thread/model/threads.ts';
import { Clock } from '../../agent/shared-memory/clock.ts';
import { ControlMemory } from '../../agent/shared-memory/layout.ts';
import { readWaitWord } from '../../agent/shared-memory/wait-word.ts';
import type { StatesReport, StatesSettings } from '../fixtures/threads/states.ts';
import { eventually } from '../support/eventually.ts';
import { collectFrom, only, type Written } from '../support/recording-sink.ts';

const SUBJECT = new URL('../fixtures/threads/states.ts', import.meta.url);
const MS = 1e6;
const PHASE_MS = 400;
const SAMPLE_INTERVAL_MS = 100;

const clock = new Clock();
let memory: ControlMemory;
let proc: ProcTree;
let table: ThreadTable;
let folder: string;
let sampling: NodeJS.Timeout;
let stop: Int32Array;
let subjects: Subject[];

interface Subject {
  readonly worker: Worker;
  readonly entry: ThreadEntry;
  readonly claimedNs: number;
}

beforeEach(() => {
  memory = ControlMemory.create(clock.baseS);
  proc = new ProcTree();
  stop = new Int32Array(new SharedArrayBuffer(4));
  subjects = [];
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-states-'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const onUnavailable = (feature: string): never => {
    throw new Error(`${feature} cannot be had here`);
  };
  const directory = new ProcTaskDirectory({ proc, onUnavailable });
  table = new ThreadTable({
    directory,
    readWait: (slot, nowNs) => readWaitWord(memory, slot, nowNs),
    nowNs: () => clock.nowNs(),
    processStartNs: clock.nowNs() - process.uptime() * 1e9,
  });
  sampling = setInterval(() => table.sample(clock.nowNs()), SAMPLE_INTERVAL_MS);
});

afterEach(async () => {
  clearInterval(sampling);
  Atomics.store(stop, 0, 1);
  await Promise.all(subjects.map(async ({ worker }) => worker.terminate()));
  table.dispose();
  rmSync(folder, { recursive: true });
});

async function start(slot: number): Promise<Subject> {
  const claimedNs = clock.nowNs();
  const settings: StatesSettings = { buffer: memory.buffer, slot, fifo: join(folder, 'fifo'), phaseMs: PHASE_MS, stop };
  const worker = new Worker(SUBJECT, { workerData: settings });
  const unknown = { threadId: -1, osThreadId: 0, parentThreadId: 0, startedNs: 0 };
  const entry = table.open({ ...unknown, slot, generation: 1, name: '', role: 'worker', claimedNs });
  const subject = { worker, entry, claimedNs };
  subjects.push(subject);
  const [{ threadId, osThreadId }] = (await once(worker, 'message')) as [{ threadId: number; osThreadId: number }];
  table.attached(entry, threadId, osThreadId);
  await eventually('the worker to be idle', () => (statesOf(collectFrom(table), subject)['idle'] ?? 0) > 0);
  return subject;
}

function statesOf(written: Written, { entry }: Subject): Record<string, number> {
  const prefix = `thread.name=${entry.name},gridwatch.thread.role=worker,gridwatch.thread.state=`;
  const states = Object.entries(only(written, 'gridwatch.thread.state.time'));
  return Object.fromEntries(
    states.flatMap(([labels, ns]) => (labels.startsWith(prefix) ? [[labels.slice(prefix.length), ns]] : [])),
  );
}

/** What the kernel says, asked directly. */
function scheduleOf({ entry }: Subject): Record<string, number> {
  const schedstat = readFileSync(`/proc/self/task/${entry.info.osThreadId}/schedstat`, 'latin1');
  const [running = 0, runnable = 0] = schedstat.split(' ').map(Number);
  return { running, runnable };
}

function total(states: Record<string, number>): number {
  return Object.values(states).reduce((sum, ns) => sum + ns, 0);
}

function differenceMs(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([state, ns]) => [state, (ns - (before[state] ?? 0)) / MS]));
}

describe.skipIf(process.platform !== 'linux')('the thread table', () => {
  it('says of a worker what the worker says of itself', async () => {
    const subject = await start(1);
    const before = statesOf(collectFrom(table), subject);
    const scheduleBefore = scheduleOf(subject);
    subject.worker.postMessage('spend time');
    const reported = once(subject.worker, 'message') as Promise<[StatesReport]>;
    await eventually('the worker to have been blocked for a while', () => {
      const blockedNs = statesOf(collectFrom(table), subject)['blocked_io'] ?? 0;
      return blockedNs > PHASE_MS * MS;
    });
    closeSync(openSync(join(folder, 'fifo'), 'w'));
    const [report] = await reported;
    const found = differenceMs(statesOf(collectFrom(table), subject), before);
    const kernel = differenceMs(scheduleOf(subject), scheduleBefore);
    const wallMs = total(found);
    const parkedMs = report.parkedNs / MS;
    const blockedIoMs = report.blockedIoNs / MS;
    const idleMs = wallMs - total(kernel) - parkedMs - blockedIoMs;

    // Exact but for one tick of the scheduler and the moments between its clock and ours.
    const exactMs = Math.max(20, wallMs * 0.01);
    expect(found['running']).toBeCloseToWithin(kernel['running'] ?? 0, exactMs);
    // A sample that finds the thread woken, but in the run queue, still finds it waiting.
    const wakingMs = exactMs + report.wakingNs / MS;
    expect(found['runnable']).toBeCloseToWithin(kernel['runnable'] ?? 0, wakingMs);
    expect(found['parked']).toBeCloseToWithin(parkedMs, wakingMs);
    // Sampled: an interval in which the thread went from one to the other belongs to the other.
    const sampledMs = SAMPLE_INTERVAL_MS + wakingMs;
    expect(found['blocked_io']).toBeCloseToWithin(blockedIoMs, sampledMs);
    expect(found['idle']).toBeCloseToWithin(idleMs, 2 * sampledMs);
    expect(found['unknown']).toBeLessThan(exactMs);
    expect([found['waiting_lock'], found['waiting_queue']]).toEqual([0, 0]);
  });

  it('accounts for the whole life of a worker, to the nanosecond, when it has ended', async () => {
    const subject = await start(1);
    subject.worker.postMessage('end');
    await once(subject.worker, 'exit');
    const endedNs = Math.floor(clock.nowNs());
    table.close(subject.entry, {}, endedNs);
    const written = collectFrom(table);
    expect(total(statesOf(written, subject))).toBe(endedNs - subject.claimedNs);
    const cpuNs = Object.entries(only(written, 'gridwatch.thread.cpu.time'))
      .filter(([labels]) => labels.startsWith('thread.name=worker-1,'))
      .reduce((sum, [, ns]) => sum + ns, 0);
    expect(cpuNs).toBeGreaterThan(5 * MS);
    table.dispose();
    expect(proc.openFiles).toBe(0);
  });

  it('sees demand for more CPUs than there are', async () => {
    const count = availableParallelism() + 1;
    const all = await Promise.all(Array.from({ length: count }, async (_, i) => start(i + 1)));
    for (const { worker } of all) worker.postMessage('spin');
    const everyStates = (): Record<string, number>[] => {
      const written = collectFrom(table);
      return all.map((subject) => statesOf(written, subject));
    };
    await eventually('all to spin', () => everyStates().every(({ running = 0 }) => running > 300 * MS));
    const before = everyStates();
    const beganNs = clock.nowNs();
    await eventually('a second to pass', () => clock.nowNs() - beganNs > 1000 * MS, { intervalMs: SAMPLE_INTERVAL_MS });
    const spent = everyStates().map((states, i) => differenceMs(states, before[i] ?? {}));
    const sum = (state: string): number => spent.reduce((ms, states) => ms + (states[state] ?? 0), 0);
    const lifeMs = spent.reduce((ms, states) => ms + total(states), 0);
    expect((sum('running') + sum('runnable')) / lifeMs).toBeGreaterThan(0.98);
    expect(sum('running') / lifeMs).toBeLessThan(availableParallelism() / count + 0.02);
  });
});

declare module 'vitest' {
  interface Assertion {
    toBeCloseToWithin(expected: number, tolerance: number): void;
  }
}

expect.extend({
  toBeCloseToWithin(received: unknown, expected: number, tolerance: number) {
    const pass = typeof received === 'number' && Math.abs(received - expected) <= tolerance;
    return { pass, message: () => `${String(received)} is not within ${tolerance} of ${expected}` };
  },
});
