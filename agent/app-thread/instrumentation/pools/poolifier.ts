/**
 * poolifier: its pools of threads and of child processes, which are one abstract pool whose methods call each other by name. A task is told by its id. Workers are
 * told of tasks by events; of child processes the tasks are counted, and no context reaches them.
 *
 * Runs on application threads, when the package is first loaded.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type Declared, once, type Patch, replaceAll } from '../patch.ts';
import { FollowedPool, followedPool, threadIdOf } from './followed-pool.ts';

interface WorkerNode {
  readonly worker?: unknown;
}

interface PoolLike {
  readonly filePath?: unknown;
  readonly workerNodes?: readonly WorkerNode[];
  readonly maximumNumberOfWorkers?: number;
  readonly minimumNumberOfWorkers?: number;
  /** Of 3.0. */
  readonly maxSize?: number;
  readonly started?: boolean;
  readonly destroying?: boolean;
}

interface TaskLike {
  readonly taskId?: unknown;
}

interface ResponseLike extends TaskLike {
  readonly workerError?: { readonly aborted?: unknown } | null;
}

interface Task {
  readonly pool: FollowedPool;
  readonly item: QueueItem;
  node: WorkerNode | undefined;
}

/** Ids are random: those of all pools stand together. */
const tasks = new Map<unknown, Task>();

function poolOf(pool: object, tracker: QueueTracker, callee: Method): FollowedPool {
  return followedPool(pool, tracker, 'poolifier', (pool as PoolLike).filePath, callee);
}

function tell(pool: FollowedPool, like: PoolLike): void {
  const { workerNodes = [], maximumNumberOfWorkers, minimumNumberOfWorkers, maxSize } = like;
  pool.tell(workerNodes.length, maximumNumberOfWorkers ?? minimumNumberOfWorkers ?? maxSize ?? 0, 0);
}

/** The task of an id; one that has just been submitted arrives. */
function taskFor(pool: FollowedPool, given: unknown): Task | undefined {
  const { taskId } = (given ?? {}) as TaskLike;
  const known = tasks.get(taskId);
  if (known !== undefined || taskId === undefined || pool.isOff) return known;
  const made: Task = { pool, item: pool.queue.arrives(), node: undefined };
  tasks.set(taskId, made);
  return made;
}

function ends(taskId: unknown, outcome: 'done' | 'failed' | 'aborted'): void {
  const task = tasks.get(taskId);
  if (task === undefined) return;
  tasks.delete(taskId);
  task.pool.queue.ends(task.item, outcome);
}

/** The worker is no more: the promises of its tasks are never settled. */
function nodeIsGone(gone: unknown, isDestroying: boolean): void {
  for (const [taskId, { node }] of tasks)
    if (node !== undefined && (node === gone || node.worker === gone))
      ends(taskId, isDestroying ? 'aborted' : 'failed');
}

/** Nodes delete tasks that are aborted while they wait. */
function patchNode(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  undoNodes.push(
    once(Object.getPrototypeOf(node), (prototype) =>
      replaceAll(prototype, {
        deleteTask: (original) =>
          function (this: object, ...args) {
            ends((args[0] as TaskLike | undefined)?.taskId, 'aborted');
            return Reflect.apply(original, this, args);
          },
      }),
    ),
  );
}

const undoNodes: (() => void)[] = [];

function patchPool(prototype: object, tracker: QueueTracker): () => void {
  const submitting = (original: Method): Method => {
    const replaced: Method = function (this: object, ...args) {
      const { started, destroying } = this as PoolLike;
      const pool = poolOf(this, tracker, replaced);
      if ((started === false || destroying === true) && !pool.isOff) pool.queue.refused();
      return Reflect.apply(original, this, args);
    };
    return replaced;
  };
  const replaced = replaceAll(prototype, {
    execute: submitting,
    mapExecute: submitting,
    executeTask: (original) => {
      const executeTask: Method = function (this: object, ...args) {
        const pool = poolOf(this, tracker, executeTask);
        const task = taskFor(pool, args[1]);
        if (task === undefined) return Reflect.apply(original, this, args);
        task.node = (this as PoolLike).workerNodes?.[args[0] as number];
        pool.queue.begins(task.item, threadIdOf(task.node?.worker));
        return pool.post(task.item, () => Reflect.apply(original, this, args));
      };
      return executeTask;
    },
    enqueueTask: (original) => {
      const enqueueTask: Method = function (this: object, ...args) {
        taskFor(poolOf(this, tracker, enqueueTask), args[1]);
        return Reflect.apply(original, this, args);
      };
      return enqueueTask;
    },
    handleTaskExecutionResponse: (original) =>
      function (this: object, ...args) {
        const { taskId, workerError } = (args[0] ?? {}) as ResponseLike;
        ends(taskId, workerError == null ? 'done' : workerError.aborted === true ? 'aborted' : 'failed');
        return Reflect.apply(original, this, args);
      },
    addWorkerNode: (original) => {
      const addWorkerNode: Method = function (this: object, ...args) {
        const result = Reflect.apply(original, this, args);
        patchNode((this as PoolLike).workerNodes?.at(-1));
        tell(poolOf(this, tracker, addWorkerNode), this);
        return result;
      };
      return addWorkerNode;
    },
    removeWorkerNode: (original) =>
      function (this: object, ...args) {
        const result = Reflect.apply(original, this, args);
        const { destroying, workerNodes } = this as PoolLike;
        nodeIsGone(args[0], destroying === true);
        const pool = Hidden.get(this);
        if (!(pool instanceof FollowedPool)) return result;
        if (workerNodes?.length === 0) pool.close();
        else tell(pool, this);
        return result;
      },
  });
  return () => {
    replaced();
    for (const step of undoNodes.splice(0)) step();
  };
}

export const patchPoolifier: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) => {
  const { FixedThreadPool } = declared;
  if (typeof FixedThreadPool !== 'function') return () => {};
  /* Pools of threads and of processes have this one in common. */
  return once(Object.getPrototypeOf(FixedThreadPool.prototype), (prototype) => patchPool(prototype, tracker));
};
