/** The account of one thread: what a sample costs, and how a thread ends. */
import { beforeEach, describe, expect, it } from 'vitest';
import { THREAD_STATES } from '../../../../agent/agent-thread/model/state-time.ts';
import { ThreadAccount, type ThreadAccountSettings } from '../../../../agent/agent-thread/model/thread-account.ts';
import { FakeTask, MS, waitOf } from './fake-tasks.ts';

let task: FakeTask;
let account: ThreadAccount;

function open(settings: Partial<ThreadAccountSettings> = {}): void {
  task = new FakeTask();
  account = new ThreadAccount({ birthNs: 0, hasSchedule: true, futexState: 'unknown', ...settings });
  account.attach(task);
}

function statesMs(): Record<string, number> {
  return Object.fromEntries(
    THREAD_STATES.map((state) => [state, account.states.of(state) / MS]).filter(([, ms]) => ms),
  );
}

beforeEach(() => open());

describe('what a sample costs', () => {
  it('is one read for a thread that has not run since it was seen blocked', () => {
    for (let i = 1; i <= 100; i++) account.sample(i * 100 * MS, waitOf());
    account.refresh();
    expect(task.reads).toEqual({ schedule: 101, ticks: 0, switches: 0, state: 1 });
    expect(statesMs()).toEqual({ idle: 10_000 });
  });

  it('is one read for a thread whose wait word says where it is', () => {
    for (let i = 1; i <= 100; i++) {
      task.runNs += 1000;
      account.sample(i * 100 * MS, waitOf({ state: 'parked', parkedNs: i * 100 * MS - i * 1000 }));
    }
    expect(task.reads).toMatchObject({ schedule: 101, state: 0 });
  });

  it('is two for one that ran, or that was in a wait and is no more', () => {
    account.sample(100 * MS, waitOf({ state: 'parked', parkedNs: 100 * MS }));
    account.sample(200 * MS, waitOf({ parkedNs: 150 * MS }));
    task.runNs += 1;
    account.sample(300 * MS, waitOf({ parkedNs: 150 * MS }));
    account.sample(400 * MS, waitOf({ parkedNs: 150 * MS }));
    expect(task.reads.state).toBe(2);
  });

  it('is two while the thread may be in the run queue: it moves without its counters', () => {
    task.state = 'on_cpu';
    account.sample(100 * MS, waitOf());
    account.sample(200 * MS, waitOf());
    expect(task.reads.state).toBe(2);
  });
});

describe('CPU time by mode', () => {
  it("adds up to the nanoseconds, divided as the kernel's ticks are", () => {
    task.runNs = 100 * MS;
    task.ticks = { user: 6, system: 2 };
    account.sample(100 * MS, waitOf());
    account.refresh();
    expect([account.userNs, account.systemNs]).toEqual([75 * MS, 25 * MS]);
    task.runNs = 200 * MS;
    task.ticks = { user: 6, system: 12 };
    account.sample(300 * MS, waitOf());
    account.refresh();
    expect([account.userNs, account.systemNs]).toEqual([75 * MS, 125 * MS]);
  });

  it('is divided as before where no tick fell', () => {
    task.runNs = 100 * MS;
    task.ticks = { user: 5, system: 5 };
    account.sample(100 * MS, waitOf());
    account.refresh();
    task.runNs = 103 * MS;
    account.sample(200 * MS, waitOf());
    account.refresh();
    expect([account.userNs, account.systemNs]).toEqual([51.5 * MS, 51.5 * MS]);
  });
});

describe('the end', () => {
  it('reads the last numbers while the kernel still has them', () => {
    account.sample(100 * MS, waitOf());
    Object.assign(task, {
      runNs: 40 * MS,
      ticks: { user: 4, system: 0 },
      switches: { voluntary: 7, involuntary: 2 },
      timeslices: 9,
    });
    account.finish(150 * MS, waitOf());
    expect(statesMs()).toEqual({ running: 40, idle: 110 });
    expect([account.cpuNs, account.userNs, account.switches]).toEqual([
      40 * MS,
      40 * MS,
      { voluntary: 7, involuntary: 2 },
    ]);
    expect(task.isClosed).toBe(true);
  });

  it('takes a thread that was on a CPU to have stayed there when the kernel has forgotten it', () => {
    Object.assign(task, { state: 'on_cpu', runNs: 100 * MS });
    account.sample(100 * MS, waitOf());
    task.isGone = true;
    account.finish(150 * MS, waitOf());
    expect(statesMs()).toEqual({ running: 150 });
    expect(account.userNs + account.systemNs).toBe(150 * MS);
  });

  it('takes it to have used no more than can have been left for it', () => {
    Object.assign(task, { state: 'on_cpu', runNs: 20 * MS });
    account.sample(100 * MS, waitOf());
    task.isGone = true;
    account.finish(900 * MS, waitOf(), () => 30 * MS);
    expect(account.userNs + account.systemNs).toBe(50 * MS);
  });

  it('takes one that was blocked to have stayed blocked', () => {
    Object.assign(task, { state: 'blocked_io', runNs: 10 * MS });
    account.sample(100 * MS, waitOf());
    task.isGone = true;
    account.finish(150 * MS, waitOf());
    expect(statesMs()).toEqual({ running: 10, blocked_io: 140 });
  });

  it('takes a wait that goes on from the wait word, whatever the last sample saw', () => {
    Object.assign(task, { state: 'on_cpu', runNs: 100 * MS });
    account.sample(100 * MS, waitOf());
    task.isGone = true;
    account.finish(150 * MS, waitOf({ state: 'parked', parkedNs: 49 * MS }));
    expect(statesMs()).toEqual({ running: 100, parked: 49, unknown: 1 });
  });

  it('ignores samples after it, so that they do not spoil what the end is told', () => {
    Object.assign(task, { state: 'on_cpu', runNs: 100 * MS });
    account.sample(100 * MS, waitOf());
    task.isGone = true;
    account.sample(200 * MS, waitOf());
    account.finish(210 * MS, waitOf());
    expect(statesMs()).toEqual({ running: 210 });
  });

  it('counts switches that a dead thread can no longer tell of by its timeslices', () => {
    Object.assign(task, { runNs: 1, timeslices: 10, switches: { voluntary: 2, involuntary: 1 } });
    account.sample(100 * MS, waitOf());
    account.refresh();
    Object.assign(task, { runNs: 2, timeslices: 31 });
    account.sample(200 * MS, waitOf());
    task.isGone = true;
    account.finish(300 * MS, waitOf());
    expect(account.switches).toEqual({ voluntary: 29, involuntary: 1 });
  });

  it('knows the CPU time of a thread that ended before its first sample', () => {
    account = new ThreadAccount({ birthNs: 0, hasSchedule: true, futexState: 'unknown' });
    const shortLived = Object.assign(new FakeTask(), { runNs: 12 * MS });
    account.attach(shortLived);
    shortLived.isGone = true;
    account.finish(20 * MS, waitOf());
    expect(statesMs()).toEqual({ running: 12, unknown: 8 });
    expect(account.userNs).toBe(12 * MS);
  });
});

describe('what the machine does not tell', () => {
  it('goes to what the thread did last when it cannot be read for a second', () => {
    account.sample(100 * MS, waitOf());
    task.isGone = true;
    for (let i = 2; i <= 11; i++) account.sample(i * 100 * MS, waitOf());
    account.refresh();
    expect(account.states.nowNs).toBe(1100 * MS);
    expect(statesMs()).toEqual({ idle: 1100 });
  });

  it('is unknown until the thread has said who it is, and then claimed by its numbers', () => {
    account = new ThreadAccount({ birthNs: 0, hasSchedule: true, futexState: 'unknown' });
    account.sample(50 * MS, waitOf());
    account.attach(Object.assign(new FakeTask(), { runNs: 60 * MS, queueNs: 30 * MS }));
    account.sample(100 * MS, waitOf());
    expect(statesMs()).toEqual({ running: 60, runnable: 30, idle: 10 });
  });

  it('is only running, in ticks, without schedstat: on a CPU or in the run queue are not told apart', () => {
    open({ hasSchedule: false });
    Object.assign(task, { state: 'on_cpu', runNs: 50 * MS });
    account.sample(100 * MS, waitOf());
    account.refresh();
    expect(statesMs()).toEqual({ running: 50, unknown: 50 });
  });

  it('is what the wait word says where there is no kernel to ask', () => {
    account = new ThreadAccount({ birthNs: 0, hasSchedule: false, futexState: 'unknown' });
    account.sample(100 * MS, waitOf({ parkedNs: 60 * MS, waitingLockNs: 10 * MS }));
    account.refresh();
    expect(statesMs()).toEqual({ parked: 60, waiting_lock: 10, unknown: 30 });
  });
});

it('rests where it is told to rest, without asking', () => {
  open({ restsIn: 'idle' });
  Object.assign(task, { state: 'blocked_io', runNs: 3 * MS });
  account.sample(100 * MS, undefined);
  expect(statesMs()).toEqual({ running: 3, idle: 97 });
  expect(task.reads.state).toBe(0);
});
