/**
 * workerpool: `Pool`, whose tasks are told apart by their promise, and `WorkerHandler`, which posts them. Its promises call who waits for them at once and know of
 * no rejections that nobody handles, so one more that waits changes nothing. Its workers are told of tasks by events.
 *
 * Runs on application threads, when the package is first loaded.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import { type Method, replaceMethod } from '../../replace-method.ts';
import { type Callable, type Declared, once, type Patch, replaceAll } from '../patch.ts';
import { FollowedPool, followedPool, threadIdOf } from './followed-pool.ts';

interface PoolLike {
  readonly script?: unknown;
  readonly workers?: { readonly length: number };
  readonly maxWorkers?: number;
  readonly maxQueueSize?: number;
}

interface HandlerLike {
  readonly worker?: object | null;
  readonly lastId?: number;
}

interface PromiseLikeNow {
  then(done: Callable, failed: Callable): unknown;
}

class Task {
  readonly pool: FollowedPool;
  readonly item: QueueItem;

  constructor(pool: FollowedPool, promise: PromiseLikeNow) {
    this.pool = pool;
    this.item = pool.queue.arrives();
    Hidden.set(promise, this);
    promise.then(
      () => pool.queue.ends(this.item, 'done'),
      (error) => pool.queue.ends(this.item, isAbort(error) ? 'aborted' : 'failed'),
    );
  }
}

/** The pool whose `exec` runs now: what is handed to a worker and is no task yet is what was submitted. */
let submitting: FollowedPool | undefined;
/** Workers are terminated now, or the pool is: their tasks are rejected. */
let terminating = 0;

function isAbort(error: unknown): boolean {
  const name = typeof error === 'object' && error !== null ? Reflect.get(error, 'name') : undefined;
  return terminating > 0 || name === 'CancellationError' || name === 'TimeoutError';
}

function taskOf(promise: unknown): Task | undefined {
  const found = Hidden.get(promise);
  return found instanceof Task ? found : undefined;
}

function poolOf(pool: object, tracker: QueueTracker, callee: Method): FollowedPool {
  return followedPool(pool, tracker, 'workerpool', (pool as PoolLike).script, callee);
}

function tell(pool: FollowedPool, { workers, maxWorkers, maxQueueSize }: PoolLike): void {
  pool.tell(workers?.length ?? 0, maxWorkers ?? 0, maxQueueSize ?? 0);
}

function isThenable(value: unknown): value is PromiseLikeNow {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function';
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Max queue size');
}

function duringTermination(original: Method): Method {
  return function (this: object, ...args) {
    terminating++;
    try {
      return Reflect.apply(original, this, args);
    } finally {
      terminating--;
    }
  };
}

function patchPool(prototype: object, tracker: QueueTracker): () => void {
  const telling = (original: Method): Method => {
    const replaced: Method = function (this: object, ...args) {
      try {
        return Reflect.apply(original, this, args);
      } finally {
        tell(poolOf(this, tracker, replaced), this);
      }
    };
    return replaced;
  };
  const exec = (original: Method): Method => {
    const replaced: Method = function (this: object, ...args) {
      const pool = poolOf(this, tracker, replaced);
      /* A function is submitted as a call of `run`, by `exec` itself. */
      if (pool.isOff || typeof args[0] !== 'string') return Reflect.apply(original, this, args);
      const before = submitting;
      submitting = pool;
      try {
        const promise = Reflect.apply(original, this, args);
        if (isThenable(promise) && taskOf(promise) === undefined) void new Task(pool, promise);
        return promise;
      } catch (error) {
        if (isFull(error)) pool.queue.refused();
        throw error;
      } finally {
        submitting = before;
      }
    };
    return replaced;
  };
  return replaceAll(prototype, {
    exec,
    _getWorker: telling,
    _ensureMinWorkers: telling,
    _removeWorkerFromList: (original) =>
      function (this: object, ...args) {
        const result = Reflect.apply(original, this, args);
        const pool = Hidden.get(this);
        if (pool instanceof FollowedPool) {
          tell(pool, this);
          if ((this as PoolLike).workers?.length === 0) pool.close();
        }
        return result;
      },
    terminate: duringTermination,
  });
}

/** A worker's tasks, by the id of their message: those that come before it is ready are posted once it is. */
class Posts {
  readonly tasks = new Map<unknown, Task>();

  constructor(worker: object) {
    const { tasks } = this;
    replaceMethod(
      worker,
      'send',
      (original) =>
        function (this: object, ...args) {
          const [message] = args;
          const id = typeof message === 'object' && message !== null ? Reflect.get(message, 'id') : undefined;
          const task = tasks.get(id);
          if (task === undefined) return Reflect.apply(original, this, args);
          tasks.delete(id);
          return task.pool.post(task.item, () => Reflect.apply(original, this, args));
        },
    );
  }
}

function patchHandler(prototype: object): () => void {
  return replaceAll(prototype, {
    exec: (original) =>
      function (this: object, ...args) {
        const { promise } = (args[2] ?? {}) as { promise?: unknown };
        let task = taskOf(promise);
        if (task === undefined && submitting !== undefined && isThenable(promise)) task = new Task(submitting, promise);
        if (task === undefined) return Reflect.apply(original, this, args);
        const { worker, lastId = 0 } = this as HandlerLike;
        task.pool.queue.begins(task.item, threadIdOf(worker));
        if (worker) postsOf(worker).tasks.set(lastId + 1, task);
        try {
          return Reflect.apply(original, this, args);
        } catch (error) {
          /* Its message could not be cloned: the promise is never settled. */
          task.pool.queue.ends(task.item, 'failed');
          throw error;
        }
      },
    terminate: duringTermination,
  });
}

function postsOf(worker: object): Posts {
  const found = Hidden.get(worker);
  if (found instanceof Posts) return found;
  const made = new Posts(worker);
  Hidden.set(worker, made);
  return made;
}

export const patchWorkerpool: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) => {
  const { Pool, WorkerHandler } = declared;
  if (typeof Pool === 'function') return once(Pool.prototype, (prototype) => patchPool(prototype, tracker));
  return typeof WorkerHandler === 'function' ? once(WorkerHandler.prototype, patchHandler) : () => {};
};
