/**
 * p-limit: a semaphore of n whose holders are the tasks.
 *
 * Runs on application threads, when the package is first loaded. A limit is a function that the library makes; in its place stands another one with the same
 * properties, whose tasks say when they begin and end. The library begins a task in a microtask of its own, never in the turn of the caller.
 */
import { Subject } from '../../async-locks/subject.ts';
import type { Hold, TrackedLock, Wait } from '../../async-locks/tracked-lock.ts';
import { type LockTracker, PROMISE_LOCKS } from '../../async-locks/tracker.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, type Patch, replaceDeclared } from '../patch.ts';
import { whenSettled } from '../settled.ts';

const LIBRARY = 'p-limit';

interface Limit extends Callable {
  readonly activeCount: number;
  readonly pendingCount: number;
  /** From 6 on; before, it is what the limit was made with. */
  readonly concurrency?: number;
}

/** One limit. */
class Limiter {
  readonly #tracker: LockTracker;
  readonly #limit: Limit;
  readonly #concurrency: number;
  readonly #lock: TrackedLock;
  readonly #waits = new Set<Wait>();

  constructor(tracker: LockTracker, limit: Limit, concurrency: number) {
    this.#tracker = tracker;
    this.#limit = limit;
    this.#concurrency = concurrency;
    this.#lock = new Subject(tracker, LIBRARY).lock;
  }

  /** How many more tasks could begin at once. */
  get room(): number {
    const { activeCount, pendingCount, concurrency = this.#concurrency } = this.#limit;
    return concurrency - activeCount - pendingCount;
  }

  /** A task that is about to be handed to the library. */
  task(run: Callable, hasRoom: boolean): Callable {
    const hold = this.#lock.request(true);
    const wait = hasRoom ? undefined : this.#lock.waits(hold);
    if (wait !== undefined) this.#waits.add(wait);
    return (...args) => {
      this.#begins(hold, wait);
      let result: unknown;
      try {
        result = run(...args);
      } catch (error) {
        this.#lock.released(hold);
        throw error;
      }
      return whenSettled(result, () => this.#lock.released(hold));
    };
  }

  cleared(): void {
    for (const wait of this.#waits) this.#lock.gaveUp(wait, 'aborted');
    this.#waits.clear();
  }

  #begins(hold: Hold, wait: Wait | undefined): void {
    if (wait === undefined) this.#lock.granted(hold);
    else if (this.#waits.delete(wait)) this.#lock.grantedAfter(wait);
    if (hold.isCertain) this.#tracker.activities?.enter(hold);
  }
}

function limitOf(tracker: LockTracker, limit: Limit, concurrency: number): Limit {
  const limiter = new Limiter(tracker, limit, concurrency);
  const observed = (run: unknown, ...args: unknown[]): unknown => {
    if (typeof run !== 'function' || tracker.isOff(PROMISE_LOCKS)) return limit(run, ...args);
    return limit(limiter.task(run as Callable, limiter.room > 0), ...args);
  };
  const properties = Object.getOwnPropertyDescriptors(limit) as Record<string, PropertyDescriptor>;
  const map = properties['map']?.value as Method | undefined;
  if (map !== undefined) {
    /* It hands its tasks over one by one, in the order of their index, without asking `observed`. */
    replaceValue(properties, 'map', function (this: object, iterable: unknown, run: unknown): unknown {
      if (typeof run !== 'function' || !isIterable(iterable) || tracker.isOff(PROMISE_LOCKS))
        return Reflect.apply(map, this, [iterable, run]);
      const tasks: Callable[] = [];
      const items = function* (): Generator {
        for (const item of iterable) {
          tasks.push(limiter.task(run as Callable, limiter.room > 0));
          yield item;
        }
      };
      return Reflect.apply(map, this, [items(), (item: unknown, at: number) => tasks[at]?.(item, at)]);
    });
  }
  const clearQueue = properties['clearQueue']?.value as Method | undefined;
  if (clearQueue !== undefined) {
    replaceValue(properties, 'clearQueue', function (this: object, ...args: unknown[]): unknown {
      limiter.cleared();
      return Reflect.apply(clearQueue, this, args);
    });
  }
  return Object.defineProperties(observed, properties) as unknown as Limit;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, Symbol.iterator) === 'function';
}

function replaceValue(properties: Record<string, PropertyDescriptor>, name: string, value: Method): void {
  const before = properties[name] as PropertyDescriptor;
  const { name: shown, length } = before.value as Method;
  Object.defineProperties(value, {
    name: { value: shown, configurable: true },
    length: { value: length, configurable: true },
  });
  properties[name] = { ...before, value };
}

export const patchPLimit: Patch<LockTracker> = (declared: Declared, tracker: LockTracker) =>
  replaceDeclared(declared, 'pLimit', (original) => {
    const pLimit: Callable = (...args) => {
      const limit = original(...args);
      const [given] = args;
      const concurrency = typeof given === 'object' && given !== null ? Reflect.get(given, 'concurrency') : given;
      return typeof limit === 'function' ? limitOf(tracker, limit as Limit, Number(concurrency)) : limit;
    };
    /* Of CommonJS the function is also its own `default`. */
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(original))) {
      if (!Object.hasOwn(pLimit, name)) Object.defineProperty(pLimit, name, property);
    }
    if (Reflect.get(pLimit, 'default') === original) Reflect.set(pLimit, 'default', pLimit);
    return pLimit;
  });
