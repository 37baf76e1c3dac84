/**
 * An object of a library that is a queue or a connection pool: followed from its construction, named after the place of it. What is followed costs the library
 * nothing before the queue is first used.
 *
 * Runs on application threads.
 */
import type { QueueKind } from '../../shared-memory/queue-cells.ts';
import { Hidden } from '../async-locks/hidden.ts';
import type { Trace } from '../call-site.ts';
import type { QueueTracker } from './queue-tracker.ts';
import { TrackedQueue } from './tracked-queue.ts';

/** What is told of queues whose objects are collected as garbage: what they had is taken off. It holds no such object, nor what was borrowed from it. */
const collected = new FinalizationRegistry<TrackedQueue>((tracked) => tracked.vanished());

/** Takes off what `tracked` has when the program has forgotten `target`. */
export function forgetWith(target: object, tracked: TrackedQueue): void {
  collected.register(target, tracked);
}

export class FollowedQueue {
  readonly tracker: QueueTracker;
  readonly #library: string;
  readonly #kind: QueueKind;
  #trace: Trace | undefined;
  #tracked: TrackedQueue | undefined;

  constructor(tracker: QueueTracker, library: string, kind: QueueKind) {
    this.tracker = tracker;
    this.#library = library;
    this.#kind = kind;
    this.#trace = tracker.traceOfMaking();
  }

  get isOff(): boolean {
    return this.tracker.isOff('queues');
  }

  /** What is told of its items. `target` is the library's object. */
  of(target: object): TrackedQueue {
    return this.#tracked ?? this.#open(target);
  }

  /** Undefined as long as it was not used. */
  get tracked(): TrackedQueue | undefined {
    return this.#tracked;
  }

  /** So many items may be in service at once; any other number than a positive one means that there is no bound. */
  setConcurrency(concurrency: unknown): void {
    const limit = boundOf(concurrency);
    this.#tracked?.setThreads(limit, limit);
  }

  #open(target: object): TrackedQueue {
    const name = this.tracker.nameOf(this.#library, this.#trace);
    this.#trace = undefined;
    const tracked = new TrackedQueue(this.tracker, { name, kind: this.#kind });
    this.#tracked = tracked;
    forgetWith(target, tracked);
    return tracked;
  }
}

/** A number that a program gave for a bound, as the agent tells it: 0 where there is none. */
export function boundOf(value: unknown): number {
  return typeof value === 'number' && value > 0 && value < 0x7fffffff ? Math.trunc(value) : 0;
}

/** An object as a queue of this class, made now if its construction was not seen. */
export function followedQueue<T extends FollowedQueue>(
  target: object,
  kind: abstract new (...args: never[]) => T,
  make: () => T,
): T {
  const found = Hidden.get(target);
  if (found instanceof kind) return found;
  const made = make();
  Hidden.set(target, made);
  return made;
}
