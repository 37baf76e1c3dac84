/**
 * fastq: a queue in front of one worker function, with callbacks or promises.
 *
 * Runs on application threads, when the package is first loaded. The library keeps its tasks to itself, but takes them from the front and puts them in at either
 * end, so a second list of the same order says which of them the worker is called for. It makes no object for a push, and neither do we but for the item; and
 * a task is run in no scope of its own, which would cost twice as much as all the rest.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { FollowedQueue } from '../../queues/followed-queue.ts';
import { ItemDeque } from '../../queues/item-deque.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem, TrackedQueue } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, type Patch, replaceAll, replaceDeclared } from '../patch.ts';
import { whenSettled } from '../settled.ts';

const LIBRARY = 'fastq';

interface FastQueue {
  readonly concurrency: number;
  readonly paused: boolean;
  running(): number;
}

/** How the end of a task is told: the library's callback, of which it has one for each task at work and uses it again for the next. */
class Worked {
  item: QueueItem | undefined;
  readonly call: Callable;

  constructor(worked: Callable) {
    this.call = (error, result) => {
      const { item } = this;
      this.item = undefined;
      item?.queue.ends(item, error ? 'failed' : 'done');
      return worked(error, result);
    };
  }

  static of(worked: Callable): Worked {
    const found = Hidden.get(worked);
    if (found instanceof Worked) return found;
    const made = new Worked(worked);
    Hidden.set(worked, made);
    return made;
  }
}

class FollowedFastQueue extends FollowedQueue {
  readonly #waiting = new ItemDeque();
  #queue: FastQueue | undefined;
  #tracking: TrackedQueue | undefined;
  #concurrency = 0;
  /** A task is being pushed, and the worker is to be called for it at once. */
  #isDirect = false;

  constructor(tracker: QueueTracker) {
    super(tracker, LIBRARY, 'task_queue');
  }

  follow(queue: FastQueue): void {
    this.#queue = queue;
    replaceAll(queue, {
      push: (original) => this.#insert(original, false),
      unshift: (original) => this.#insert(original, true),
      kill: (original) => this.#drop(original),
      killAndDrain: (original) => this.#drop(original),
      abort: (original) => this.#drop(original),
    });
  }

  /** The worker is called: for which item, if for one that is followed. */
  begins(): QueueItem | undefined {
    if (this.#isDirect) {
      this.#isDirect = false;
      return this.isOff ? undefined : this.#tracking?.starts();
    }
    const item = this.#waiting.shift();
    item?.queue.begins(item);
    return item;
  }

  #insert(original: Method, isAtFront: boolean): Method {
    const followed = this;
    return function (this: object, value: unknown, done: unknown): unknown {
      const queue = followed.#queue as FastQueue;
      const { concurrency } = queue;
      const tracked = (followed.#tracking ??= followed.of(queue));
      if (concurrency !== followed.#concurrency) {
        followed.#concurrency = concurrency;
        followed.setConcurrency(concurrency);
      }
      /* What the library itself looks at: whoever has to wait stands in its list before anybody is told. */
      if (queue.running() >= concurrency || queue.paused) {
        const item = followed.isOff ? undefined : tracked.arrives();
        if (isAtFront) followed.#waiting.unshift(item);
        else followed.#waiting.push(item);
        return original.call(this, value, done);
      }
      followed.#isDirect = true;
      return original.call(this, value, done);
    };
  }

  #drop(original: Method): Method {
    const followed = this;
    return function (this: object, ...args: unknown[]): unknown {
      followed.#waiting.clear();
      followed.tracked?.cleared();
      return Reflect.apply(original, this, args);
    };
  }
}

function withCallback(followed: FollowedFastQueue, worker: Callable): Method {
  return function (this: object, value: unknown, worked: unknown): unknown {
    const item = followed.begins();
    if (item === undefined) return worker.call(this, value, worked);
    const end = Worked.of(worked as Callable);
    end.item = item;
    return worker.call(this, value, end.call);
  };
}

function withPromise(followed: FollowedFastQueue, worker: Callable): Method {
  return function (this: object, value: unknown): unknown {
    const item = followed.begins();
    if (item === undefined) return worker.call(this, value);
    let result: unknown;
    try {
      result = worker.call(this, value);
    } catch (error) {
      item.queue.ends(item, 'failed');
      throw error;
    }
    return whenSettled(result, (isFailed) => item.queue.ends(item, isFailed ? 'failed' : 'done'));
  };
}

type Wrap = (followed: FollowedFastQueue, worker: Callable) => Method;

/** A function that makes queues: of a worker, or of its context and that. */
function factory(original: Callable, tracker: QueueTracker, wrap: Wrap): Callable {
  return function make(...args: unknown[]): unknown {
    const at = typeof args[0] === 'function' ? 0 : 1;
    const worker = args[at];
    if (typeof worker !== 'function') return original(...args);
    const followed = new FollowedFastQueue(tracker);
    args[at] = wrap(followed, worker as Callable);
    const queue = original(...args) as FastQueue;
    followed.follow(queue);
    return queue;
  };
}

export const patchFastq: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) =>
  replaceDeclared(declared, 'fastq', (original) => {
    const made = factory(original, tracker, withCallback);
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(original)))
      if (!Object.hasOwn(made, name)) Object.defineProperty(made, name, property);
    replaceDeclared(made as unknown as Declared, 'promise', (promise) => factory(promise, tracker, withPromise));
    return made;
  });
