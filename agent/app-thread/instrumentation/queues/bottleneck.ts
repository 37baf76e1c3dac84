/**
 * bottleneck: jobs that run when the limiter lets them.
 *
 * Runs on application threads, when the package is first loaded. A job says of itself what becomes of it: received, queued, executed, dropped, done. Between the
 * first two the limiter may refuse it.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { followConstruction } from '../../async-locks/subject.ts';
import { boundOf, FollowedQueue, followedQueue } from '../../queues/followed-queue.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type Declared, once, type Patch, replaceAll } from '../patch.ts';

const LIBRARY = 'bottleneck';

interface Limiter {
  readonly _store?: { readonly storeOptions?: { readonly maxConcurrent?: unknown; readonly highWater?: unknown } };
}

/** What becomes of one job. */
class FollowedJob {
  readonly item: QueueItem;
  outcome: 'done' | 'failed' | 'aborted' = 'done';

  constructor(item: QueueItem) {
    this.item = item;
  }
}

function jobOf(job: object): FollowedJob | undefined {
  const found = Hidden.get(job);
  return found instanceof FollowedJob ? found : undefined;
}

/** Calls the original once the job has been told of it. */
function after(original: Method, tell: (job: FollowedJob) => void): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const job = jobOf(this);
    if (job !== undefined) tell(job);
    return Reflect.apply(original, this, args);
  };
}

function patchJob(prototype: object): () => void {
  return replaceAll(prototype, {
    doQueue: (original) => after(original, (job) => job.item.queue.letIn(job.item)),
    doExecute: (original) =>
      function (this: object, ...args: unknown[]): unknown {
        const job = jobOf(this);
        const call = (): unknown => Reflect.apply(original, this, args);
        if (job === undefined) return call();
        job.outcome = 'done';
        job.item.queue.begins(job.item);
        return job.item.queue.run(job.item, call);
      },
    doExpire: (original) =>
      after(original, (job) => {
        job.outcome = 'aborted';
      }),
    _onFailure: (original) =>
      after(original, (job) => {
        if (job.outcome === 'done') job.outcome = 'failed';
      }),
    doDone: (original) => after(original, (job) => job.item.queue.ends(job.item, job.outcome)),
    doDrop: (original) =>
      function (this: object, ...args: unknown[]): unknown {
        const isDropped = Reflect.apply(original, this, args);
        const job = jobOf(this);
        if (job === undefined || isDropped !== true) return isDropped;
        if (job.item.isIn) job.item.queue.gaveUp(job.item);
        else job.item.queue.turnedAway(job.item);
        return isDropped;
      },
  });
}

function patchLimiter(prototype: object, tracker: QueueTracker): () => void {
  const make = (): FollowedQueue => new FollowedQueue(tracker, LIBRARY, 'task_queue');
  const follow = followConstruction(prototype, '_queues', (target) => Hidden.set(target, make()));
  const replaced = replaceAll(prototype, {
    _receive: (original) => receive(original, make),
    stop: (original) =>
      function (this: object, ...args: unknown[]): unknown {
        const result = stopping(this, () => Reflect.apply(original, this, args));
        /* From now on the limiter refuses by a method of its own. */
        if (Object.hasOwn(this, '_receive')) replaceAll(this, { _receive: (own) => refuse(own, make) });
        return result;
      },
  });
  return () => {
    replaced();
    follow();
  };
}

/** A limiter that is being stopped, which hands a job of its own to itself. */
let isStopping: object | undefined;

function stopping<T>(limiter: object, stop: () => T): T {
  isStopping = limiter;
  try {
    return stop();
  } finally {
    isStopping = undefined;
  }
}

function receive(original: Method, make: () => FollowedQueue): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const followed = followedQueue(this, FollowedQueue, make);
    const [job] = args;
    const isFollowed = typeof job === 'object' && job !== null && isStopping !== this;
    if (!isFollowed || followed.isOff) return Reflect.apply(original, this, args);
    const tracked = followed.of(this);
    const { storeOptions } = (this as Limiter)._store ?? {};
    followed.setConcurrency(storeOptions?.maxConcurrent);
    tracked.setCapacity(boundOf(storeOptions?.highWater));
    const item = tracked.stands();
    Hidden.set(job, new FollowedJob(item));
    const isTaken = Reflect.apply(original, this, args);
    /* There is a job with its id already. */
    if (isTaken === false) tracked.turnedAway(item);
    return isTaken;
  };
}

function refuse(original: Method, make: () => FollowedQueue): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const followed = followedQueue(this, FollowedQueue, make);
    if (!followed.isOff) followed.of(this).refused();
    return Reflect.apply(original, this, args);
  };
}

export const patchBottleneck: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) => {
  const prototypeOf = (name: string): unknown => (declared[name] as { prototype?: unknown } | undefined)?.prototype;
  const undo = [
    once(prototypeOf('Bottleneck'), (prototype) => patchLimiter(prototype, tracker)),
    once(prototypeOf('Job'), patchJob),
  ];
  return () => {
    for (const step of undo) step();
  };
};
