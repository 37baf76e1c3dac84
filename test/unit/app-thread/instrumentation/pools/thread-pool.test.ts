/** What piscina and tinypool have in common, held against a small pool of their shape: what waits, is refused, aborted, doomed and done, and the context of a post. */
import { AsyncResource } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { patchThreadPools } from '../../../../../agent/app-thread/instrumentation/pools/thread-pool.ts';
import { setMessageLink } from '../../../../../agent/app-thread/message-link.ts';
import { QueueTracking } from '../../../../support/queue-tracking.ts';

type Callback = (error: unknown, result: unknown) => void;
interface Options {
  readonly signal?: EventTarget & { readonly aborted?: boolean };
}

/** A file of a library as the loader hands it over: its classes are its own in each test. */
function library() {
  const Errors = {
    TaskQueueAtLimit: () => new Error('Task queue is at limit'),
    FilenameNotProvided: () => new Error('no'),
  };
  class TaskInfo extends AsyncResource {
    abortListener: (() => void) | null = null;
    workerInfo: WorkerInfo | null = null;
    readonly callback: Callback;
    readonly abortSignal: Options['signal'] | null;
    constructor(
      _task: unknown,
      _list: unknown,
      _file: unknown,
      _name: unknown,
      callback: Callback,
      signal: Options['signal'] | null,
    ) {
      super('Task');
      this.callback = callback;
      this.abortSignal = signal;
    }
    done(error: unknown, result?: unknown): void {
      this.runInAsyncScope(this.callback, null, error, result);
    }
  }
  class WorkerInfo {
    readonly worker = { threadId: 7 };
    readonly taskInfos = new Map<TaskInfo, TaskInfo>();
    postTask(info: TaskInfo): void {
      info.workerInfo = this;
      this.taskInfos.set(info, info);
    }
    destroy(): void {
      for (const info of this.taskInfos.values()) info.done(new Error('Terminating worker thread'));
      this.taskInfos.clear();
    }
  }
  class ThreadPool {
    readonly options = { filename: `${process.cwd()}/lib/work.js`, maxThreads: 3, maxQueue: 1 };
    readonly workers = new Set<WorkerInfo>();
    readonly queue: TaskInfo[] = [];
    constructor() {
      this._addNewWorker();
    }
    _addNewWorker(): void {
      this.workers.add(new declared.WorkerInfo());
    }
    _removeWorker(worker: WorkerInfo): void {
      worker.destroy();
      this.workers.delete(worker);
    }
    runTask(task: unknown, { signal }: Options): Promise<unknown> {
      let resolve!: (value: unknown) => void;
      let reject!: (error: Error) => void;
      const promise = new Promise((done, failed) => {
        resolve = done;
        reject = failed;
      });
      const callback: Callback = (error, result) => (error == null ? resolve(result) : reject(error as Error));
      const info = new declared.TaskInfo(task, [], '', '', callback, signal ?? null);
      if (signal !== undefined) {
        if (signal.aborted === true) return Promise.reject(new Error('aborted'));
        info.abortListener = () => {
          reject(new Error('aborted'));
          if (info.workerInfo === null) this.queue.splice(this.queue.indexOf(info), 1);
          else this._removeWorker(info.workerInfo);
        };
        signal.addEventListener('abort', info.abortListener);
      }
      const [worker] = this.workers;
      if (worker !== undefined && worker.taskInfos.size === 0) worker.postTask(info);
      else if (this.queue.length >= this.options.maxQueue) return Promise.reject(declared.Errors.TaskQueueAtLimit());
      else this.queue.push(info);
      return promise;
    }
    answer(error: unknown, result?: unknown): void {
      const [worker] = this.workers;
      const [info] = worker?.taskInfos.keys() ?? [];
      worker?.taskInfos.delete(info as TaskInfo);
      info?.done(error, result);
      const next = this.queue.shift();
      if (next !== undefined) worker?.postTask(next);
    }
    destroy(): void {
      for (const worker of this.workers) this._removeWorker(worker);
    }
  }
  const declared = { Errors, TaskInfo, WorkerInfo, ThreadPool };
  return declared;
}

describe('a pool of the shape of piscina', () => {
  let tracking: QueueTracking;
  let declared: ReturnType<typeof library>;
  let pool: InstanceType<ReturnType<typeof library>['ThreadPool']>;
  let undo: () => void;
  let original: unknown;

  beforeEach(() => {
    tracking = new QueueTracking();
    declared = library();
    original = declared.TaskInfo;
    undo = patchThreadPools(declared, 'piscina', tracking.tracker);
    pool = new declared.ThreadPool();
  });

  afterEach(() => {
    undo();
    setMessageLink(undefined);
  });

  it('is named after its file, and counts what runs, waits and is refused', async () => {
    const first = pool.runTask(1, {});
    const second = pool.runTask(2, {});
    await expect(pool.runTask(3, {})).rejects.toThrow('Task queue is at limit');
    expect(Object.keys(tracking.queues)).toEqual(['piscina@lib/work.js']);
    expect(tracking.only).toMatchObject({ arrivals: 2, rejections: 1, size: 1, active: 1 });
    expect(tracking.only).toMatchObject({ threads: 1, limit: 3, capacity: 1 });
    pool.answer(null, 'a');
    pool.answer(new RangeError('bad'));
    await expect(first).resolves.toBe('a');
    await expect(second).rejects.toThrow(RangeError);
    expect(tracking.only).toMatchObject({ completions: 2, errors: 1, aborts: 0, size: 0, active: 0 });
  });

  it('settles a promise in the microtask in which it did', async () => {
    const order: string[] = [];
    const promise = pool.runTask(1, {}).then(() => order.push('done'));
    pool.answer(null);
    void Promise.resolve().then(() => order.push('later'));
    await promise;
    expect(order).toEqual(['done', 'later']);
  });

  it('tells of what is aborted while it runs, waits, and before', async () => {
    const [running, waiting] = [new AbortController(), new AbortController()];
    const promises = [
      pool.runTask(1, { signal: running.signal }),
      pool.runTask(2, { signal: waiting.signal }),
      pool.runTask(3, { signal: AbortSignal.abort() }),
    ];
    waiting.abort();
    expect(tracking.only).toMatchObject({ arrivals: 3, aborts: 2, size: 0, active: 1 });
    running.abort();
    expect((await Promise.allSettled(promises)).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    expect(tracking.only).toMatchObject({ arrivals: 3, aborts: 3, completions: 0, errors: 0, active: 0, threads: 0 });
  });

  it('takes a task for aborted whose worker is terminated, and closes with the pool', async () => {
    const promise = pool.runTask(1, {});
    pool.destroy();
    await expect(promise).rejects.toThrow('Terminating');
    expect(tracking.only).toMatchObject({ aborts: 1, errors: 0, threads: 0, limit: 0, capacity: 0 });
  });

  it('posts each task as a part of its own, and leaves the class as it was', () => {
    const posted: unknown[] = [];
    setMessageLink({
      postAs: (context, fn) => {
        posted.push(context);
        return fn();
      },
      received: () => undefined,
      servingThreadId: () => -1,
      runWith: (_, fn) => fn(),
      runTask: (_, fn) => fn(),
    });
    void pool.runTask(1, {});
    void pool.runTask(2, {});
    expect(posted).toEqual([undefined]);
    const [info] = pool.queue;
    expect(info?.constructor).toBe(original);
    expect(declared.TaskInfo).not.toBe(original);
    expect(info).toBeInstanceOf(declared.TaskInfo);
    expect(declared.TaskInfo.name).toBe('TaskInfo');
    undo();
    expect(declared.TaskInfo).toBe(original);
  });

  it('counts nothing while it is switched off, and nothing twice', async () => {
    tracking.switchOff('pools');
    const promise = pool.runTask(1, {});
    tracking.switchOff();
    pool.answer(null, 1);
    await promise;
    expect(tracking.only).toMatchObject({ arrivals: 0, completions: 0, active: 0 });
  });
});
