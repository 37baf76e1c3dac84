/**
 * pg-pool, the pool of `pg`: who waits for a client, and who has one.
 *
 * Runs on application threads, when the package is first loaded. The library's own code runs, and its promises and callbacks are its own. `connect` makes one
 * pending item in the turn of its caller, which goes to `newClient` at once or to the end of the queue: so what arrives stands in a variable for the length of a call.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { followConstruction } from '../../async-locks/subject.ts';
import { type FollowedPool, followedPool } from '../../queues/followed-pool.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type Callable, type Declared, once, type Patch, replaceAll } from '../patch.ts';

interface PoolLike {
  readonly options: { readonly max: number };
  readonly _clients: readonly unknown[];
  readonly _pendingQueue: readonly object[];
  readonly ending: boolean;
}

interface PendingItem {
  callback: Callable;
}

/** What stands beside a pending item. */
interface Pending {
  readonly pool: FollowedPool;
  readonly item: QueueItem;
}

class PgPoolPatch {
  readonly #tracker: QueueTracker;
  /** What `connect` asks for, until it stands beside a pending item. */
  #asked: Pending | undefined;
  readonly #undo: (() => void)[] = [];

  constructor(tracker: QueueTracker) {
    this.#tracker = tracker;
  }

  pool(prototype: object): () => void {
    const undo = [
      followConstruction(prototype, '_pendingQueue', (target) => void this.#follow(target, true)),
      replaceAll(prototype, {
        connect: (original) => this.#connect(original),
        newClient: (original) => this.#newClient(original),
        _acquireClient: (original) => this.#acquireClient(original),
        _release: (original) => this.#release(original),
        _remove: (original) => this.#counted(original, false),
        end: (original) => this.#counted(original, true),
      }),
    ];
    return () => {
      for (const step of [...undo, ...this.#undo.splice(0)]) step();
    };
  }

  #follow(target: object, isMade = false): FollowedPool {
    return followedPool(target, this.#tracker, 'connection_pool', 'pg-pool', isMade);
  }

  #connect(original: Method): Method {
    const patch = this;
    return function (this: object, callback: unknown): unknown {
      const pool = patch.#follow(this);
      const { ending, _pendingQueue: queue } = this as unknown as PoolLike;
      if (pool.isOff) return original.call(this, callback);
      if (ending) {
        pool.queue.refused();
        return original.call(this, callback);
      }
      const before = queue.length;
      const asked = { pool, item: pool.queue.arrives() };
      patch.#asked = asked;
      try {
        return original.call(this, callback);
      } catch (error) {
        pool.queue.gaveUp(asked.item);
        throw error;
      } finally {
        if (patch.#asked === asked) {
          patch.#asked = undefined;
          const last = queue.at(-1);
          if (queue.length > before && last !== undefined) patch.#pends(last, asked);
        }
      }
    };
  }

  /** The item stands in the queue; the library sets `timedOut` of one that has waited for too long. */
  #pends(pending: object, asked: Pending): void {
    Hidden.set(pending, asked);
    const undo = once(Object.getPrototypeOf(pending), (prototype) =>
      followConstruction(prototype, 'timedOut', (target) => {
        const { pool, item } = (Hidden.get(target) ?? {}) as Partial<Pending>;
        if (item !== undefined) pool?.queue.gaveUp(item);
      }),
    );
    this.#undo.push(undo);
  }

  /** A connection is made for an item: it is handed out, or fails. */
  #newClient(original: Method): Method {
    const patch = this;
    return function (this: object, pending: unknown): unknown {
      const asked = patch.#asked ?? (Hidden.get(pending) as Pending | undefined);
      patch.#asked = undefined;
      if (asked === undefined) return original.call(this, pending);
      const { pool, item } = asked;
      const target = this as unknown as PoolLike;
      const { callback } = pending as PendingItem;
      Hidden.set(pending as object, asked);
      (pending as PendingItem).callback = (...args) => {
        if (args[0]) {
          pool.queue.gaveUp(item);
          counts(pool, target);
        }
        return callback(...args);
      };
      try {
        return original.call(this, pending);
      } catch (error) {
        pool.queue.gaveUp(item);
        throw error;
      } finally {
        counts(pool, target);
      }
    };
  }

  #acquireClient(original: Method): Method {
    return function (this: object, client: unknown, pending: unknown, idleListener: unknown, isNew: unknown): unknown {
      const { pool, item } = (Hidden.get(pending) ?? {}) as Partial<Pending>;
      if (item !== undefined && !item.isOver) pool?.hands(client, item);
      return original.call(this, client, pending, idleListener, isNew);
    };
  }

  #release(original: Method): Method {
    const patch = this;
    return function (this: object, client: unknown, idleListener: unknown, error: unknown): unknown {
      patch.#follow(this).returns(client, error ? 'failed' : 'done');
      return original.call(this, client, idleListener, error);
    };
  }

  /** After these there are fewer clients. */
  #counted(original: Method, isEnd: boolean): Method {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const pool = patch.#follow(this);
      const target = this as unknown as PoolLike;
      const isFirst = isEnd && !target.ending;
      const result = Reflect.apply(original, this, args);
      if (isFirst) pool.closes(target._clients.length);
      else if (!isEnd) counts(pool, target);
      return result;
    };
  }
}

function counts(pool: FollowedPool, { _clients: clients, options }: PoolLike): void {
  if (!pool.isOff) pool.has(clients.length, options.max);
}

export const patchPgPool: Patch<QueueTracker> = ({ Pool }: Declared, tracker: QueueTracker) =>
  once((Pool as { prototype?: unknown } | undefined)?.prototype, (prototype) =>
    new PgPoolPatch(tracker).pool(prototype),
  );
