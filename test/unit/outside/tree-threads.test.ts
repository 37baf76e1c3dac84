/** The threads of an observed program as the kernel shows them, and what is told of them. */
import { describe, expect, it } from 'vitest';
import { ProcTaskDirectory } from '../../../agent/agent-thread/host/task.ts';
import type { CpuTimes } from '../../../agent/outside/process-stat.ts';
import type { TreeProcess } from '../../../agent/outside/process-tree.ts';
import { TreeThreads } from '../../../agent/outside/tree-threads.ts';
import { collectFrom, only } from '../../support/recording-sink.ts';
import { fakeTree, unavailableLog } from '../agent-thread/host/proc-fixtures.ts';

const S = 1e9;
const FUTEX = '202 0x1\n';
const RUNNING = 'running\n';

/** A thread as the kernel shows it at some time. */
interface Shown {
  readonly comm?: string;
  readonly runNs: number;
  readonly queueNs?: number;
  readonly syscall?: string;
  readonly switches?: readonly [voluntary: number, involuntary: number];
}

class World {
  readonly threads: TreeThreads;
  readonly #fs: ReturnType<typeof fakeTree>['fs'];
  readonly #tree: ReturnType<typeof fakeTree>['tree'];
  readonly log: readonly string[];
  nowNs = 0;
  cpu: CpuTimes = { userNs: 0, systemNs: 0 };
  processes: Pick<TreeProcess, 'pid' | 'isRoot'>[] = [{ pid: 7, isRoot: true }];

  constructor(files: Readonly<Record<string, string>> = {}) {
    const own = { stat: '1 (x) S 1 2', schedstat: '5 5 5', syscall: '17 0x1', wchan: '0' };
    const ownFiles = Object.fromEntries(Object.entries(own).map(([name, text]) => [`thread-self/${name}`, text]));
    const { tree, fs } = fakeTree({ ...ownFiles, ...files });
    const { log, onUnavailable } = unavailableLog();
    [this.#fs, this.#tree, this.log] = [fs, tree, log];
    this.threads = new TreeThreads({
      directory: new ProcTaskDirectory({ proc: tree, onUnavailable, arch: 'x64' }),
      birthNs: (_folder, nowNs) => nowNs,
      nowNs: () => this.nowNs,
      beganNs: 0,
      cpu: () => this.cpu,
    });
  }

  get openFiles(): number {
    return this.#tree.openFiles;
  }

  show(pid: number, tid: number, { comm = 'python3', runNs, queueNs = 0, syscall = FUTEX, switches = [0, 0] }: Shown) {
    const folder = `/proc/${pid}/task/${tid}`;
    const ticks = Math.round(runNs / 1e7);
    const files = {
      comm: `${comm}\n`,
      schedstat: `${runNs} ${queueNs} ${switches[0] + switches[1] + 1}\n`,
      syscall,
      stat: `${tid} (${comm}) S 1 2 3 0 -1 4 5 0 0 0 ${ticks} 0 0 0 20 0 9 0 55 0 0\n`,
      status: `Name:\t${comm}\nvoluntary_ctxt_switches:\t${switches[0]}\nnonvoluntary_ctxt_switches:\t${switches[1]}\n`,
    };
    for (const [name, text] of Object.entries(files)) this.#fs.files.set(`${folder}/${name}`, text);
  }

  hide(pid: number, tid: number): void {
    for (const path of this.#fs.files.keys())
      if (path.startsWith(`/proc/${pid}/task/${tid}/`)) this.#fs.files.delete(path);
  }

  sampleAt(nowNs: number): void {
    this.nowNs = nowNs;
    this.threads.sample(this.processes, nowNs);
  }

  states(name: string): Record<string, number> {
    const usage = this.threads.usages().named.find((one) => one.name === name)?.usage;
    return {
      running: usage?.of('running') ?? -1,
      runnable: usage?.of('runnable') ?? -1,
      parked: usage?.of('parked') ?? -1,
    };
  }
}

describe('TreeThreads', () => {
  it('shows a global interpreter lock: one runs, the others wait in a futex', () => {
    const world = new World();
    for (const tid of [7, 8, 9]) world.show(7, tid, { runNs: 0 });
    world.sampleAt(0);
    for (let second = 1; second <= 6; second++) {
      // They take turns, a second each, and are woken for a moment each second.
      for (const [i, tid] of [7, 8, 9].entries()) {
        const turns = Math.floor((second + 2 - i) / 3);
        const hasIt = (second - 1) % 3 === i;
        world.show(7, tid, { runNs: turns * S + second, syscall: hasIt ? RUNNING : FUTEX });
      }
      world.cpu = { userNs: second * S, systemNs: 0 };
      world.sampleAt(second * S);
    }
    const { total } = world.threads.usages();
    expect(total.of('running') / S).toBeCloseTo(6, 1);
    expect(total.of('parked') / S).toBeCloseTo(12, 1);
    expect(collectFrom(world.threads)['gridwatch.cpu.parallelism']).toBeCloseTo(1, 1);
  });

  it('calls the first thread of the root main, and gives each other one a name of its own', () => {
    const world = new World();
    world.processes.push({ pid: 20, isRoot: false });
    world.show(7, 7, { runNs: 1 });
    world.show(7, 8, { runNs: 1 });
    world.show(7, 9, { runNs: 1, comm: 'main' });
    world.show(20, 20, { runNs: 1 });
    world.sampleAt(0);
    const written = collectFrom(world.threads);
    expect(Object.keys(only(written, 'gridwatch.thread.cpu.time')).filter((name) => name.includes('user'))).toEqual(
      ['main', 'python3', 'main-1', 'python3-1', 'other'].map((name) => `thread.name=${name},cpu.mode=user`),
    );
    expect(only(written, 'gridwatch.thread.count')).toEqual({
      'gridwatch.thread.role=main': 2,
      'gridwatch.thread.role=worker': 2,
    });
  });

  it('counts runnable time and switches as the kernel does', () => {
    const world = new World();
    world.show(7, 7, { runNs: 0 });
    world.sampleAt(0);
    world.show(7, 7, { runNs: 3e8, queueNs: 2e8, switches: [30, 4] });
    world.sampleAt(S);
    const { total } = world.threads.usages();
    expect(world.states('main')).toEqual({ running: 3e8, runnable: 2e8, parked: 5e8 });
    expect([total.voluntarySwitches, total.involuntarySwitches]).toEqual([30, 4]);
  });

  it('keeps what a thread used that has ended, and does not guess what it did after it was last seen', () => {
    const world = new World();
    world.show(7, 7, { runNs: 0 });
    world.show(7, 8, { runNs: 0, syscall: RUNNING });
    world.sampleAt(0);
    world.show(7, 8, { runNs: 9e7, syscall: RUNNING });
    world.sampleAt(1e8);
    world.hide(7, 8);
    world.sampleAt(2e8);
    expect(world.states('python3')['running']).toBeLessThanOrEqual(1e8);
    world.show(7, 9, { runNs: 5 });
    world.sampleAt(3e8);
    expect(world.threads.cpuNs()?.get('python3')).toBe(9e7 + 5);
  });

  it('tells the CPU time of whom it has not seen as that of other', () => {
    const world = new World();
    world.show(7, 7, { runNs: 4e7 });
    world.sampleAt(0);
    world.cpu = { userNs: 3e8, systemNs: 2e8 };
    const { named, total } = world.threads.usages();
    expect(named.at(-1)).toMatchObject({ name: 'other', usage: { userNs: 26e7, systemNs: 2e8 } });
    expect([total.userNs, total.systemNs]).toEqual([3e8, 2e8]);
  });

  it('gives everything back when a process ends, and says once what it cannot see', () => {
    const world = new World({ 'thread-self/syscall': 'EACCES', 'thread-self/wchan': 'EACCES' });
    world.show(7, 7, { runNs: 1 });
    world.show(7, 8, { runNs: 1 });
    world.sampleAt(0);
    expect(world.openFiles).toBe(2);
    expect(world.log).toEqual(['threads.kernel_state no_permission']);
    world.processes = [];
    world.sampleAt(1);
    expect(world.openFiles).toBe(0);
    expect(only(collectFrom(world.threads), 'gridwatch.thread.count')).toEqual({
      'gridwatch.thread.role=main': 0,
      'gridwatch.thread.role=worker': 0,
    });
  });
});
