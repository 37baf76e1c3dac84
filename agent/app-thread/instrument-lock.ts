/**
 * Follows a promise lock that no table knows, by the names of its methods.
 *
 * Runs on application threads, when a program asks for it.
 */
import type { InstrumentLockOptions } from '../config/instrument-lock-options.ts';
import type { Hold, TrackedLock, Wait } from './async-locks/tracked-lock.ts';
import { type LockTracker, PROMISE_LOCKS } from './async-locks/tracker.ts';
import { lockTracker } from './async-locks/trackers.ts';
import { type Method, replaceMethod } from './replace-method.ts';

type Callable = (...args: unknown[]) => unknown;

class InstrumentedLock {
  readonly #tracker: LockTracker;
  readonly #lock: TrackedLock;
  readonly #permits: number;
  /** Requests that are to be granted without a wait, and are not yet: they too are in the way of the next. */
  #expected = 0;

  constructor(tracker: LockTracker, name: string, permits: number) {
    this.#tracker = tracker;
    this.#lock = tracker.lock(tracker.classOf(name, 'promise'));
    this.#permits = permits;
  }

  acquire(original: Method, isReleasedByResult: boolean): Method {
    const self = this;
    return function (this: object, ...args: unknown[]): unknown {
      if (self.#tracker.isOff(PROMISE_LOCKS)) return Reflect.apply(original, this, args);
      const request = self.#request(false);
      const granted = (value: unknown): unknown => {
        self.#granted(request);
        return isReleasedByResult ? self.#releaser(request.hold, value) : value;
      };
      return self.#whenSettled(() => Reflect.apply(original, this, args), granted, request);
    };
  }

  run(original: Method): Method {
    const self = this;
    return function (this: object, ...args: unknown[]): unknown {
      const at = args.findIndex((argument) => typeof argument === 'function');
      if (at < 0 || self.#tracker.isOff(PROMISE_LOCKS)) return Reflect.apply(original, this, args);
      const request = self.#request(true);
      const callback = args[at] as Callable;
      args[at] = (...given: unknown[]): unknown => {
        self.#granted(request);
        const { activities } = self.#tracker;
        return activities === undefined ? callback(...given) : activities.runAs(request.hold, () => callback(...given));
      };
      const ended = (value: unknown): unknown => {
        self.#lock.released(request.hold);
        return value;
      };
      return self.#whenSettled(() => Reflect.apply(original, this, args), ended, request);
    };
  }

  release(original: Method): Method {
    const self = this;
    return function (this: object, ...args: unknown[]): unknown {
      const [oldest] = self.#lock.holds;
      if (oldest !== undefined) self.#lock.released(oldest);
      return Reflect.apply(original, this, args);
    };
  }

  #request(isScoped: boolean): Request {
    const hold = this.#lock.request(isScoped);
    const mustWait = this.#lock.holds.length + this.#expected >= this.#permits || this.#lock.isWaitedFor;
    if (!mustWait) this.#expected++;
    return { hold, wait: mustWait ? this.#lock.waits(hold) : undefined, isExpected: !mustWait };
  }

  #granted(request: Request): void {
    const { hold, wait } = request;
    this.#expect(request);
    if (wait === undefined) this.#lock.granted(hold);
    else this.#lock.grantedAfter(wait);
  }

  #expect(request: Request): void {
    if (request.isExpected) this.#expected--;
    request.isExpected = false;
  }

  #releaser(hold: Hold, value: unknown): unknown {
    if (typeof value !== 'function') return value;
    return (...args: unknown[]): unknown => {
      this.#lock.released(hold);
      return (value as Callable)(...args);
    };
  }

  /** What the method gives back; where that is a promise, another one that is settled a microtask later. */
  #whenSettled(call: () => unknown, settled: (value: unknown) => unknown, request: Request): unknown {
    const failed = (error: unknown): never => {
      this.#expect(request);
      this.#lock.released(request.hold);
      if (request.wait !== undefined)
        this.#lock.gaveUp(request.wait, /time/i.test(String(error)) ? 'timeout' : 'aborted');
      throw error;
    };
    let result: unknown;
    try {
      result = call();
    } catch (error) {
      return failed(error);
    }
    return result instanceof Promise ? result.then(settled, failed) : settled(result);
  }
}

interface Request {
  readonly hold: Hold;
  readonly wait: Wait | undefined;
  isExpected: boolean;
}

/** Replaces the methods of `lock` itself. Methods that it has not are left out. */
export function instrument(lock: object, options: InstrumentLockOptions): void {
  const tracker = lockTracker();
  if (tracker === undefined) return;
  const { name, acquire = 'acquire', release, run, permits = 1 } = options;
  const instrumented = new InstrumentedLock(tracker, name, permits);
  replaceMethod(lock, acquire, (original) => instrumented.acquire(original, release === undefined));
  if (release !== undefined) replaceMethod(lock, release, (original) => instrumented.release(original));
  if (run !== undefined) replaceMethod(lock, run, (original) => instrumented.run(original));
}
