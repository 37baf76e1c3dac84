/**
 * What piscina and tinypool have in common: tinypool began as a copy of piscina. A `ThreadPool` makes a `TaskInfo` of each submission, which waits in a queue that
 * may be the program's own, until it is posted to a `WorkerInfo`; its callback is told of the result.
 *
 * Runs on application threads, when such a package is first loaded. The library's own code does what it did: its queues and promises are not touched.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, once, replaceAll, replaceDeclared } from '../patch.ts';
import { FollowedPool, followedPool, threadIdOf } from './followed-pool.ts';

interface ThreadPoolLike {
  readonly options?: { readonly filename?: unknown; readonly maxThreads?: number; readonly maxQueue?: number };
  readonly workers?: { readonly size?: number };
  readonly closingUp?: boolean;
  readonly destroying?: boolean;
}

interface TaskInfoLike {
  readonly abortSignal?: { readonly aborted?: unknown } | null;
}

interface WorkerInfoLike {
  readonly worker?: { readonly runtime?: unknown };
  /** Those it has been given, and has not answered. */
  readonly taskInfos?: ReadonlyMap<unknown, unknown>;
}

/** A submission that the library looks at now. */
interface Submission {
  readonly pool: FollowedPool;
  task: Task | undefined;
  isRefused: boolean;
}

/** One `TaskInfo`. It has no item before it has arrived: refused ones never do. */
class Task {
  readonly pool: FollowedPool;
  item: QueueItem | undefined;
  /** Its worker is to be terminated, or its signal was aborted. */
  isDoomed = false;

  constructor(pool: FollowedPool) {
    this.pool = pool;
  }

  arrives(): QueueItem {
    return (this.item ??= this.pool.queue.arrives());
  }

  ends(error: unknown): void {
    if (this.item === undefined) return;
    const outcome = error === null || error === undefined ? 'done' : this.isDoomed ? 'aborted' : 'failed';
    this.pool.queue.ends(this.item, outcome);
  }

  aborts(): void {
    this.isDoomed = true;
    if (this.item !== undefined) this.pool.queue.gaveUp(this.item);
  }
}

let submission: Submission | undefined;

function taskOf(taskInfo: unknown): Task | undefined {
  const found = Hidden.get(taskInfo);
  return found instanceof Task ? found : undefined;
}

function poolOf(threadPool: object, library: string, tracker: QueueTracker, callee: Method): FollowedPool {
  return followedPool(threadPool, tracker, library, (threadPool as ThreadPoolLike).options?.filename, callee);
}

function tell(pool: FollowedPool, { workers, options }: ThreadPoolLike): void {
  pool.tell(workers?.size ?? 0, options?.maxThreads ?? 0, options?.maxQueue ?? 0);
}

function patchThreadPool(prototype: object, library: string, tracker: QueueTracker): () => void {
  const telling = (original: Method): Method => {
    const replaced: Method = function (this: object, ...args) {
      const pool = poolOf(this, library, tracker, replaced);
      try {
        return Reflect.apply(original, this, args);
      } finally {
        tell(pool, this);
      }
    };
    return replaced;
  };
  return replaceAll(prototype, {
    _ensureMinimumWorkers: telling,
    _addNewWorker: telling,
    _removeWorker: telling,
    destroy: (original) =>
      function (this: object, ...args) {
        const destroyed = Reflect.apply(original, this, args);
        const pool = Hidden.get(this);
        if (pool instanceof FollowedPool && (this as ThreadPoolLike).workers?.size === 0) pool.close();
        return destroyed;
      },
    runTask: (original) => {
      const replaced: Method = function (this: object, ...args) {
        const pool = poolOf(this, library, tracker, replaced);
        const before = submission;
        const own: Submission | undefined = pool.isOff ? undefined : { pool, task: undefined, isRefused: false };
        submission = own;
        try {
          return Reflect.apply(original, this, args);
        } finally {
          submission = before;
          if (own !== undefined) isLeft(own, this, args[1]);
        }
      };
      return replaced;
    },
  });
}

/** The library has looked at a submission: what is not on a worker by now waits, or is refused. */
function isLeft(
  { pool, task, isRefused }: Submission,
  { closingUp, destroying }: ThreadPoolLike,
  given: unknown,
): void {
  if (task === undefined || task.item !== undefined) return;
  if (isRefused || closingUp === true || destroying === true) {
    pool.queue.refused();
    return;
  }
  task.arrives();
  const { signal } = given as { signal?: { aborted?: unknown } | null };
  if (signal?.aborted === true) task.aborts();
}

/** A `TaskInfo` has the prototype and the constructor that it had; its callback is told by way of ours. */
function makingTasks(original: Callable): Callable {
  const Original = original as unknown as new (...args: unknown[]) => object;
  const replaced = function (...args: unknown[]): object {
    const { pool } = submission ?? {};
    if (submission === undefined || pool === undefined || submission.task !== undefined) return new Original(...args);
    const task = new Task(pool);
    submission.task = task;
    /* The last of two, or the fifth: the task itself may be a function as well. */
    const at = typeof args[1] === 'function' ? 1 : 4;
    const callback = args[at];
    if (typeof callback === 'function')
      args[at] = (error: unknown, result: unknown) => {
        task.ends(error);
        return (callback as Callable)(error, result);
      };
    const made = new Original(...args);
    Hidden.set(made, task);
    followAbort(made, task);
    return made;
  };
  Object.defineProperty(replaced, 'prototype', { value: Original.prototype, writable: false });
  return replaced;
}

/** Of those that may be aborted: their listener, which the library assigns, adds and removes itself, tells first. */
function followAbort(made: object, task: Task): void {
  if ((made as TaskInfoLike).abortSignal == null || !Object.hasOwn(made, 'abortListener')) return;
  let listener: unknown = null;
  Object.defineProperty(made, 'abortListener', {
    configurable: true,
    enumerable: true,
    get: () => listener,
    set: (given: unknown) => {
      listener = typeof given === 'function' ? aborting(task, given as Callable) : given;
    },
  });
}

function aborting(task: Task, listener: Callable): Callable {
  return () => {
    task.aborts();
    return listener();
  };
}

function patchTaskInfo(prototype: object): () => void {
  return replaceAll(prototype, {
    onAbort: (original) =>
      function (this: object, listener) {
        const task = taskOf(this);
        return Reflect.apply(original, this, [task === undefined ? listener : aborting(task, listener as Callable)]);
      },
  });
}

function patchWorkerInfo(prototype: object): () => void {
  return replaceAll(prototype, {
    postTask: (original) =>
      function (this: object, info) {
        const task = taskOf(info);
        /* One that came before the feature was switched on, or that the library itself has made. */
        if (task === undefined || (task.item === undefined && submission?.task !== task))
          return original.call(this, info);
        const item = task.arrives();
        const { worker, taskInfos } = this as WorkerInfoLike;
        const threadId = worker?.runtime === 'child_process' ? -1 : threadIdOf(worker);
        /* A worker is given its next task before its last one is told of its result. */
        task.pool.queue.begins(item, threadId, taskInfos?.size === 0);
        return task.pool.post(item, () => original.call(this, info));
      },
    destroy: (original) =>
      function (this: object, ...args) {
        for (const info of (this as WorkerInfoLike).taskInfos?.values() ?? []) {
          const task = taskOf(info);
          if (task !== undefined) task.isDoomed = true;
        }
        return Reflect.apply(original, this, args);
      },
  });
}

function refusing(original: Method): Method {
  return function (this: object, ...args) {
    if (submission !== undefined) submission.isRefused = true;
    return Reflect.apply(original, this, args);
  };
}

/** Of bindings that a version has not: undefined. */
function find(declared: Declared, name: string): unknown {
  try {
    return declared[name];
  } catch {
    return undefined;
  }
}

/** Patches what a file declares of a library's pool, in whichever of its files the version has it. */
export function patchThreadPools(declared: Declared, library: string, tracker: QueueTracker): () => void {
  const undo: (() => void)[] = [];
  const ofClass = (name: string, patch: (prototype: object) => () => void): void => {
    const found = find(declared, name);
    if (typeof found === 'function') undo.push(once(found.prototype, patch));
  };
  ofClass('ThreadPool', (prototype) => patchThreadPool(prototype, library, tracker));
  ofClass('TaskInfo', patchTaskInfo);
  ofClass('WorkerInfo', patchWorkerInfo);
  if (find(declared, 'TaskInfo') !== undefined) undo.push(replaceDeclared(declared, 'TaskInfo', makingTasks));
  undo.push(
    once(find(declared, 'Errors'), (errors) =>
      replaceAll(errors, { NoTaskQueueAvailable: refusing, TaskQueueAtLimit: refusing }),
    ),
  );
  return () => {
    for (const step of undo.toReversed()) step();
  };
}
