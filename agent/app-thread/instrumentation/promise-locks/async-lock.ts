/**
 * async-lock: keyed locks. The class is the key without its numbers and ids, the instance the key; a library's own key has no meaning beyond its `AsyncLock`.
 *
 * Runs on application threads, when the package is first loaded. The library is always asked by callback, which it calls where it would settle its own promise:
 * the promise given back is settled in the same moment, and nobody else's handler hangs on it.
 */
import { classNameOf } from '../../async-locks/class-name.ts';
import { Hidden } from '../../async-locks/hidden.ts';
import { followConstruction, Subject } from '../../async-locks/subject.ts';
import type { Hold, TrackedLock, Wait } from '../../async-locks/tracked-lock.ts';
import { type LockTracker, PROMISE_LOCKS } from '../../async-locks/tracker.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, once, type Patch, replaceAll } from '../patch.ts';

const LIBRARY = 'async-lock';
/** Keys that are kept for that. */
const MAX_ORDERED = 1000;

interface AsyncLockLike {
  readonly Promise: PromiseConstructor;
  readonly timeout?: number;
  readonly queues: Record<string, unknown>;
}

interface Options {
  readonly timeout?: number;
}

type Done = (error?: unknown, value?: unknown) => void;

/** The keys of one `AsyncLock` that are in use. */
class Keys {
  readonly #subject: Subject;
  readonly #tracker: LockTracker;
  readonly #locks = new Map<string, TrackedLock>();

  constructor(tracker: LockTracker) {
    this.#tracker = tracker;
    this.#subject = new Subject(tracker, LIBRARY);
  }

  lock(key: string): TrackedLock {
    let lock = this.#locks.get(key);
    if (lock === undefined) {
      const lockClass = this.#tracker.classOf(classNameOf(key), 'promise', 'exclusive', this.#subject.name);
      lock = this.#tracker.lock(lockClass, this.#tracker.keyOf(key));
      this.#locks.set(key, lock);
    }
    return lock;
  }

  /** A key that nobody uses is forgotten, as the library forgets it; unless it makes orders with others of its class, and is to be the same lock next time. */
  leave(key: string): void {
    const lock = this.#locks.get(key);
    if (!lock?.isIdle || (lock.isOrdered && this.#locks.size <= MAX_ORDERED)) return;
    this.#locks.delete(key);
  }
}

/** One call of `acquire`: from the request to the end of what ran. */
class Request {
  readonly #keys: Keys;
  readonly #key: string;
  readonly #lock: TrackedLock;
  readonly hold: Hold;
  #wait: Wait | undefined;
  #hasRun = false;

  constructor(keys: Keys, key: string, timeoutMs: number | undefined) {
    this.#keys = keys;
    this.#key = key;
    this.#lock = keys.lock(key);
    this.hold = this.#lock.request(true);
    this.hold.timeoutMs = timeoutMs;
  }

  runs(): void {
    this.#hasRun = true;
    if (this.#wait === undefined) this.#lock.granted(this.hold);
    else this.#lock.grantedAfter(this.#wait);
  }

  /** `acquire` has returned, and nothing has run. */
  returned(isOver: boolean): void {
    if (!this.#hasRun && !isOver) this.#wait = this.#lock.waits(this.hold);
  }

  over(error: unknown): void {
    if (this.#hasRun) this.#lock.released(this.hold);
    else if (this.#wait !== undefined) this.#lock.gaveUp(this.#wait, isTimeout(error) ? 'timeout' : 'aborted');
    else this.#lock.lockClass.aborted();
    this.#keys.leave(this.#key);
  }
}

function isTimeout(error: unknown): boolean {
  return /timed out|Maximum occupation/.test(String((error as Error | undefined)?.message));
}

function acquire(original: Method, tracker: LockTracker): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const [key, run, callback, given] = args;
    const isKey = typeof key === 'string' || typeof key === 'number';
    if (!isKey || typeof run !== 'function' || tracker.isOff(PROMISE_LOCKS) || isReentrant(this, String(key)))
      return Reflect.apply(original, this, args);
    const library = this as unknown as AsyncLockLike;
    let keys = Hidden.get(this);
    if (!(keys instanceof Keys)) Hidden.set(this, (keys = new Keys(tracker)));
    const options = (typeof callback === 'function' ? given : callback) as Options | undefined;
    const request = new Request(keys as Keys, String(key), options?.timeout || library.timeout || undefined);
    let done = callback as Done;
    let promise: unknown;
    if (typeof callback !== 'function') {
      promise = new library.Promise((resolve, reject) => {
        done = (error, value) => {
          const settle: (given: unknown) => void = error ? reject : resolve;
          settle(error || value);
        };
      });
    }
    let isOver = false;
    const over: Done = (error, value) => {
      isOver = true;
      request.over(error);
      done(error, value);
    };
    const result = Reflect.apply(original, this, [key, scoped(tracker, request, run as Callable), over, options]);
    request.returned(isOver);
    return typeof callback === 'function' ? result : promise;
  };
}

/** The same function for the library, which looks at the length of what it is given. */
function scoped(tracker: LockTracker, request: Request, run: Callable): Callable {
  const call = (args: unknown[]): unknown => {
    request.runs();
    const inside = (): unknown => run(...args);
    const { activities } = tracker;
    return activities === undefined ? inside() : activities.runAs(request.hold, inside);
  };
  return run.length === 1 ? (done: unknown) => call([done]) : () => call([]);
}

/** In the domain that holds the key the library runs the function at once: no lock is taken. */
function isReentrant(library: object, key: string): boolean {
  const { domains } = library as { domains?: Record<string, unknown> };
  const { domain } = process as { domain?: unknown };
  return domains !== undefined && domain != null && domains[key] === domain;
}

export const patchAsyncLock: Patch<LockTracker> = (declared: Declared, tracker: LockTracker) => {
  const { AsyncLock } = declared;
  if (typeof AsyncLock !== 'function') return () => {};
  return once(AsyncLock.prototype, (prototype) => {
    const follow = followConstruction(prototype, 'queues', (target) => Hidden.set(target, new Keys(tracker)));
    const replaced = replaceAll(prototype, { acquire: (original) => acquire(original, tracker) });
    return () => {
      replaced();
      follow();
    };
  });
};
