/**
 * A pool of workers that is followed: its queue, and the worker threads it has.
 *
 * Runs on application threads, from the construction of a pool on. It must never throw.
 */
import { shownPath } from '../../../file-path.ts';
import { Hidden } from '../../async-locks/hidden.ts';
import { callSiteOf } from '../../call-site.ts';
import { findMessageLink } from '../../message-link.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import { type QueueItem, TrackedQueue } from '../../queues/tracked-queue.ts';

interface FollowedPoolOptions {
  readonly library: string;
  /** The file of its workers; of a pool whose tasks name theirs, undefined. */
  readonly file: string | undefined;
  /** What the program has called: a pool without a file is named after the place of the call. */
  readonly callee: (...args: never[]) => unknown;
}

export class FollowedPool {
  readonly #tracker: QueueTracker;
  readonly queue: TrackedQueue;
  #threads = 0;
  #limit = 0;
  #capacity = 0;

  constructor(tracker: QueueTracker, { library, file, callee }: FollowedPoolOptions) {
    this.#tracker = tracker;
    this.queue = new TrackedQueue(tracker, { name: nameOf(library, file, callee), kind: 'pool' });
  }

  get isOff(): boolean {
    return this.#tracker.isOff('pools');
  }

  /** How many workers there are, how many there may be, and how many tasks may wait; Infinity where there is no bound. */
  tell(threads: number, limit: number, capacity: number): void {
    if (threads === this.#threads && limit === this.#limit && capacity === this.#capacity) return;
    this.#threads = threads;
    this.#limit = limit;
    this.#capacity = capacity;
    this.queue.setThreads(threads, countOf(limit));
    this.queue.setCapacity(countOf(capacity));
  }

  /** It has no workers any more; one that is used again tells anew. */
  close(): void {
    this.#threads = this.#limit = this.#capacity = 0;
    this.queue.close();
  }

  /** Calls what posts a task to its worker: the work is part of the task. */
  post<T>(item: QueueItem | undefined, fn: () => T): T {
    const link = item === undefined ? undefined : findMessageLink();
    return link === undefined ? fn() : link.postAs(this.queue.contextOf(item as QueueItem), fn);
  }
}

/** A library's pool, followed from the first thing it does. `file` is whatever the library has for the file of its workers. */
export function followedPool(
  target: object,
  tracker: QueueTracker,
  library: string,
  file: unknown,
  callee: FollowedPoolOptions['callee'],
): FollowedPool {
  const found = Hidden.get(target);
  if (found instanceof FollowedPool) return found;
  const made = new FollowedPool(tracker, { library, file: typeof file === 'string' ? file : undefined, callee });
  Hidden.set(target, made);
  return made;
}

/** What a library counts may be anything that a program has given it. */
function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 && value < 2 ** 31 ? Math.ceil(value) : 0;
}

function nameOf(library: string, file: string | undefined, callee: FollowedPoolOptions['callee']): string {
  const folder = workingFolder();
  const place = file === undefined ? callSiteOf(callee, folder, true) : shownPath(file, folder);
  return place === '' ? library : `${library}@${place}`;
}

/** '' where it was removed. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '';
  }
}

/** Node's `threadId` of what may be a worker thread, or a child process; -1 where it is none, or has ended. */
export function threadIdOf(worker: unknown): number {
  const threadId = typeof worker === 'object' && worker !== null ? Reflect.get(worker, 'threadId') : undefined;
  return typeof threadId === 'number' ? threadId : -1;
}
