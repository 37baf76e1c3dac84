/** What the kernel says of a thread, with every kind of answer it may give. */
import { describe, expect, it } from 'vitest';
import type { ProcTree } from '../../../../agent/agent-thread/host/proc.ts';
import { ProcTaskDirectory, type Task } from '../../../../agent/agent-thread/host/task.ts';
import { fakeTree, recordedTree, unavailableLog } from './proc-fixtures.ts';

const STAT = '(a) b) S 1 2 3 0 -1 4 5 0 0 0 31 17 0 0 20 0 9 0 55 0 0';

/** All that a directory looks for on its own thread, and one thread, 7. */
const GOOD = {
  'thread-self/stat': `9 ${STAT}`,
  'thread-self/schedstat': '123 45 6\n',
  'thread-self/syscall': '17 0x1\n',
  'thread-self/wchan': '0',
  'self/task/7/stat': `7 ${STAT}`,
  'self/task/7/schedstat': '1000 200 3\n',
  'self/task/7/syscall': '281 0x1\n',
  'self/task/7/wchan': 'do_epoll_wait',
  'self/task/7/status': 'Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t5\n',
  'self/task/7/comm': 'worker\n',
};

function open(tree: ProcTree, arch = 'x64'): { directory: ProcTaskDirectory; task: Task; log: string[] } {
  const { log, onUnavailable } = unavailableLog();
  const directory = new ProcTaskDirectory({ proc: tree, onUnavailable, arch });
  return { directory, task: directory.open(7) as Task, log };
}

function read(task: Task): object {
  const all = {
    schedule: { runNs: 0, queueNs: 0, timeslices: 0 },
    ticks: { user: 0, system: 0 },
    switches: { voluntary: 0, involuntary: 0 },
  };
  task.readSchedule(all.schedule);
  task.readTicks(all.ticks);
  task.readSwitches(all.switches);
  return all;
}

describe('ProcTask', () => {
  it('reads what the kernel says of a thread', () => {
    const { task, log } = open(fakeTree(GOOD).tree);
    expect(read(task)).toEqual({
      schedule: { runNs: 1000, queueNs: 200, timeslices: 3 },
      ticks: { user: 31, system: 17 },
      switches: { voluntary: 12, involuntary: 5 },
    });
    expect(task.kernelState()).toBe('idle');
    expect(log).toEqual([]);
  });

  it.each([
    ['running\n', 'on_cpu'],
    ['202 0x1', 'futex'],
    ['0 0x1', 'blocked_io'],
    ['35 0x1', 'other'],
    ['-1 0x7ffe 0x7f00', 'idle'],
    ['', 'idle'],
    ['\0\0garbage', 'idle'],
    ['read:ESRCH', 'unseen'],
  ])('takes the system call %j for %s', (syscall, state) => {
    const { task } = open(fakeTree({ ...GOOD, 'self/task/7/syscall': syscall }).tree);
    expect(task.kernelState()).toBe(state);
  });

  it('goes by the kernel function where the system call is not to be had', () => {
    const { task, log } = open(fakeTree({ ...GOOD, 'thread-self/syscall': 'EACCES' }).tree);
    expect(task.kernelState()).toBe('idle');
    expect(log).toEqual([]);
  });

  it('goes by the kernel function on an architecture whose system calls it does not know', () => {
    expect(open(fakeTree(GOOD).tree, 's390x').task.kernelState()).toBe('idle');
  });

  it('without both, knows a disk wait by its letter, and says so once', () => {
    const files = { ...GOOD, 'thread-self/syscall': 'EACCES', 'thread-self/wchan': 'EACCES' };
    const { task, log } = open(fakeTree(files).tree);
    expect(task.kernelState()).toBe('other');
    expect(open(fakeTree({ ...files, 'self/task/7/stat': '7 (x) D 1' }).tree).task.kernelState()).toBe('blocked_io');
    expect(log).toEqual(['threads.kernel_state no_permission']);
  });

  it('says false, and changes nothing, when the thread is gone in the middle', () => {
    const { tree, fs } = fakeTree(GOOD);
    const { task } = open(tree);
    const schedule = { runNs: 0, queueNs: 0, timeslices: 0 };
    expect(task.readSchedule(schedule)).toBe(true);
    for (const path of fs.files.keys()) if (path.includes('/task/')) fs.files.set(path, 'read:ESRCH');
    expect(task.readSchedule(schedule)).toBe(false);
    expect(schedule).toEqual({ runNs: 1000, queueNs: 200, timeslices: 3 });
    expect([task.readTicks({ user: 0, system: 0 }), task.kernelState()]).toEqual([false, 'unseen']);
    task.close();
    expect(tree.openFiles).toBe(0);
  });

  it.each(['', 'a b c', '1 2', '18446744073709551615', '\u00ff\u0000'])(
    'does not believe a schedstat of %j',
    (content) => {
      const { task } = open(fakeTree({ ...GOOD, 'self/task/7/schedstat': content }).tree);
      const schedule = { runNs: 1, queueNs: 1, timeslices: 1 };
      expect(task.readSchedule(schedule)).toBe(false);
      expect(schedule).toEqual({ runNs: 1, queueNs: 1, timeslices: 1 });
    },
  );

  it.each(['', '7 no parenthesis', '7 (x) S 1 2', '7 (x)'])('does not believe a stat of %j', (content) => {
    const { task } = open(fakeTree({ ...GOOD, 'self/task/7/stat': content }).tree);
    expect(task.readTicks({ user: 0, system: 0 })).toBe(false);
  });

  it('keeps the schedule and the system call open, and closes them', () => {
    const { tree, fs } = fakeTree(GOOD);
    const { task } = open(tree);
    for (let i = 0; i < 5; i++) {
      read(task);
      task.kernelState();
    }
    expect([...fs.openPaths.values()].toSorted()).toEqual(['/proc/self/task/7/schedstat', '/proc/self/task/7/syscall']);
    task.close();
    expect(fs.openPaths.size).toBe(0);
  });
});

describe('ProcTaskDirectory', () => {
  it.each([
    ['no schedstat', { 'thread-self/schedstat': 'ENOENT' }, 'threads.schedule unsupported_platform'],
    ['a schedstat of zeros', { 'thread-self/schedstat': '0 0 0\n' }, 'threads.schedule failed'],
    ['a schedstat it may not read', { 'thread-self/schedstat': 'EACCES' }, 'threads.schedule no_permission'],
  ])('with %s counts CPU time in ticks, and says so', (_, files, message) => {
    const { directory, task, log } = open(fakeTree({ ...GOOD, ...files }).tree);
    expect([directory.hasCpuTime, directory.hasSchedule]).toEqual([true, false]);
    expect(read(task)).toMatchObject({ schedule: { runNs: 480e6, queueNs: 0, timeslices: 0 } });
    expect(log).toEqual([message]);
  });

  it.each([
    ['unsupported_platform', 'ENOENT'],
    ['no_permission', 'EACCES'],
    ['no_permission', 'ERR_ACCESS_DENIED'],
    ['failed', 'EMFILE'],
  ])('without /proc knows nothing, and says so: %s', (reason, code) => {
    const files = Object.fromEntries(Object.keys(GOOD).map((path) => [path, code]));
    const { directory, task, log } = open(fakeTree(files).tree);
    expect([directory.hasCpuTime, directory.hasSchedule, task, directory.list(() => false)]).toEqual([
      false,
      false,
      undefined,
      undefined,
    ]);
    expect(log).toEqual([`threads.cpu ${reason}`, `threads.kernel_state ${reason}`]);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 60])('opens no thread %d', (osThreadId) => {
    const { directory } = open(fakeTree(GOOD).tree);
    expect(directory.open(osThreadId)).toBeUndefined();
  });

  it('reads names in any script, and leaves out the character that the kernel has cut', () => {
    const cut = Buffer.from('faden-日本語ü').subarray(0, 14).toString('latin1');
    const { directory } = open(fakeTree({ ...GOOD, 'self/task/7/comm': `${cut}\n` }).tree);
    expect(directory.list(() => false)).toEqual([{ osThreadId: 7, name: 'faden-日本' }]);
  });

  it('lists the threads nobody knows yet, those that vanish meanwhile left out', () => {
    const files = { ...GOOD, 'self/task/8/comm': 'read:ESRCH', 'self/task/9/comm': 'x\n', 'self/task/odd/comm': 'y\n' };
    const { directory } = open(fakeTree(files).tree);
    expect(directory.list((osThreadId) => osThreadId === 9)).toEqual([{ osThreadId: 7, name: 'worker' }]);
  });

  it('knows the threads of another process, by the files that this one has', () => {
    const files = Object.entries(GOOD).map(([path, text]) => [path.replace(/^self\//, '99/'), text] as const);
    const { tree } = fakeTree({ ...Object.fromEntries(files), 'thread-self/syscall': 'EACCES' });
    const { log, onUnavailable } = unavailableLog();
    const like = new ProcTaskDirectory({ proc: tree, onUnavailable, arch: 'x64' });
    const other = new ProcTaskDirectory({ pid: 99, like });
    expect(other.list(() => false)).toEqual([{ osThreadId: 7, name: 'worker' }]);
    expect(like.list(() => false)).toBeUndefined();
    expect(read(other.open(7) as Task)).toMatchObject({ schedule: { runNs: 1000, queueNs: 200, timeslices: 3 } });
    expect(other.open(7)?.kernelState()).toBe('idle');
    expect([other.hasSchedule, other.hasCpuTime, log]).toEqual([true, true, []]);
  });

  it('reads a recorded process of Node 24', () => {
    const { log, onUnavailable } = unavailableLog();
    const directory = new ProcTaskDirectory({ proc: recordedTree('node-24'), onUnavailable, arch: 'x64' });
    expect([directory.hasSchedule, log]).toEqual([true, []]);
    const states = [4000, 4010, 4014, 4015].map((osThreadId) => directory.open(osThreadId)?.kernelState());
    expect(states).toEqual(['on_cpu', 'futex', 'idle', 'futex']);
    expect(read(directory.open(4014) as Task)).toEqual({
      schedule: { runNs: 28482263, queueNs: 48284241, timeslices: 39 },
      ticks: { user: 2, system: 0 },
      switches: { voluntary: 6, involuntary: 33 },
    });
    expect(directory.list(() => false)).toHaveLength(13);
  });
});
