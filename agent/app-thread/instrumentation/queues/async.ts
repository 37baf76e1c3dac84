/**
 * async: `queue`, `priorityQueue`, `cargo`, `cargoQueue`: lists of tasks in front of one worker function.
 *
 * Runs on application threads, when the package is first loaded. A task is an object in the queue's list: it arrives where it is put in, is taken out before the
 * worker is called for it, alone or with others, and is over when the worker calls back.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { FollowedQueue } from '../../queues/followed-queue.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, once, type Patch, replaceAll, replaceDeclared } from '../patch.ts';
import { whenSettled } from '../settled.ts';

const LIBRARY = 'async';
const FACTORIES = ['queue', 'priorityQueue', 'cargo', 'cargoQueue'];
/** As its ES module calls them. */
const BINDINGS = ['queue', 'priorityQueue', 'cargo', 'cargo$1'];

interface Queue {
  readonly concurrency: unknown;
  readonly _tasks: object;
}

class FollowedAsyncQueue extends FollowedQueue {
  /** Taken out of the list, for the next call of the worker. */
  taken: QueueItem[] = [];
  #queue: Queue | undefined;
  #isEmptying = false;

  constructor(tracker: QueueTracker) {
    super(tracker, LIBRARY, 'task_queue');
  }

  follow(queue: Queue): void {
    this.#queue = queue;
    Hidden.set(queue._tasks, this);
    once(Object.getPrototypeOf(queue._tasks), followList);
  }

  put(node: unknown): void {
    const queue = this.#queue;
    if (queue === undefined || this.isOff || typeof node !== 'object' || node === null) return;
    if (isItem(Hidden.get(node))) return;
    const tracked = this.of(queue);
    this.setConcurrency(queue.concurrency);
    Hidden.set(node, tracked.arrives());
  }

  take(node: unknown): void {
    const item = Hidden.get(node);
    if (isItem(item) && !this.#isEmptying) this.taken.push(item);
  }

  empty(original: () => unknown): unknown {
    /* Those that were taken wait until the worker is called. */
    const { taken } = this;
    for (const item of taken) item.queue.begins(item);
    this.tracked?.cleared();
    this.#isEmptying = true;
    try {
      return original();
    } finally {
      this.#isEmptying = false;
    }
  }

  begins(): QueueItem[] {
    const { taken } = this;
    if (taken.length === 0) return taken;
    this.taken = [];
    for (const item of taken) item.queue.begins(item);
    return taken;
  }
}

function isItem(value: unknown): value is QueueItem {
  return typeof value === 'object' && value !== null && 'submittedNs' in value;
}

/** The lists of all queues have one prototype, priority queues another. */
function followList(prototype: object): () => void {
  const followed = (list: object): FollowedAsyncQueue | undefined => {
    const found = Hidden.get(list);
    return found instanceof FollowedAsyncQueue ? found : undefined;
  };
  const putting = (original: Method, at: number): Method =>
    function (this: object, ...args: unknown[]): unknown {
      followed(this)?.put(args[at]);
      return Reflect.apply(original, this, args);
    };
  return replaceAll(prototype, {
    push: (original) => putting(original, 0),
    unshift: (original) => putting(original, 0),
    insertBefore: (original) => putting(original, 1),
    shift: (original) =>
      function (this: object, ...args: unknown[]): unknown {
        const node = Reflect.apply(original, this, args);
        followed(this)?.take(node);
        return node;
      },
    empty: (original) =>
      function (this: object, ...args: unknown[]): unknown {
        const call = (): unknown => Reflect.apply(original, this, args);
        const found = followed(this);
        return found === undefined ? call() : found.empty(call);
      },
    remove: (original) =>
      function (this: object, ...args: unknown[]): unknown {
        const [test] = args;
        if (typeof test !== 'function' || followed(this) === undefined) return Reflect.apply(original, this, args);
        args[0] = (node: unknown): unknown => {
          const isLeaving = (test as Callable)(node);
          const item = Hidden.get(node);
          if (isLeaving && isItem(item)) item.queue.gaveUp(item);
          return isLeaving;
        };
        return Reflect.apply(original, this, args);
      },
  });
}

/** The library looks at its kind: an async function gives back a promise, any other one calls back. */
function workerOf(followed: FollowedAsyncQueue, worker: Callable): Callable {
  const ends = (items: readonly QueueItem[], isFailed: boolean): void => {
    for (const item of items) item.queue.ends(item, isFailed ? 'failed' : 'done');
  };
  if (Reflect.get(worker, Symbol.toStringTag) === 'AsyncFunction') {
    const observed = function (this: unknown, ...args: unknown[]): unknown {
      const items = followed.begins();
      const [first] = items;
      const call = (): unknown => Reflect.apply(worker, this, args);
      if (first === undefined) return call();
      const result = first.queue.run(first, call);
      return whenSettled(result, (isFailed) => ends(items, isFailed));
    };
    return Object.defineProperty(observed, Symbol.toStringTag, { value: 'AsyncFunction' });
  }
  return function (this: unknown, ...args: unknown[]): unknown {
    const items = followed.begins();
    const back = args.at(-1);
    if (items.length > 0 && typeof back === 'function') {
      args[args.length - 1] = (...given: unknown[]): unknown => {
        ends(items, given[0] != null);
        return (back as Callable)(...given);
      };
    }
    return Reflect.apply(worker, this, args);
  };
}

/** A priority queue is made of a queue, and a new list: what is followed is the whole. */
const inFactory = new WeakSet<QueueTracker>();

function factory(original: Callable, tracker: QueueTracker): Callable {
  return function (this: unknown, ...args: unknown[]): unknown {
    const [worker] = args;
    if (typeof worker !== 'function' || inFactory.has(tracker)) return Reflect.apply(original, this, args);
    const followed = new FollowedAsyncQueue(tracker);
    args[0] = workerOf(followed, worker as Callable);
    inFactory.add(tracker);
    let queue: Queue;
    try {
      queue = Reflect.apply(original, this, args) as Queue;
    } finally {
      inFactory.delete(tracker);
    }
    followed.follow(queue);
    return queue;
  };
}

/** Names that a version has not are passed over: to read an ES module's binding that is not there throws. */
function has(declared: Declared, name: string): boolean {
  try {
    return typeof declared[name] === 'function';
  } catch {
    return false;
  }
}

export const patchAsync: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) => {
  const undo: (() => void)[] = [];
  const isModule = 'index' in declared;
  const whole = (isModule ? declared['index'] : declared['default']) as Declared | undefined;
  const replacements = new Map<unknown, unknown>();
  for (const name of isModule ? BINDINGS : FACTORIES) {
    if (!has(declared, name)) continue;
    const original = declared[name];
    undo.push(replaceDeclared(declared, name, (found) => factory(found, tracker)));
    replacements.set(original, declared[name]);
  }
  /* The object with all functions has the same ones. */
  for (const name of FACTORIES) {
    const original = whole?.[name];
    const replaced = replacements.get(original);
    if (whole === undefined || replaced === undefined) continue;
    whole[name] = replaced;
    undo.push(() => {
      if (whole[name] === replaced) whole[name] = original;
    });
  }
  return () => {
    for (const step of undo) step();
  };
};
