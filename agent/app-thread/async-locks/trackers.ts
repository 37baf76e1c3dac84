/**
 * The tracker of this thread's asynchronous locks.
 *
 * Runs on application threads.
 */
import { type LockObserver, lockObserver } from '../lock-observer.ts';
import { LockTracker } from './tracker.ts';

const trackers = new WeakMap<LockObserver, LockTracker>();

/** One for each life of the agent; undefined without the agent. */
export function lockTracker(): LockTracker | undefined {
  const observer = lockObserver();
  if (observer === undefined) return undefined;
  let tracker = trackers.get(observer);
  if (tracker === undefined) {
    trackers.set(observer, (tracker = new LockTracker(observer)));
    observer.beforeBlocking(() => tracker?.publish());
  }
  return tracker;
}
