/**
 * tarn: resources that are borrowed and given back; the connection pool of knex.
 *
 * Runs on application threads, when the package is first loaded. The pool tells its listeners of all that happens to a request, by its number: the method that
 * does so is the one that is followed, so no listener is added.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { followConstruction } from '../../async-locks/subject.ts';
import { boundOf, FollowedQueue, followedQueue } from '../../queues/followed-queue.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import { type Method, replaceMethod } from '../../replace-method.ts';
import { type Declared, once, type Patch } from '../patch.ts';

const LIBRARY = 'tarn';

interface PoolLike {
  readonly max: unknown;
  readonly used: readonly unknown[];
  readonly free: readonly unknown[];
}

class FollowedPool extends FollowedQueue {
  readonly #waiting = new Map<unknown, QueueItem>();
  readonly #loans = new Map<unknown, QueueItem>();

  constructor(tracker: QueueTracker) {
    super(tracker, LIBRARY, 'connection_pool');
  }

  happened(pool: object, event: unknown, [subject, resource]: readonly unknown[]): void {
    switch (event) {
      case 'acquireRequest':
        if (!this.isOff) this.#waiting.set(subject, this.of(pool).arrives());
        break;
      case 'acquireSuccess':
        this.#handsOut(subject, resource);
        break;
      case 'acquireFail': {
        const item = this.#waiting.get(subject);
        this.#waiting.delete(subject);
        item?.queue.gaveUp(item);
        break;
      }
      case 'release': {
        const item = this.#loans.get(subject);
        this.#loans.delete(subject);
        item?.queue.ends(item, 'done');
        break;
      }
      case 'poolDestroySuccess':
        this.tracked?.close();
        return;
    }
    this.#look(pool as PoolLike);
  }

  #handsOut(request: unknown, resource: unknown): void {
    const item = this.#waiting.get(request);
    if (item === undefined) return;
    this.#waiting.delete(request);
    item.queue.begins(item);
    this.#loans.set(resource, item);
  }

  #look({ max, used, free }: PoolLike): void {
    this.tracked?.setThreads(used.length + free.length, boundOf(max));
  }
}

function happens(original: Method, make: () => FollowedPool): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const [event, ...rest] = args;
    followedQueue(this, FollowedPool, make).happened(this, event, rest);
    return Reflect.apply(original, this, args);
  };
}

export const patchTarn: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) => {
  const pool = declared['Pool'] as { prototype?: unknown } | undefined;
  const make = (): FollowedPool => new FollowedPool(tracker);
  return once(pool?.prototype, (prototype) => {
    const follow = followConstruction(prototype, 'destroyed', (target) => Hidden.set(target, make()));
    const replaced = replaceMethod(prototype, '_executeEventHandlers', (original) => happens(original, make));
    return () => {
      replaced?.();
      follow();
    };
  });
};
