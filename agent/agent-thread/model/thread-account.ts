/**
 * The account of one thread, from its birth to its end: CPU time by mode, time by state, context switches.
 *
 * Runs on the agent thread. Reads as little as it can: a thread whose schedule has not changed since it was seen blocked is still blocked in
 * the same place, and costs one read. It must never throw when the thread is gone.
 */
import type { WaitSnapshot } from '../../shared-memory/wait-word.ts';
import type { Task, TaskSchedule, TaskSwitches, TaskTicks } from '../host/task.ts';
import { type SeenState, StateTime, type ThreadState } from './state-time.ts';

/**
 * Samples that may fail in a row before the time since the last good one is closed as unknown. Until then the thread is probably ending:
 * its end says more of that time.
 */
const MAX_FAILED_SAMPLES = 10;

/** Samples in a row that found a thread where it was, after which it need not be looked at so often: a second. */
const QUIET_SAMPLES = 10;

/**
 * Threads that have not run for a second are looked at less often: most of an idle pool. Running, runnable and waiting times are as exact as
 * before; only what such a thread was blocked in before it woke is known less finely.
 */
const QUIET_INTERVAL_NS = 5e8;

export interface ThreadAccountSettings {
  readonly birthNs: number;
  /** Running and runnable times are exact, not counted in ticks. */
  readonly hasSchedule: boolean;
  /** What a futex wait that no wait word tells of counts as. */
  readonly futexState: ThreadState;
  /** What it does when it does not run, where the kernel need not be asked: it is this very thread that asks. */
  readonly restsIn?: SeenState;
}

export class ThreadAccount {
  readonly states: StateTime;
  readonly switches: TaskSwitches = { voluntary: 0, involuntary: 0 };
  readonly #hasSchedule: boolean;
  readonly #restsIn: SeenState | undefined;
  readonly #schedule: TaskSchedule = { runNs: 0, queueNs: 0, timeslices: 0 };
  readonly #ticks: TaskTicks = { user: 0, system: 0 };
  #task: Task | undefined;
  /** Where the kernel saw it blocked; undefined once it may have run since. */
  #blockedIn: SeenState | undefined;
  #userNs = 0;
  #systemNs = 0;
  #userShare = 1;
  #failedSamples = 0;
  #unchangedSamples = 0;

  constructor({ birthNs, hasSchedule, futexState, restsIn }: ThreadAccountSettings) {
    this.states = new StateTime(birthNs, futexState);
    this.#hasSchedule = hasSchedule;
    this.#restsIn = restsIn;
  }

  /** CPU time since birth; user and system add up to it after `refresh`. */
  get cpuNs(): number {
    return this.#schedule.runNs;
  }

  get userNs(): number {
    return this.#userNs;
  }

  get systemNs(): number {
    return this.#systemNs;
  }

  /** It is to be looked at now: it has run lately, or was not looked at for as long as a quiet one may be left alone. */
  isDue(nowNs: number): boolean {
    return this.#unchangedSamples < QUIET_SAMPLES || nowNs - this.states.nowNs >= QUIET_INTERVAL_NS;
  }

  /** From now on the kernel can be asked; it is at once, for the thread that ends before its first sample. */
  attach(task: Task | undefined): void {
    this.detach();
    this.#task = task;
    task?.readSchedule(this.#schedule);
  }

  detach(): void {
    this.#task?.close();
    this.#task = undefined;
  }

  sample(nowNs: number, wait: WaitSnapshot | undefined): void {
    const hadRunNs = this.#schedule.runNs;
    const hadQueuedNs = this.#schedule.queueNs;
    const isRead = this.#task?.readSchedule(this.#schedule) === true;
    if (isRead || this.#task === undefined) this.#failedSamples = 0;
    else if (++this.#failedSamples < MAX_FAILED_SAMPLES) return;
    const { runNs, queueNs } = this.#schedule;
    const hasNotRun = this.#hasSchedule && isRead && runNs === hadRunNs && queueNs === hadQueuedNs;
    this.#unchangedSamples = hasNotRun ? this.#unchangedSamples + 1 : 0;
    if (!hasNotRun) this.#blockedIn = undefined;
    this.states.advance(nowNs, runNs, queueNs, wait, this.#look(wait));
  }

  #look(wait: WaitSnapshot | undefined): SeenState {
    if (wait !== undefined && wait.state !== 'none') {
      this.#blockedIn = undefined;
      return 'waiting';
    }
    if (this.#restsIn !== undefined) return this.#restsIn;
    if (this.#blockedIn !== undefined) return this.#blockedIn;
    const seen = this.#task?.kernelState() ?? 'unseen';
    if (seen === 'on_cpu') return this.#hasSchedule ? 'on_cpu' : 'unseen';
    if (seen !== 'unseen') this.#blockedIn = seen;
    return seen;
  }

  /** Reads what is only needed when somebody looks, and closes the open time: call it before reading the sums. */
  refresh(): void {
    const { voluntary } = this.switches;
    const hasRun = !this.#hasSchedule || this.#userNs + this.#systemNs !== this.cpuNs;
    const hasRead = hasRun && this.#task?.readSwitches(this.switches) === true;
    this.states.settle(!hasRead || this.switches.voluntary !== voluntary);
    if (hasRun) this.#splitCpuTime();
  }

  /**
   * The thread has ended. Mostly the kernel still knows it, since its JavaScript ends before the thread does, and these are its last numbers.
   * Where it does not, a thread that was on a CPU at its last sample is taken to have stayed there, for `mostNs` of CPU time at most: the kernel says the same
   * of one that stands in the run queue.
   */
  finish(nowNs: number, wait: WaitSnapshot | undefined, mostNs: () => number = () => Number.POSITIVE_INFINITY): void {
    const isWaiting = wait !== undefined && wait.state !== 'none';
    const isEstimated = this.#task?.readSchedule(this.#schedule) !== true;
    if (isEstimated && !isWaiting && this.states.seen === 'on_cpu') {
      this.#schedule.runNs += Math.max(0, Math.min(Math.floor(nowNs) - this.states.nowNs, Math.floor(mostNs())));
    }
    this.states.advance(nowNs, this.#schedule.runNs, this.#schedule.queueNs, wait, 'unseen');
    this.refresh();
    this.#addMissedSwitches();
    this.detach();
  }

  /** Divides the CPU time since the last division as the kernel's ticks do; where no tick fell, as before. */
  #splitCpuTime(): void {
    const { user: lastUser, system: lastSystem } = this.#ticks;
    if (this.#task?.readTicks(this.#ticks) === true) {
      const user = Math.max(0, this.#ticks.user - lastUser);
      const system = Math.max(0, this.#ticks.system - lastSystem);
      if (user + system > 0) this.#userShare = user / (user + system);
    }
    const newNs = Math.max(0, this.cpuNs - this.#userNs - this.#systemNs);
    const newUserNs = Math.round(newNs * this.#userShare);
    this.#userNs += newUserNs;
    this.#systemNs += newNs - newUserNs;
  }

  /** Each timeslice but the last ended in a switch: those a dead thread can no longer tell of are counted as voluntary. */
  #addMissedSwitches(): void {
    const missed = this.#schedule.timeslices - 1 - this.switches.voluntary - this.switches.involuntary;
    if (missed > 0) this.switches.voluntary += missed;
  }
}
