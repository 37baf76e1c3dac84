/**
 * Follows a queue or a pool of connections that no table knows, by the names of its methods.
 *
 * Runs on application threads, when a program asks for it. It never throws into the program; what it was told wrong it says once.
 */
import type { InstrumentQueueOptions } from '../config/instrument-queue-options.ts';
import { createDiag, type Diag } from '../diag.ts';
import { isThenable, whenSettled } from './instrumentation/settled.ts';
import { boundOf, forgetWith } from './queues/followed-queue.ts';
import type { QueueTracker } from './queues/queue-tracker.ts';
import { type QueueItem, TrackedQueue } from './queues/tracked-queue.ts';
import { queueTracker } from './queues/trackers.ts';
import { type Method, replaceMethod } from './replace-method.ts';

type Callable = (...args: unknown[]) => unknown;

const METHODS = ['run', 'acquire', 'release', 'clear'] as const;
const BOUNDS = ['concurrency', 'capacity'] as const;
const NAMES: readonly string[] = ['name', ...METHODS, ...BOUNDS];

class InstrumentedQueue {
  readonly #tracker: QueueTracker;
  readonly #queue: TrackedQueue;
  /** Who has which resource: one that several share has been handed out several times. */
  readonly #loans = new Map<unknown, QueueItem[]>();

  constructor(tracker: QueueTracker, { name, acquire, run }: InstrumentQueueOptions) {
    this.#tracker = tracker;
    const isPool = acquire !== undefined && run === undefined;
    this.#queue = new TrackedQueue(tracker, { name, kind: isPool ? 'connection_pool' : 'task_queue' });
  }

  /** From now on `target`, whose methods were replaced, is there, until the program forgets it. */
  opens(target: object, { concurrency, capacity }: InstrumentQueueOptions): void {
    const limit = boundOf(concurrency);
    this.#queue.setThreads(limit, limit);
    this.#queue.setCapacity(boundOf(capacity));
    forgetWith(target, this.#queue);
  }

  get #isOff(): boolean {
    return this.#tracker.isOff('queues');
  }

  run(original: Method): Method {
    const self = this;
    return function (this: object, ...args: unknown[]): unknown {
      const at = args.findIndex((argument) => typeof argument === 'function');
      if (at < 0 || self.#isOff) return Reflect.apply(original, this, args);
      const item = self.#queue.stands();
      const work = args[at] as Callable;
      args[at] = function (this: unknown, ...given: unknown[]): unknown {
        self.#queue.letIn(item);
        self.#queue.begins(item);
        let result: unknown;
        try {
          result = self.#queue.run(item, () => Reflect.apply(work, this, given));
        } catch (error) {
          self.#queue.ends(item, 'failed');
          throw error;
        }
        return whenSettled(result, (isFailed) => self.#queue.ends(item, isFailed ? 'failed' : 'done'));
      };
      return self.#whenSettled(
        item,
        () => Reflect.apply(original, this, args),
        (value) => value,
      );
    };
  }

  acquire(original: Method, isReleasedByResult: boolean): Method {
    const self = this;
    return function (this: object, ...args: unknown[]): unknown {
      if (self.#isOff) return Reflect.apply(original, this, args);
      const item = self.#queue.stands();
      const handedOut = (resource: unknown): unknown => {
        const isFirst = item.beganNs === 0;
        self.#queue.letIn(item);
        self.#queue.begins(item);
        if (isReleasedByResult) return self.#releaser(item, resource);
        if (isFirst) self.#lends(resource, item);
        return resource;
      };
      return self.#whenSettled(item, () => Reflect.apply(original, this, args), handedOut);
    };
  }

  release(original: Method): Method {
    const self = this;
    return function (this: object, ...args: unknown[]): unknown {
      const [resource] = args;
      const item = self.#returned(resource);
      if (item !== undefined) self.#queue.ends(item, 'done');
      return Reflect.apply(original, this, args);
    };
  }

  clear(original: Method): Method {
    const self = this;
    return function (this: object, ...args: unknown[]): unknown {
      self.#queue.cleared();
      return Reflect.apply(original, this, args);
    };
  }

  #lends(resource: unknown, item: QueueItem): void {
    const lent = this.#loans.get(resource);
    if (lent === undefined) this.#loans.set(resource, [item]);
    else lent.push(item);
  }

  /** Of those who share a resource, the one who has had it for the longest. */
  #returned(resource: unknown): QueueItem | undefined {
    const lent = this.#loans.get(resource);
    const item = lent?.shift();
    if (lent?.length === 0) this.#loans.delete(resource);
    return item;
  }

  #releaser(item: QueueItem, resource: unknown): unknown {
    if (typeof resource !== 'function') {
      this.#queue.ends(item, 'done');
      return resource;
    }
    return (...args: unknown[]): unknown => {
      this.#queue.ends(item, 'done');
      return (resource as Callable)(...args);
    };
  }

  /**
   * What the method gives back; where that is a promise, another one that is settled a microtask later. Somebody else's promise may do nothing before its `then` is
   * called: it stays the object that it is, and its `then` tells.
   */
  #whenSettled(item: QueueItem, call: () => unknown, settled: (value: unknown) => unknown): unknown {
    let result: unknown;
    try {
      result = call();
    } catch (error) {
      this.#queue.turnedAway(item);
      throw error;
    }
    const failed = (): void => this.#queue.gaveUp(item);
    if (result instanceof Promise) {
      this.#queue.letIn(item);
      return result.then(settled, (error: unknown) => {
        failed();
        throw error;
      });
    }
    if (!isThenable(result) || !tellsWhenSettled(result, settled, failed)) return settled(result);
    this.#queue.letIn(item);
    return result;
  }
}

/** Replaces the methods of `queue` itself. Methods that it has not are left out, as long as it has one that puts something in. */
export function instrument(queue: object, options: InstrumentQueueOptions): void {
  const tracker = queueTracker();
  if (tracker === undefined) return;
  const wrong = whatIsWrong(queue, options);
  if (wrong !== undefined) {
    diagOf(tracker).once(wrong).warn(`instrumentQueue: ${wrong}; the queue is not followed`);
    return;
  }
  const instrumented = new InstrumentedQueue(tracker, options);
  const { run, acquire, release, clear } = options;
  const replace = (name: string, make: (original: Method) => Method): void => {
    replaceMethod(queue, name, (original) => {
      const replaced = make(original);
      followed.add(replaced);
      return replaced;
    });
  };
  if (run !== undefined) replace(run, (original) => instrumented.run(original));
  if (acquire !== undefined) {
    replace(acquire, (original) => instrumented.acquire(original, release === undefined));
    if (release !== undefined) replace(release, (original) => instrumented.release(original));
  }
  if (clear !== undefined) replace(clear, (original) => instrumented.clear(original));
  instrumented.opens(queue, options);
}

/** Methods that were replaced. */
const followed = new WeakSet<object>();

/** Replaces the `then` of somebody else's promise. False where that is not possible, or was done before. */
function tellsWhenSettled(promise: object, settled: (value: unknown) => unknown, failed: () => void): boolean {
  if (followed.has(promise)) return false;
  followed.add(promise);
  try {
    replaceMethod(
      promise,
      'then',
      (original) =>
        function (this: object, ...args: unknown[]): unknown {
          const [resolve, reject] = args;
          args[0] = (value: unknown): unknown => {
            const given = settled(value);
            return typeof resolve === 'function' ? (resolve as Callable)(given) : given;
          };
          args[1] = (error: unknown): unknown => {
            failed();
            if (typeof reject === 'function') return (reject as Callable)(error);
            throw error;
          };
          return Reflect.apply(original, this, args);
        },
    );
    return true;
  } catch {
    return false;
  }
}

function whatIsWrong(queue: object, given: InstrumentQueueOptions): string | undefined {
  if ((typeof queue !== 'object' && typeof queue !== 'function') || queue === null) return 'the queue is none';
  const options = given as unknown as Readonly<Record<string, unknown>> | undefined;
  if (typeof options !== 'object' || options === null) return 'its options are none';
  const { name, run, acquire } = options;
  if (typeof name !== 'string' || name === '') return `\`name\` is ${shown(name)}, not a text`;
  const unknown = Object.keys(options).find((option) => !NAMES.includes(option));
  if (unknown !== undefined) return `there is no option \`${unknown}\``;
  if (run === undefined && acquire === undefined) return 'one of `run` and `acquire` is needed';
  for (const option of METHODS) {
    const method = options[option];
    if (method === undefined) continue;
    if (typeof method !== 'string' || typeof Reflect.get(queue, method) !== 'function')
      return `\`${option}\` is ${shown(method)}, not the name of one of its methods`;
    if (followed.has(Reflect.get(queue, method) as object))
      return `\`${option}\` is ${shown(method)}, which is followed already`;
    if (!isReplaceable(queue, method)) return `\`${option}\` is ${shown(method)}, which cannot be replaced`;
  }
  for (const option of BOUNDS) {
    const bound = options[option];
    if (bound !== undefined && boundOf(bound) < 1 && bound !== Number.POSITIVE_INFINITY)
      return `\`${option}\` is ${shown(bound)}, not a number from 1 on`;
  }
  return undefined;
}

function isReplaceable(queue: object, method: string): boolean {
  const own = Object.getOwnPropertyDescriptor(queue, method);
  return own === undefined ? Object.isExtensible(queue) : own.configurable === true;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  return typeof value === 'number' || value === undefined || value === null ? String(value) : typeof value;
}

const voices = new WeakMap<QueueTracker, Diag>();

function diagOf(tracker: QueueTracker): Diag {
  let diag = voices.get(tracker);
  if (diag === undefined) voices.set(tracker, (diag = createDiag(tracker.config.log)));
  return diag;
}
