/**
 * mysql2: who waits for a connection of a pool, and who has one. Its promise pools stand on the same class.
 *
 * Runs on application threads, when the package is first loaded. What the library calls, and when, stays as it is: the callback it is given calls the program's
 * in the same moment. It may be asked again with a callback that has waited already, which is known then.
 */
import { followConstruction } from '../../async-locks/subject.ts';
import { type FollowedPool, followedPool } from '../../queues/followed-pool.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { Method } from '../../replace-method.ts';
import { type Declared, once, type Patch, replaceAll } from '../patch.ts';

interface List {
  readonly length: number;
  get?(at: number): unknown;
  peekAt?(at: number): unknown;
}

interface PoolLike {
  readonly config: {
    readonly connectionLimit: number;
    readonly waitForConnections: boolean;
    readonly queueLimit: number;
  };
  readonly _closed: boolean;
  readonly _allConnections: List;
  readonly _freeConnections: List;
  readonly _connectionQueue: List;
}

class MysqlPatch {
  readonly #tracker: QueueTracker;
  /** Callbacks of those that wait. */
  readonly #known = new WeakSet<object>();

  constructor(tracker: QueueTracker) {
    this.#tracker = tracker;
  }

  pool(prototype: object): () => void {
    const follow = followConstruction(prototype, '_connectionQueue', (target) => void this.#follow(target, true));
    const replaced = replaceAll(prototype, {
      getConnection: (original) => this.#getConnection(original),
      releaseConnection: (original) => this.#returned(original, 'done'),
      _removeConnection: (original) => this.#returned(original, 'failed'),
      end: (original) => this.#end(original),
    });
    return () => {
      replaced();
      follow();
    };
  }

  #follow(target: object, isMade = false): FollowedPool {
    return followedPool(target, this.#tracker, 'connection_pool', 'mysql2', isMade);
  }

  #getConnection(original: Method): Method {
    const patch = this;
    return function (this: object, callback: unknown): unknown {
      const pool = patch.#follow(this);
      const target = this as unknown as PoolLike;
      if (typeof callback !== 'function') return original.call(this, callback);
      if (patch.#known.has(callback)) return patch.#asks(original, target, callback);
      if (pool.isOff) return original.call(this, callback);
      if (isRefused(target)) {
        pool.queue.refused();
        return original.call(this, callback);
      }
      const item = pool.queue.arrives();
      const told = function (this: unknown, ...args: unknown[]): unknown {
        const [error, connection] = args;
        if (error) pool.queue.gaveUp(item);
        else pool.hands(connection, item);
        counts(pool, target);
        return Reflect.apply(callback, this, args);
      };
      patch.#known.add(told);
      try {
        return patch.#asks(original, target, told);
      } catch (error) {
        pool.queue.gaveUp(item);
        throw error;
      } finally {
        counts(pool, target);
      }
    };
  }

  /** With a subscriber of its tracing channel the library puts another function around the one that waits. */
  #asks(original: Method, target: PoolLike, callback: object): unknown {
    const { _connectionQueue: queue } = target;
    const before = queue.length;
    const result = original.call(target, callback);
    const last = queue.length > before ? (queue.get ?? queue.peekAt)?.call(queue, queue.length - 1) : undefined;
    if (typeof last === 'function') this.#known.add(last);
    return result;
  }

  #returned(original: Method, outcome: 'done' | 'failed'): Method {
    const patch = this;
    return function (this: object, connection: unknown): unknown {
      const pool = patch.#follow(this);
      pool.returns(connection, outcome);
      const result = original.call(this, connection);
      counts(pool, this as unknown as PoolLike);
      return result;
    };
  }

  /** A closed pool takes no connection back. */
  #end(original: Method): Method {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const result = Reflect.apply(original, this, args);
      patch.#follow(this).endsAll();
      return result;
    };
  }
}

/** As the library decides. */
function isRefused(pool: PoolLike): boolean {
  const { connectionLimit, waitForConnections, queueLimit } = pool.config;
  if (pool._closed) return true;
  if (pool._freeConnections.length > 0) return false;
  if (connectionLimit === 0 || pool._allConnections.length < connectionLimit) return false;
  return !waitForConnections || (queueLimit > 0 && pool._connectionQueue.length >= queueLimit);
}

function counts(pool: FollowedPool, target: PoolLike): void {
  if (pool.isOff || target._closed) return;
  pool.has(target._allConnections.length, target.config.connectionLimit);
  pool.queue.setCapacity(target.config.waitForConnections ? target.config.queueLimit : 0);
}

/** One file declares the class, and in newer versions another one a class without methods of its own upon it. */
export const patchMysql2: Patch<QueueTracker> = ({ Pool }: Declared, tracker: QueueTracker) => {
  const prototype = (Pool as { prototype?: unknown } | undefined)?.prototype;
  if (typeof prototype !== 'object' || prototype === null || !Object.hasOwn(prototype, 'getConnection'))
    return () => {};
  return once(prototype, (target) => new MysqlPatch(tracker).pool(target));
};
