/**
 * async-mutex: `Semaphore`, on which `Mutex` stands, and `withTimeout`, on which `tryAcquire` does.
 *
 * Runs on application threads, when the package is first loaded. What the library returns, and when, stays as it is: its own code runs, what is told beside it.
 * Its `acquire` is entered in the turn of the caller, also from its `runExclusive`, so what is asked for stands in a variable for the length of a call.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { followConstruction, Subject, subjectOf } from '../../async-locks/subject.ts';
import { Timeout } from '../../async-locks/timeout.ts';
import { Hold, type TrackedLock, Wait } from '../../async-locks/tracked-lock.ts';
import { type LockTracker, PROMISE_LOCKS } from '../../async-locks/tracker.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, once, type Patch, replaceAll, replaceDeclared } from '../patch.ts';

const LIBRARY = 'async-mutex';

interface SemaphoreLike {
  _queue: object[];
  /** Set before the queue is. */
  readonly _value: number;
}

/** Nobody's: what the library has taken for somebody who gave up, and releases at once. */
const NOBODY = Symbol('nobody');

class AsyncMutexPatch {
  readonly #tracker: LockTracker;
  /** What `runExclusive` asks for, until `acquire` does so. */
  #asked: Hold | undefined;
  /** What `acquire` asks for, until it is granted or stands in the queue. */
  #granting: Hold | undefined;
  #dispatched: Hold | typeof NOBODY = NOBODY;
  /** Whose releaser was called; undefined for a bare `release`. */
  #releasing: Hold | typeof NOBODY | undefined;
  /** When the library gives up what `acquire` asks for. */
  #timeout: Timeout | undefined;
  #undoSeveral: (() => void) | undefined;

  constructor(tracker: LockTracker) {
    this.#tracker = tracker;
  }

  semaphore(prototype: object): () => void {
    const tracker = this.#tracker;
    const follow = followConstruction(prototype, '_queue', (target) => {
      const hasOne = (target as SemaphoreLike)._value === 1;
      if (!hasOne) this.#followSeveral(prototype);
      Hidden.set(target, new Subject(tracker, LIBRARY, hasOne));
    });
    const replaced = replaceAll(prototype, {
      acquire: (original) => this.#acquire(original, prototype),
      runExclusive: (original) => this.#runExclusive(original),
      release: (original) => this.#release(original),
      setValue: (original) => this.#setValue(original, prototype),
      cancel: (original) => cancelled(original),
    });
    return () => {
      this.#undoSeveral?.();
      replaced();
      follow();
    };
  }

  /** What tells several holders apart costs a mutex as much as all the rest together: it is put in place with the first semaphore of more than one. */
  #followSeveral(prototype: object): void {
    this.#undoSeveral ??= replaceAll(prototype, {
      _dispatchItem: (original) => this.#dispatch(original),
      _newReleaser: (original) => this.#newReleaser(original),
    });
  }

  /** From now on more than one may hold it. */
  #setValue(original: Method, prototype: object): Method {
    const patch = this;
    return function (this: object, value: unknown): unknown {
      const subject = Hidden.get(this);
      if (subject instanceof Subject) subject.isExclusive = false;
      patch.#followSeveral(prototype);
      return original.call(this, value);
    };
  }

  #acquire(original: Method, prototype: object): Method {
    const patch = this;
    const tracker = this.#tracker;
    return function (this: object, weight: unknown, priority: unknown): unknown {
      const asked = patch.#asked;
      patch.#asked = undefined;
      const subject = tracker.isOff(PROMISE_LOCKS) ? undefined : subjectOf(tracker, this, LIBRARY);
      if (subject === undefined) return original.call(this, weight, priority);
      const { lock } = subject;
      const hold = asked !== undefined && asked.lock === lock ? asked : lock.request(false);
      if (patch.#timeout !== undefined) hold.timeoutMs = patch.#timeout.timeoutMs;
      const { _queue: queue } = this as unknown as SemaphoreLike;
      const before = queue.length;
      if (subject.isExclusive) {
        const promise = original.call(this, weight, priority);
        if (queue.length > before) patch.#waits(lock, hold, queue);
        else lock.granted(hold);
        return promise;
      }
      patch.#followSeveral(prototype);
      patch.#granting = hold;
      try {
        return original.call(this, weight, priority);
      } finally {
        patch.#granting = undefined;
        if (queue.length > before) patch.#waits(lock, hold, queue);
      }
    };
  }

  /** What was asked for stands in the queue: at its end, or before what has less priority. */
  #waits(lock: TrackedLock, hold: Hold, queue: readonly object[]): void {
    const wait = lock.waits(hold);
    let at = queue.length - 1;
    while (at > 0 && Hidden.get(queue[at]) !== undefined) at--;
    Hidden.set(queue[at] as object, wait);
    this.#timeout?.begins(wait);
  }

  #runExclusive(original: Method): Method {
    const patch = this;
    const tracker = this.#tracker;
    return function (this: object, callback: unknown, weight: unknown, priority: unknown): unknown {
      const isPlain = typeof callback !== 'function' || tracker.isOff(PROMISE_LOCKS);
      const lock = isPlain ? undefined : subjectOf(tracker, this, LIBRARY)?.lock;
      if (lock === undefined) return original.call(this, callback, weight, priority);
      const hold = lock.request(true);
      patch.#asked = hold;
      try {
        return original.call(this, patch.#scoped(hold, callback as Callable), weight, priority);
      } finally {
        patch.#asked = undefined;
      }
    };
  }

  /** The callback is called in a microtask of the library's own. */
  #scoped(hold: Hold, callback: Callable): Callable {
    const { activities } = this.#tracker;
    if (!hold.isCertain || activities === undefined) return callback;
    return (value) => {
      activities.enter(hold);
      return value === undefined ? callback() : callback(value);
    };
  }

  #dispatch(original: Method): Method {
    const patch = this;
    const tracker = this.#tracker;
    return function (this: object, item: unknown): unknown {
      if (isExclusive(this)) return original.call(this, item);
      const granting = patch.#granting;
      const lock = granting?.lock ?? subjectOf(tracker, this, LIBRARY)?.lock;
      if (lock === undefined) return original.call(this, item);
      const before = patch.#dispatched;
      patch.#dispatched = NOBODY;
      patch.#granting = undefined;
      if (granting !== undefined) {
        lock.granted(granting);
        patch.#dispatched = granting;
      } else if (lock.isWaitedFor) {
        const wait = Hidden.get(item);
        if (wait instanceof Wait && lock.grantedAfter(wait)) patch.#dispatched = wait.hold;
      }
      try {
        return original.call(this, item);
      } finally {
        patch.#dispatched = before;
      }
    };
  }

  /** Of a mutex the one holder releases, whoever calls; of a semaphore each has a releaser. */
  #newReleaser(original: Method): Method {
    const patch = this;
    return function (this: object, weight: unknown): unknown {
      const release = original.call(this, weight) as () => void;
      if (isExclusive(this)) return release;
      const hold = patch.#dispatched;
      return () => {
        patch.#releasing = hold;
        try {
          release();
        } finally {
          patch.#releasing = undefined;
        }
      };
    };
  }

  #release(original: Method): Method {
    const patch = this;
    const tracker = this.#tracker;
    return function (this: object, weight: unknown): unknown {
      const subject = subjectOf(tracker, this, LIBRARY);
      const hold = patch.#releasing ?? subject?.lock.holds[0];
      patch.#releasing = undefined;
      if (hold instanceof Hold && !((weight as number) <= 0)) hold.lock.released(hold);
      if (subject === undefined || !subject.isExclusive || !subject.lock.isWaitedFor)
        return original.call(this, weight);
      const { _queue: queue } = this as unknown as SemaphoreLike;
      const [first] = queue;
      const result = original.call(this, weight);
      const wait = queue[0] === first ? undefined : Hidden.get(first);
      if (wait instanceof Wait) subject.lock.grantedAfter(wait);
      return result;
    };
  }

  /** `withTimeout` gives back an object that asks, and gives up on a timer of its own. */
  withTimeout(original: Callable): Callable {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const made = Reflect.apply(original, this, args) as object;
      const [sync, timeoutMs] = args as [{ _semaphore?: object }, unknown];
      const target = Hidden.get(sync) === undefined ? sync._semaphore : sync;
      if (target === undefined || !(Hidden.get(target) instanceof Subject)) return made;
      Hidden.set(made, Hidden.get(target));
      replaceAll(made, {
        acquire: (acquire) => patch.#timedAcquire(acquire, target as SemaphoreLike, Number(timeoutMs)),
        runExclusive: (runExclusive) => patch.#runExclusive(runExclusive),
      });
      return made;
    };
  }

  #timedAcquire(original: Method, target: SemaphoreLike, timeoutMs: number): Method {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const before = patch.#timeout;
      if (before !== undefined && before.timeoutMs <= timeoutMs) return Reflect.apply(original, this, args);
      const own = new Timeout(timeoutMs, !(target._value > 0));
      patch.#timeout = own;
      try {
        return Reflect.apply(original, this, args);
      } finally {
        patch.#timeout = before;
        own.isAsked();
      }
    };
  }
}

/** Of a mutex nobody but its one holder can release it. */
function isExclusive(semaphore: object): boolean {
  const subject = Hidden.get(semaphore);
  return subject instanceof Subject && subject.isExclusive;
}

/** `cancel` rejects all that wait, and puts another queue in the place of theirs. */
function cancelled(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const { _queue: queue } = this as unknown as SemaphoreLike;
    const result = Reflect.apply(original, this, args);
    for (const item of queue) {
      const wait = Hidden.get(item);
      if (wait instanceof Wait) wait.hold.lock.gaveUp(wait, 'aborted');
    }
    return result;
  };
}

/** One a thread: `withTimeout` and `Semaphore` stand in different files, and know of each other by it. */
const patches = new WeakMap<LockTracker, AsyncMutexPatch>();

export const patchAsyncMutex: Patch<LockTracker> = (declared: Declared, tracker: LockTracker) => {
  const patch = patches.get(tracker) ?? new AsyncMutexPatch(tracker);
  patches.set(tracker, patch);
  const undo: (() => void)[] = [];
  const { Semaphore } = declared;
  if (typeof Semaphore === 'function') undo.push(once(Semaphore.prototype, (prototype) => patch.semaphore(prototype)));
  if ('withTimeout' in declared)
    undo.push(replaceDeclared(declared, 'withTimeout', (original) => patch.withTimeout(original)));
  return () => {
    for (const step of undo) step();
  };
};
