/**
 * async-sema: `Sema`. Whoever asks gets a token, whoever releases may be somebody else: nobody is sure to hold. `RateLimit`, which takes a `Sema` to count calls
 * and not to exclude anybody, is left alone.
 *
 * Runs on application threads, when the package is first loaded.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { followConstruction, Subject } from '../../async-locks/subject.ts';
import type { TrackedLock, Wait } from '../../async-locks/tracked-lock.ts';
import { type LockTracker, PROMISE_LOCKS } from '../../async-locks/tracker.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, once, type Patch, replaceAll, replaceDeclared } from '../patch.ts';

const LIBRARY = 'async-sema';

interface SemaLike {
  readonly waiting: { readonly length: number };
  readonly free: { readonly length: number };
}

/** One `Sema`: its waits are served in the order in which they began. */
class FollowedSema {
  readonly #subject: Subject;
  readonly waits: Wait[] = [];

  constructor(tracker: LockTracker) {
    this.#subject = new Subject(tracker, LIBRARY);
  }

  get lock(): TrackedLock {
    return this.#subject.lock;
  }
}

function followed(sema: unknown): FollowedSema | undefined {
  const found = Hidden.get(sema);
  return found instanceof FollowedSema ? found : undefined;
}

/** A token that is free is taken by `tryAcquire`, which `acquire` calls as well; before 3.1 there is none, and `acquire` takes it. */
function tryAcquire(original: Method, tracker: LockTracker): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const token = Reflect.apply(original, this, args);
    const lock = token === undefined || tracker.isOff(PROMISE_LOCKS) ? undefined : followed(this)?.lock;
    lock?.granted(lock.request(false));
    return token;
  };
}

function acquire(original: Method, tracker: LockTracker): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const sema = tracker.isOff(PROMISE_LOCKS) ? undefined : followed(this);
    if (sema === undefined) return Reflect.apply(original, this, args);
    const { waiting } = this as unknown as SemaLike;
    const before = waiting.length;
    const promise = Reflect.apply(original, this, args);
    if (waiting.length > before) {
      /* What waits since before the feature was switched on is served first. */
      while (sema.waits.length > before) sema.lock.gaveUp(sema.waits.shift() as Wait, 'aborted');
      if (sema.waits.length === before) sema.waits.push(sema.lock.waits(sema.lock.request(false)));
    } else if (!('tryAcquire' in this)) sema.lock.granted(sema.lock.request(false));
    return promise;
  };
}

function release(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const sema = followed(this);
    if (sema !== undefined) {
      const { lock, waits } = sema;
      const [oldest] = lock.holds;
      if (oldest !== undefined) lock.released(oldest);
      const wait = waits.shift();
      if (wait !== undefined) lock.grantedAfter(wait);
    }
    return Reflect.apply(original, this, args);
  };
}

export const patchAsyncSema: Patch<LockTracker> = (declared: Declared, tracker: LockTracker) => {
  const { Sema } = declared;
  if (typeof Sema !== 'function') return () => {};
  let isRateLimit = false;
  const ofSema = once(Sema.prototype, (prototype) => {
    const follow = followConstruction(prototype, 'nrTokens', (target) => {
      if (!isRateLimit) Hidden.set(target, new FollowedSema(tracker));
    });
    const replaced = replaceAll(prototype, {
      acquire: (original) => acquire(original, tracker),
      tryAcquire: (original) => tryAcquire(original, tracker),
      release: (original) => release(original),
    });
    return () => {
      replaced();
      follow();
    };
  });
  const rateLimit = replaceDeclared(declared, 'RateLimit', (original: Callable) => (...args) => {
    isRateLimit = true;
    try {
      return original(...args);
    } finally {
      isRateLimit = false;
    }
  });
  return () => {
    ofSema();
    rateLimit();
  };
};
