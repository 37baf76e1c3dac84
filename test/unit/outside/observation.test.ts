/** A program observed by a clock that the test turns, on a machine that it describes: what is told at the end, and of one that was there before. */
import { describe, expect, it, vi } from 'vitest';
import { ProcTree } from '../../../agent/agent-thread/host/proc.ts';
import { resolveConfig } from '../../../agent/config/resolve.ts';
import { createDiag } from '../../../agent/diag.ts';
import type { EnergyTold } from '../../../agent/outside/energy-tally.ts';
import { Observation } from '../../../agent/outside/observation.ts';
import type { Clock } from '../../../agent/shared-memory/clock.ts';
import { collectFrom } from '../../support/recording-sink.ts';
import { FakeFiles, unavailableLog } from '../agent-thread/host/proc-fixtures.ts';

const S = 1e9;
const PID = 4242;
/** Ticks since the machine began. */
const UP_TICKS = 100_000;

class Machine {
  readonly files = new FakeFiles({});
  readonly log: readonly string[];
  readonly observation: Observation;
  nowNs = 1000 * S;
  /** CPU time of who observes. */
  usedNs = 0;
  #busyTicks = 0;
  #ticks = 0;

  constructor({ isChild = true, before = 0, startedTicks = UP_TICKS, io = 'rchar: 1\n', env = {} } = {}) {
    const own = { stat: '1 (x) S 1 2', schedstat: '5 5 5', syscall: '17 0x1', wchan: '0' };
    for (const [name, text] of Object.entries(own)) this.files.files.set(`/proc/thread-self/${name}`, text);
    this.files.files.set('/sys/devices/system/cpu/online', '0-1\n');
    this.files.files.set(`/proc/${PID}/io`, io);
    this.#startedTicks = startedTicks;
    this.show(before, 0);
    const { log, onUnavailable } = unavailableLog();
    this.log = log;
    this.observation = new Observation({
      pid: PID,
      isChild,
      beganNs: isChild ? this.nowNs - (UP_TICKS - startedTicks) * 1e7 : undefined,
      clock: { nowNs: () => this.nowNs, reanchor: () => {} } as unknown as Clock,
      config: resolveConfig({ GRIDWATCH_POWER_IDLE_W: '10', GRIDWATCH_POWER_MAX_W: '30', ...env }).config,
      diag: createDiag('off'),
      onUnavailable,
      proc: new ProcTree({ fs: this.files }),
      sys: new ProcTree({ root: '/sys', fs: this.files }),
      usedNs: () => this.usedNs,
    });
  }

  readonly #startedTicks: number;

  /** The program's one thread has used so many ticks, and somebody else so many more. */
  show(usedTicks: number, elseTicks: number): void {
    this.#busyTicks = usedTicks + elseTicks;
    const stat = `${PID} (py) R ${process.pid} 2 3 0 -1 4 5 0 0 0 ${usedTicks} 0 0 0 20 0 1 0 ${this.#startedTicks} 0 0\n`;
    const { files } = this.files;
    files.set('/proc/uptime', `${UP_TICKS / 100 + this.#ticks / 100} 0\n`);
    files.set('/proc/stat', `cpu  ${this.#busyTicks} 0 0 ${2 * this.#ticks - this.#busyTicks + 10_000} 0 0 0 0\n`);
    files.set(`/proc/${PID}/stat`, stat);
    files.set(`/proc/${PID}/task/${PID}/stat`, stat);
    files.set(`/proc/${PID}/task/${PID}/comm`, 'py\n');
    files.set(`/proc/${PID}/task/${PID}/schedstat`, `${usedTicks * 1e7} 0 7\n`);
    files.set(`/proc/${PID}/task/${PID}/syscall`, 'running\n');
    files.set(`/proc/${PID}/task/${PID}/status`, 'voluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t2\n');
  }

  get energy(): EnergyTold | undefined {
    const { energy } = this.observation.seen();
    return energy === 'off' ? undefined : energy;
  }

  later(seconds: number): void {
    this.nowNs += seconds * S;
    this.#ticks += seconds * 100;
  }
}

describe('Observation', () => {
  it('of a child tells wall and CPU time, and prices what it used', () => {
    const machine = new Machine();
    machine.later(2);
    machine.show(200, 0);
    machine.observation.end();
    const { wallNs, cpu, total, processes, mostThreads } = machine.observation.seen();
    const { energy } = machine;
    expect([wallNs, cpu.userNs, cpu.systemNs, processes, mostThreads]).toEqual([2 * S, 2 * S, 0, 1, 1]);
    expect(total.of('running')).toBe(2 * S);
    expect([total.voluntarySwitches, total.involuntarySwitches]).toEqual([3, 2]);
    // One of two CPUs busy for two seconds, by nobody else: all of what is above idle, and as much of idle as it used.
    expect(energy).toMatchObject({ source: 'model:tdp', idleUj: 20e6 });
    expect(energy?.activeUj).toBeGreaterThan(0);
    expect(energy?.activeUj).toBeLessThan(40e6);
    machine.observation.dispose();
    expect(machine.files.openPaths.size).toBe(0);
  });

  it('of a child tells what it had used by the first look, too', () => {
    const machine = new Machine({ before: 30, startedTicks: UP_TICKS - 50 });
    machine.later(2);
    machine.show(200, 0);
    machine.observation.end();
    const { wallNs, cpu, total, named } = machine.observation.seen();
    expect([wallNs, cpu.userNs, named[0]?.usage.userNs]).toEqual([2.5 * S, 2 * S, 2 * S]);
    // The tick that it is not charged for yet is a guess.
    expect(Math.abs(total.of('running') - 2 * S)).toBeLessThanOrEqual(1e7);
    expect([total.voluntarySwitches, total.involuntarySwitches]).toEqual([3, 2]);
  });

  it('prices only its own share of a machine that others use, too', () => {
    const energyWith = (elseTicks: number): number => {
      const machine = new Machine();
      machine.later(2);
      machine.show(100, elseTicks);
      machine.observation.end();
      return machine.energy?.activeUj as number;
    };
    // The same CPU time, on a machine whose two CPUs are all busy: a quarter of what is above idle.
    expect(energyWith(300) / 40e6).toBeCloseTo(0.25, 2);
    expect(energyWith(0)).toBeGreaterThan(0);
  });

  it('of one that was there before tells only what came since, but exports all', () => {
    const machine = new Machine({ isChild: false, before: 5000, startedTicks: UP_TICKS - 10_000 });
    machine.later(3);
    machine.show(5150, 0);
    const written = collectFrom(machine.observation);
    machine.observation.end();
    const { wallNs, cpu, total } = machine.observation.seen();
    expect([wallNs, cpu.userNs, total.of('running')]).toEqual([3 * S, 1.5 * S, 1.5 * S]);
    expect(written['process.cpu.time{cpu.mode=user}']).toBe(51.5 * S);
    expect(written['process.uptime']).toBe(103 * S);
    expect(written['process.thread.count']).toBe(1);
  });

  it('says nothing of energy that it does not know, and goes on', () => {
    const machine = new Machine();
    machine.files.files.delete('/proc/stat');
    machine.observation.end();
    expect(machine.observation.seen().energy).toBeUndefined();
    expect(machine.log).toEqual([]);
  });

  it.each([
    { what: 'waits for a CPU in the middle of each look, and looks on', clockNs: 0.5 * S, cpuNs: 1e6, looks: 100 },
    {
      what: 'looks less often where looking costs more than a twentieth of a core',
      clockNs: 20e6,
      cpuNs: 20e6,
      looks: 25,
    },
  ])('$what', ({ clockNs, cpuNs, looks }) => {
    vi.useFakeTimers();
    const machine = new Machine();
    const list = machine.files.readdirSync;
    const looking = vi.spyOn(machine.files, 'readdirSync').mockImplementation(((path: string) => {
      if (path === '/proc/') {
        machine.nowNs += clockNs;
        machine.usedNs += cpuNs;
      }
      return list(path);
    }) as typeof list);
    machine.observation.start();
    vi.advanceTimersByTime(10_000);
    machine.observation.dispose();
    vi.useRealTimers();
    const seen = looking.mock.calls.filter(([path]) => path === '/proc/').length;
    expect(Math.abs(seen - looks)).toBeLessThanOrEqual(2);
  });

  it('tells no energy where it is switched off', () => {
    const machine = new Machine({ env: { GRIDWATCH_FEATURES: '-energy' } });
    machine.later(2);
    machine.show(200, 0);
    machine.observation.end();
    expect(machine.observation.seen()).toMatchObject({ cpu: { userNs: 2 * S }, energy: 'off' });
    expect(Object.keys(collectFrom(machine.observation)).filter((name) => name.includes('energy'))).toEqual([]);
  });

  it.each([
    ['-threads', ['process', 'energy']],
    ['-cpu', ['thread', 'energy']],
    ['-cpu,-energy', ['thread']],
  ])('exports nothing of what is switched off: %s', (GRIDWATCH_FEATURES, left) => {
    const machine = new Machine({ env: { GRIDWATCH_FEATURES } });
    machine.later(2);
    machine.show(200, 0);
    const names = Object.keys(collectFrom(machine.observation));
    const has = {
      process: names.some((name) => name.startsWith('process.')),
      thread: names.some((name) => name.startsWith('gridwatch.thread.state')),
      energy: names.some((name) => name.startsWith('gridwatch.process.energy')),
    };
    expect(Object.entries(has).flatMap(([what, is]) => (is ? [what] : []))).toEqual(left);
  });

  it('knows whether the kernel tells it what the threads wait in', () => {
    const machine = new Machine();
    expect(machine.observation.seen().hasWaits).toBe(true);
    expect(new Machine({ io: 'EACCES' }).observation.seen().hasWaits).toBe(false);
  });

  it('knows when the program is gone', () => {
    const machine = new Machine({ isChild: false });
    expect(machine.observation.isAlive).toBe(true);
    for (const path of machine.files.files.keys())
      if (path.startsWith(`/proc/${PID}/`)) machine.files.files.delete(path);
    machine.observation.end();
    expect(machine.observation.isAlive).toBe(false);
    expect(machine.observation.seen().total.of('running')).toBeGreaterThanOrEqual(0);
  });
});
