/** The CPU time of tasks on the worker's side: when it is read, what is told of it, and what nobody may notice. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { TaskCpu } from '../../../../agent/app-thread/messages/task-cpu.ts';
import type { Recorder } from '../../../../agent/app-thread/recorder.ts';
import type { EncodedRecord } from '../../../../agent/shared-memory/lock-records.ts';
import { decodeTaskCpu, type TaskCpuRecord } from '../../../../agent/shared-memory/queue-records.ts';
import { ids } from '../fake-api.ts';

const MS = 1e6;

let nowNs: number;
let cpuUs: number;
let reads: number;
let isOff: boolean;
let told: (TaskCpuRecord | undefined)[];
let taskCpu: TaskCpu;

beforeEach(() => {
  nowNs = 1e9;
  cpuUs = 5000;
  reads = 0;
  isOff = false;
  told = [];
  const recorder = {
    clock: { nowNs: () => nowNs },
    isOff: () => isOff,
    record: ([half]: EncodedRecord) => void told.push(decodeTaskCpu(half)),
  };
  taskCpu = new TaskCpu(recorder as unknown as Recorder, () => {
    reads++;
    return cpuUs;
  });
});

/** The thread works, and then waits. */
function work(workMs: number, waitMs = 0): void {
  nowNs += (workMs + waitMs) * MS;
  cpuUs += workMs * 1e3;
}

const record = (spanId: string, workedMs: number, cpuMs: number): TaskCpuRecord => ({
  spanId,
  beganNs: 1e9,
  workedNs: workedMs * MS,
  cpuNs: cpuMs * MS,
});

describe('the function of a task', () => {
  test('is called once, and told of when it returns', () => {
    const task = ids();
    const result = {};
    expect(taskCpu.measure(task, () => (work(3, 4), result))).toBe(result);
    expect(told).toEqual([record(task.spanId, 7, 3)]);
  });

  test('and when it throws, with what it throws', () => {
    const task = ids();
    const error = new Error('its own');
    const run = (): unknown =>
      taskCpu.measure(task, () => {
        work(3);
        throw error;
      });
    expect(run).toThrow(error);
    expect(told).toEqual([record(task.spanId, 3, 3)]);
  });

  test.each(['fulfilled', 'rejected'])(
    'that is asynchronous: before those who wait for it, when it is %s',
    async (how) => {
      const task = ids();
      let settle = (): void => {};
      const promise = new Promise<string>((resolve, reject) => {
        settle = () => (how === 'fulfilled' ? resolve('done') : reject(new Error('failed')));
      });
      const result = taskCpu.measure(task, () => {
        work(2);
        return promise;
      });
      expect(result).toBe(promise);
      const seen = promise.then(
        () => told.length,
        () => told.length,
      );
      work(5, 10);
      expect(told).toEqual([]);
      settle();
      expect(await seen).toBe(1);
      expect(told).toEqual([record(task.spanId, 17, 7)]);
    },
  );

  test.each([
    ['a thenable', (): object => Object.create(Promise.prototype) as object],
    ['a promise of another class', () => new (class extends Promise<number> {})((resolve) => resolve(1))],
    [
      'a proxy',
      () => new Proxy({}, { get: () => expect.unreachable('asked'), has: () => expect.unreachable('asked') }),
    ],
    [
      'what inherits from a proxy',
      () =>
        Object.create(
          new Proxy({}, { get: () => expect.unreachable('asked'), has: () => expect.unreachable('asked') }),
        ) as object,
    ],
  ])('that gives back %s is not told of, because nobody knows when it is over', async (_, make) => {
    const result = make();
    expect(taskCpu.measure(ids(), () => (work(3), result))).toBe(result);
    await Promise.resolve();
    expect(told).toEqual([]);
  });

  test.each([undefined, null, 0, 'text', () => {}, {}, []])('that gives back %o is told of at once', (result) => {
    expect(taskCpu.measure(ids(), () => (work(3), result))).toBe(result);
    expect(told).toHaveLength(1);
  });

  test('below a millisecond of CPU is not told of; what did not last one is not even read', () => {
    taskCpu.measure(ids(), () => work(0.9));
    expect([told, reads]).toEqual([[], 1]);
    taskCpu.measure(ids(), () => work(0.9, 50));
    expect([told, reads]).toEqual([[], 3]);
    taskCpu.measure(ids(), () => work(1));
    expect(told).toHaveLength(1);
  });

  test('is merely called in a trace that is not sampled, without energy, and where Node cannot say', () => {
    taskCpu.measure(ids(0), () => work(3));
    isOff = true;
    taskCpu.measure(ids(), () => work(3));
    expect(reads).toBe(0);
    isOff = false;
    cpuUs = Number.NaN;
    taskCpu.measure(ids(), () => work(3));
    expect(told).toEqual([]);
  });
});

describe('a message that brought a task', () => {
  test('is told of at each post in the context of the task, of which the last is its result', () => {
    const task = ids();
    taskCpu.serves(task);
    taskCpu.posts(ids().spanId);
    work(2);
    taskCpu.posts(task.spanId);
    work(3, 4);
    taskCpu.posts(task.spanId);
    expect(told).toEqual([record(task.spanId, 2, 2), record(task.spanId, 9, 5)]);
  });

  test.each([
    ['busy', 10, 0],
    ['asleep most of the time', 5, 200],
  ])(
    'of a task that is %s and posts all the time next to all is told, in few records and few looks',
    (_, workUs, waitUs) => {
      const task = ids();
      taskCpu.serves(task);
      for (let post = 0; post < 100_000; post++) {
        work(workUs / 1e3, waitUs / 1e3);
        taskCpu.posts(task.spanId);
      }
      const usedNs = workUs * 1e3 * 100_000;
      const lastNs = told.at(-1)?.cpuNs ?? 0;
      expect(lastNs).toBeLessThanOrEqual(usedNs);
      expect(lastNs).toBeGreaterThan(usedNs * 0.984);
      expect(told.length).toBeLessThan(1500);
      expect(reads).toBeLessThan(waitUs === 0 ? 1500 : 20_000);
    },
  );

  test('is not told of any more once another one has come', () => {
    const [first, second] = [ids(), ids()];
    taskCpu.serves(first);
    work(2);
    taskCpu.serves(second);
    work(3);
    taskCpu.posts(first.spanId);
    expect(told).toEqual([]);
    taskCpu.posts(second.spanId);
    expect(told).toEqual([{ ...record(second.spanId, 3, 3), beganNs: 1e9 + 2 * MS }]);
    taskCpu.serves(ids(0));
    taskCpu.posts(second.spanId);
    expect(told).toHaveLength(1);
  });
});

/** What the kernel has counted of this thread, which is exact when it has just been asleep. */
function countedUs(): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  return Number.parseInt(readFileSync('/proc/thread-self/schedstat', 'latin1'), 10) / 1e3;
}

test.runIf(process.platform === 'linux')(
  'what a running thread has used is up to date, between the ticks of the kernel as well',
  () => {
    const measured: number[] = [];
    const recorder = {
      clock: { nowNs: () => performance.now() * MS },
      isOff: () => false,
      record: ([half]: EncodedRecord) => void measured.push(half.number),
    };
    const real = new TaskCpu(recorder as unknown as Recorder);
    const errors: number[] = [];
    for (let round = 0; round < 25; round++) {
      const beforeUs = countedUs();
      /* Asking for the CPU time in here would bring it up to date. */
      real.measure(ids(), () => {
        let sum = 0;
        for (let i = 0; i < 5e6; i++) sum += Math.sqrt(i);
        return sum;
      });
      const us = measured.pop();
      if (us !== undefined) errors.push(Math.abs(countedUs() - beforeUs - us));
    }
    /* By ticks of 4 ms most would be wrong by more than half of it. */
    expect(errors.length).toBeGreaterThan(12);
    expect(errors.toSorted((a, b) => a - b)[errors.length >> 1]).toBeLessThan(500);
  },
);
