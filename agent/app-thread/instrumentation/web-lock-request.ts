/**
 * One request for a Web Lock: who waits for it, and who holds it, until its promise is settled. A name is one lock for all threads of the process, so a hold is
 * published at once: who waits for it may be on another thread.
 *
 * Runs on application threads, with the first Web Lock. What `request` gives back is settled one microtask later than Node's own promise.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import { classNameOf } from '../async-locks/class-name.ts';
import { type Hold, type TrackedLock, type Wait, WHENEVER_MS } from '../async-locks/tracked-lock.ts';
import type { LockTracker } from '../async-locks/tracker.ts';
import { lockTracker } from '../async-locks/trackers.ts';
import type { Method } from '../replace-method.ts';

/** Also a free lock is given in a later turn: one that took less counts as free, if this thread knows of nobody in its way. */
const CONTENDED_NS = 1e6;

interface Options {
  readonly mode?: unknown;
  readonly ifAvailable?: unknown;
  readonly steal?: unknown;
  readonly signal?: unknown;
}

type Callback = (lock: unknown) => unknown;

/** The locks of this thread that are in use, by mode and name. */
const inUse = new Map<string, TrackedLock>();

function lockNamed(tracker: LockTracker, name: string, mode: LockMode): TrackedLock {
  const key = `${mode} ${name}`;
  let lock = inUse.get(key);
  if (lock === undefined) {
    lock = tracker.lock(tracker.classOf(classNameOf(name), 'web_lock', mode), tracker.instanceOf(name), true, mode);
    inUse.set(key, lock);
  }
  return lock;
}

class WebLockRequest {
  readonly #tracker: LockTracker;
  readonly #key: string;
  readonly #lock: TrackedLock;
  readonly #hold: Hold;
  readonly #wait: Wait | undefined;
  readonly #isContended: boolean;
  #isHeld = false;

  constructor(tracker: LockTracker, name: string, mode: LockMode, { ifAvailable, steal, signal }: Options) {
    const mayWait = ifAvailable !== true && steal !== true;
    this.#tracker = tracker;
    this.#key = `${mode} ${name}`;
    this.#isContended = isInTheWay(name, mode);
    this.#lock = lockNamed(tracker, name, mode);
    this.#hold = this.#lock.request(true);
    if (!mayWait) this.#hold.timeoutMs = 0;
    else if (signal !== undefined) this.#hold.timeoutMs = WHENEVER_MS;
    this.#wait = mayWait ? this.#lock.waits(this.#hold) : undefined;
  }

  /** Null is for a lock that was not available. */
  given(callback: Callback, lock: unknown): unknown {
    if (lock === null) return callback(lock);
    this.#isHeld = true;
    if (this.#wait === undefined) this.#lock.granted(this.#hold);
    else this.#lock.grantedAfter(this.#wait, this.#isContended ? 0 : CONTENDED_NS);
    const { activities } = this.#tracker;
    return activities === undefined ? callback(lock) : activities.runAs(this.#hold, () => callback(lock));
  }

  async until(promise: Promise<unknown>): Promise<unknown> {
    try {
      return await promise;
    } finally {
      if (this.#isHeld) this.#lock.released(this.#hold);
      else if (this.#wait !== undefined) this.#lock.gaveUp(this.#wait, 'aborted');
      if (this.#lock.isIdle) inUse.delete(this.#key);
    }
  }
}

/** Whether somebody on this thread holds, or waits for, what the request must wait for. */
function isInTheWay(name: string, mode: LockMode): boolean {
  const exclusive = inUse.get(`exclusive ${name}`);
  const shared = inUse.get(`shared ${name}`);
  if (exclusive !== undefined && !exclusive.isIdle) return true;
  return shared !== undefined && (shared.isWaitedFor || (mode === 'exclusive' && shared.holds.length > 0));
}

/** `request(name, callback)` or `request(name, options, callback)`. What is not understood is Node's to refuse. */
export function requestWebLock(original: Method, manager: object, args: unknown[]): unknown {
  const tracker = lockTracker();
  const [name, second, third] = args;
  const callback = third ?? second;
  if (tracker === undefined || typeof name !== 'string' || typeof callback !== 'function' || args.length > 3)
    return Reflect.apply(original, manager, args);
  const options = third === undefined ? {} : optionsOf(second);
  const mode = options.mode === 'shared' ? 'shared' : 'exclusive';
  const request = new WebLockRequest(tracker, name, mode, options);
  const scoped = (lock: unknown): unknown => request.given(callback as Callback, lock);
  const observed = third === undefined ? [name, scoped] : [name, second, scoped];
  return request.until(Reflect.apply(original, manager, observed) as Promise<unknown>);
}

/** Plain properties only: a getter of the program's is Node's to call, once. */
function optionsOf(given: unknown): Options {
  if (typeof given !== 'object' || given === null) return {};
  const valueOf = (name: string): unknown => Object.getOwnPropertyDescriptor(given, name)?.value;
  return {
    mode: valueOf('mode'),
    ifAvailable: valueOf('ifAvailable'),
    steal: valueOf('steal'),
    signal: valueOf('signal'),
  };
}
