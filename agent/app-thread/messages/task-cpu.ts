/**
 * The CPU time of tasks on the worker's thread: from the call of the task's function until it has settled, or, where only the message is seen that brought the task,
 * from its handlers until the result is posted.
 *
 * Runs on the worker threads of pools, for tasks in a sampled trace alone: any other task costs nothing here. It must never throw anything but what the task throws.
 *
 * A thread has one task in mind at a time. Where a worker has several at once, their CPU times contain one another; who has submitted them knows that, and then
 * nothing is said of them (`TaskRecord.isAlone`). What else a thread does while a task waits for something, such as timers that an earlier task has left, counts as
 * the task's: nobody can tell it apart.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { encodeTaskCpu, MIN_TASK_CPU_NS } from '../../shared-memory/queue-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { Recorder } from '../recorder.ts';

const SAMPLED = 1;
/**
 * A task may post a hundred thousand messages, any of which may be its result, and to ask the kernel takes as long as a post. So little of what it has used so far may be
 * missing from what is told, twice: once because nobody has looked, and once because it was not worth a record.
 */
const UNTOLD_SHARE = 1 / 128;
const ENERGY = featureBits(['energy']);

const { cpuUsage, threadCpuUsage } = process as Partial<Pick<NodeJS.Process, 'cpuUsage' | 'threadCpuUsage'>>;
const { then } = Promise.prototype;
const { types } = process.getBuiltinModule('node:util');

interface Begun {
  readonly task: TraceIds;
  readonly beganNs: number;
  readonly beganCpuUs: number;
  /** The last look at what it has used. */
  lookedNs: number;
  usedNs: number;
  toldNs: number;
}

export class TaskCpu {
  readonly #recorder: Pick<Recorder, 'clock' | 'isOff' | 'record'>;
  readonly #threadCpuUs: () => number;
  /** The task that a message brought last. */
  #served: Begun | undefined;

  constructor(recorder: Pick<Recorder, 'clock' | 'isOff' | 'record'>, threadCpuUs: () => number = ownCpuUs) {
    this.#recorder = recorder;
    this.#threadCpuUs = threadCpuUs;
  }

  /** Calls a task's function, and tells what it has used once it has settled. */
  measure<T>(task: TraceIds, fn: () => T): T {
    const begun = this.#begin(task);
    if (begun === undefined) return fn();
    let isSettled = true;
    try {
      const result = fn();
      isSettled = !follow(result, () => this.#tell(begun));
      return result;
    } finally {
      if (isSettled) this.#tell(begun);
    }
  }

  /** The handlers of a message that brought a task are about to be called. */
  serves(task: TraceIds): void {
    this.#served = this.#begin(task);
  }

  /** A message is posted in this context: it may be the result of the task whose span that is. */
  posts(spanId: string): void {
    const served = this.#served;
    if (served?.task.spanId !== spanId) return;
    /* Since the last look it cannot have used more than the time that has gone by. */
    const untoldNs = this.#recorder.clock.nowNs() - served.lookedNs;
    if (untoldNs >= Math.max(MIN_TASK_CPU_NS, served.usedNs) * UNTOLD_SHARE) this.#tell(served);
  }

  #begin(task: TraceIds): Begun | undefined {
    if ((task.traceFlags & SAMPLED) === 0 || this.#recorder.isOff(ENERGY)) return undefined;
    const beganCpuUs = this.#threadCpuUs();
    if (Number.isNaN(beganCpuUs)) return undefined;
    const beganNs = this.#recorder.clock.nowNs();
    return { task, beganNs, beganCpuUs, lookedNs: beganNs, usedNs: 0, toldNs: 0 };
  }

  /** What has not lasted long has not used much: to look at the clock is cheaper. */
  #tell(begun: Begun): void {
    const { task, beganNs, beganCpuUs, toldNs } = begun;
    const nowNs = this.#recorder.clock.nowNs();
    const workedNs = nowNs - beganNs;
    if (workedNs < MIN_TASK_CPU_NS) return;
    const cpuNs = (this.#threadCpuUs() - beganCpuUs) * 1e3;
    begun.lookedNs = nowNs;
    begun.usedNs = cpuNs;
    if (!(cpuNs >= MIN_TASK_CPU_NS && cpuNs - toldNs >= cpuNs * UNTOLD_SHARE)) return;
    begun.toldNs = cpuNs;
    this.#recorder.record(encodeTaskCpu(task, { beganNs, workedNs, cpuNs }));
  }
}

/**
 * Calls back when a result that is a promise is settled, before those who wait for it are told, who take it for handled or not as they would have; false where there
 * is nothing to wait for. What other code than the language's has made of promises is never told of: to follow it would be seen.
 */
function follow(result: unknown, settled: () => void): boolean {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return false;
  if (!types.isPromise(result) || isSpecial(result)) return mayBeThenable(result);
  void then.call(result, settled, settled);
  return true;
}

/** Without asking the object, which could have something to say to that: a proxy has, and so has what inherits from one. */
function mayBeThenable(result: object): boolean {
  for (let at: object | null = result; at !== null; at = Object.getPrototypeOf(at) as object | null)
    if (types.isProxy(at) || Object.hasOwn(at, 'then')) return true;
  return false;
}

function isSpecial(promise: Promise<unknown>): boolean {
  return Object.getPrototypeOf(promise) !== Promise.prototype || Object.hasOwn(promise, 'constructor');
}

/**
 * NaN where Node cannot say it. To the kernel a running thread's time goes on by ticks of up to 10 ms, unless somebody asks for that of the whole process: then that of
 * the thread that asks is brought up to date as well.
 */
function ownCpuUs(): number {
  if (cpuUsage === undefined || threadCpuUsage === undefined) return Number.NaN;
  try {
    cpuUsage();
    const { user, system } = threadCpuUsage();
    return user + system;
  } catch {
    return Number.NaN;
  }
}
