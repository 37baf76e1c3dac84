/**
 * The tracker of this thread's queues.
 *
 * Runs on application threads.
 */
import { findLockLink, type LockRecording } from '../lock-link.ts';
import { QueueTracker } from './queue-tracker.ts';

const trackers = new WeakMap<LockRecording, QueueTracker>();

/** One for each life of the agent; undefined without the agent. */
export function queueTracker(): QueueTracker | undefined {
  const recording = findLockLink()?.recording;
  if (recording === undefined) return undefined;
  let tracker = trackers.get(recording);
  if (tracker === undefined)
    trackers.set(recording, (tracker = new QueueTracker(recording.recorder, recording.config)));
  return tracker;
}
