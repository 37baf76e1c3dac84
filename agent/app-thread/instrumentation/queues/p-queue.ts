/**
 * p-queue: functions that run when it is their turn.
 *
 * Runs on application threads, when the package is first loaded. The promises are the library's own: a task's begin and end are seen in the function that it runs,
 * and in what the library puts into its list and takes out of it. With a list class of the program's own (`queueClass`) the latter goes unseen: then a signal tells
 * of what was aborted while it waited.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { FollowedQueue, followedQueue } from '../../queues/followed-queue.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem, TrackedQueue } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, once, type Patch, replaceAll } from '../patch.ts';
import { whenSettled } from '../settled.ts';

const LIBRARY = 'p-queue';

interface QueueLike {
  readonly size: number;
  readonly concurrency: number;
  readonly timeout?: unknown;
  /** Before 6.4. */
  readonly _timeout?: unknown;
}

interface Options {
  readonly signal?: unknown;
  readonly timeout?: unknown;
}

const { then } = Promise.prototype;

/** One call of `add`. */
class Task {
  readonly #tracked: TrackedQueue;
  /** Whether the library may cease to wait for the function. */
  readonly #isBounded: boolean;
  #item: QueueItem | undefined;
  isInList = false;

  constructor(tracked: TrackedQueue, isBounded: boolean) {
    this.#tracked = tracked;
    this.#isBounded = isBounded;
  }

  arrives(): void {
    this.#item ??= this.#tracked.arrives();
  }

  get isKnown(): boolean {
    return this.#item !== undefined;
  }

  /** The function for the library: it tells of its begin and its end. */
  wrap(run: Callable): Callable {
    return (...args) => {
      const item = (this.#item ??= this.#tracked.starts());
      this.#tracked.begins(item);
      let result: unknown;
      try {
        result = this.#tracked.run(item, () => run(...args));
      } catch (error) {
        this.#ends('failed');
        throw error;
      }
      return whenSettled(result, (isFailed) => this.#ends(isFailed ? 'failed' : 'done'));
    };
  }

  gaveUp(): void {
    if (this.#item !== undefined) this.#tracked.gaveUp(this.#item);
  }

  /** The library has called what it keeps of the task: it has run the function, or found out that it is not to be run. */
  ran(promise: unknown): void {
    if (this.#item === undefined) return;
    if (this.#item.beganNs === 0) {
      this.gaveUp();
      return;
    }
    if (!this.#isBounded || !(promise instanceof Promise)) return;
    /* Settled before the function is: the library waits for it no more. A listener that throws rejects it, which is to be seen as before. */
    void then.call(
      promise,
      () => this.#ends('aborted'),
      (error: unknown) => {
        this.#ends('aborted');
        throw error;
      },
    );
  }

  #ends(outcome: 'done' | 'failed' | 'aborted'): void {
    if (this.#item !== undefined) this.#tracked.ends(this.#item, outcome);
  }
}

class PQueuePatch {
  readonly #tracker: QueueTracker;
  /** What is being added, until it stands in the list. */
  #adding: Task | undefined;

  constructor(tracker: QueueTracker) {
    this.#tracker = tracker;
  }

  queue(prototype: object): () => void {
    const replaced = replaceAll(prototype, {
      add: (original) => this.#add(original),
      clear: (original) => cleared(original),
    });
    const concurrency = this.#followConcurrency(prototype);
    return () => {
      replaced();
      concurrency();
    };
  }

  list(prototype: object): () => void {
    return replaceAll(prototype, {
      enqueue: (original) => this.#enqueue(original),
      dequeue: (original) => dequeued(original),
      remove: (original) => removed(original),
    });
  }

  #add(original: Method): Method {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const [run, options] = args;
      const followed = typeof run === 'function' ? patch.#followed(this) : undefined;
      if (followed === undefined || followed.isOff) return Reflect.apply(original, this, args);
      const isFirst = followed.tracked === undefined;
      const queue = this as unknown as QueueLike;
      const { signal, timeout = queue.timeout ?? queue._timeout } = (options ?? {}) as Options;
      const task = new Task(followed.of(this), signal !== undefined || timeout !== undefined);
      if (isFirst) followed.setConcurrency(queue.concurrency);
      const before = patch.#adding;
      patch.#adding = task;
      const { size } = queue;
      args[0] = task.wrap(run as Callable);
      try {
        return Reflect.apply(original, this, args);
      } finally {
        patch.#adding = before;
        if (!task.isInList && !task.isKnown && queue.size > size) {
          task.arrives();
          whenAborted(signal, task);
        }
      }
    };
  }

  #enqueue(original: Method): Method {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const task = patch.#adding;
      const [run] = args;
      if (task !== undefined && typeof run === 'function') {
        patch.#adding = undefined;
        task.isInList = true;
        task.arrives();
        Hidden.set(run, task);
      }
      return Reflect.apply(original, this, args);
    };
  }

  /** The constructor sets it, too: the first time that an object is seen. */
  #followConcurrency(prototype: object): () => void {
    const before = Object.getOwnPropertyDescriptor(prototype, 'concurrency');
    const original = before?.set;
    if (before === undefined || original === undefined) return () => {};
    const patch = this;
    const set = function (this: object, concurrency: unknown): void {
      /* Before the library may begin with more of them. */
      const followed = patch.#followed(this);
      original.call(this, concurrency);
      followed.setConcurrency(concurrency);
    };
    Object.defineProperties(set, { name: { value: original.name }, length: { value: original.length } });
    Object.defineProperty(prototype, 'concurrency', { ...before, set });
    return () => Object.defineProperty(prototype, 'concurrency', before);
  }

  #followed(target: object): FollowedQueue {
    return followedQueue(target, FollowedQueue, () => new FollowedQueue(this.#tracker, LIBRARY, 'task_queue'));
  }
}

/** What the library takes out of its list it calls at once. */
function dequeued(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const run = Reflect.apply(original, this, args);
    const task = Hidden.get(run);
    if (!(task instanceof Task)) return run;
    return () => {
      const promise = (run as Callable)();
      task.ran(promise);
      return promise;
    };
  };
}

/** The library takes out what was aborted while it waited. */
function removed(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const task = Hidden.get(args[0]);
    if (task instanceof Task) task.gaveUp();
    return Reflect.apply(original, this, args);
  };
}

function cleared(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const followed = Hidden.get(this);
    if (followed instanceof FollowedQueue) followed.tracked?.cleared();
    return Reflect.apply(original, this, args);
  };
}

function whenAborted(signal: unknown, task: Task): void {
  if (signal instanceof AbortSignal) signal.addEventListener('abort', () => task.gaveUp(), { once: true });
}

/** One a thread: the queue and its list stand in different files, and know of each other by it. */
const patches = new WeakMap<QueueTracker, PQueuePatch>();

export const patchPQueue: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) => {
  const patch = patches.get(tracker) ?? new PQueuePatch(tracker);
  patches.set(tracker, patch);
  const prototypeOf = (name: string): unknown => (declared[name] as { prototype?: unknown } | undefined)?.prototype;
  const undo = [
    once(prototypeOf('PQueue'), (prototype) => patch.queue(prototype)),
    once(prototypeOf('PriorityQueue'), (prototype) => patch.list(prototype)),
  ];
  return () => {
    for (const step of undo) step();
  };
};
