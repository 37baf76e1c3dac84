/**
 * generic-pool: resources that are borrowed and given back.
 *
 * Runs on application threads, when the package is first loaded. A request stands in the pool's list of waiting clients until a resource is handed out to it, or
 * it is refused; the resource is in service until it is released or destroyed. With a list class of the program's own requests go unseen.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { followConstruction } from '../../async-locks/subject.ts';
import { boundOf, FollowedQueue, followedQueue } from '../../queues/followed-queue.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type Declared, once, type Patch, replaceAll } from '../patch.ts';

const LIBRARY = 'generic-pool';

interface PoolLike {
  readonly max: unknown;
  readonly size: unknown;
  readonly _draining?: unknown;
  readonly _config?: { readonly maxWaitingClients?: unknown };
}

class FollowedPool extends FollowedQueue {
  /** Who has borrowed which resource. */
  readonly loans: Map<unknown, QueueItem> = new Map();

  constructor(tracker: QueueTracker) {
    super(tracker, LIBRARY, 'connection_pool');
  }

  look(pool: object): void {
    const { max, size, _draining: isDraining, _config: config } = pool as PoolLike;
    this.tracked?.setThreads(boundOf(size), isDraining === true ? 0 : boundOf(max));
    this.tracked?.setCapacity(isDraining === true ? 0 : boundOf(config?.maxWaitingClients));
  }
}

/** One call of `acquire`. */
class Request {
  readonly pool: FollowedPool;
  readonly target: object;
  item: QueueItem | undefined;

  constructor(pool: FollowedPool, target: object) {
    this.pool = pool;
    this.target = target;
  }
}

class GenericPoolPatch {
  readonly #tracker: QueueTracker;
  /** What `acquire` asks for, until it stands in the list. */
  #asking: Request | undefined;

  constructor(tracker: QueueTracker) {
    this.#tracker = tracker;
  }

  pool(prototype: object): () => void {
    const make = (): FollowedPool => new FollowedPool(this.#tracker);
    const follow = followConstruction(prototype, '_waitingClientsQueue', (target) => Hidden.set(target, make()));
    const replaced = replaceAll(prototype, {
      acquire: (original) => this.#acquire(original, make),
      release: (original) => returned(original),
      destroy: (original) => returned(original),
      drain: looking,
      _destroy: looking,
    });
    return () => {
      replaced();
      follow();
    };
  }

  list(prototype: object): () => void {
    return replaceAll(prototype, { enqueue: (original) => this.#enqueue(original) });
  }

  request(prototype: object): () => void {
    return replaceAll(prototype, {
      resolve: (original) => resolved(original),
      reject: (original) => rejected(original),
    });
  }

  #acquire(original: Method, make: () => FollowedPool): Method {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const pool = followedQueue(this, FollowedPool, make);
      if (pool.isOff) return Reflect.apply(original, this, args);
      const tracked = pool.of(this);
      pool.look(this);
      const request = new Request(pool, this);
      const before = patch.#asking;
      patch.#asking = request;
      try {
        const promise = Reflect.apply(original, this, args);
        if (patch.#asking === request) tracked.refused();
        return promise;
      } finally {
        patch.#asking = before;
      }
    };
  }

  #enqueue(original: Method): Method {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const request = patch.#asking;
      const [target] = args;
      if (request !== undefined && typeof target === 'object' && target !== null) {
        patch.#asking = undefined;
        request.item = request.pool.of(request.target).arrives();
        Hidden.set(target, request);
      }
      return Reflect.apply(original, this, args);
    };
  }
}

/** A resource is handed out to who waited for it. */
function resolved(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const request = Hidden.get(this);
    if (request instanceof Request && request.item?.isOver === false) {
      const { pool, item } = request;
      item.queue.begins(item);
      pool.loans.set(args[0], item);
      pool.look(request.target);
    }
    return Reflect.apply(original, this, args);
  };
}

function rejected(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const request = Hidden.get(this);
    if (request instanceof Request) request.item?.queue.gaveUp(request.item);
    return Reflect.apply(original, this, args);
  };
}

/** After it there are fewer resources, or none is handed out any more. */
function looking(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const result = Reflect.apply(original, this, args);
    const pool = Hidden.get(this);
    if (pool instanceof FollowedPool) pool.look(this);
    return result;
  };
}

function returned(original: Method): Method {
  return function (this: object, ...args: unknown[]): unknown {
    const pool = Hidden.get(this);
    const [resource] = args;
    const item = pool instanceof FollowedPool ? pool.loans.get(resource) : undefined;
    if (item === undefined) return Reflect.apply(original, this, args);
    (pool as FollowedPool).loans.delete(resource);
    item.queue.ends(item, 'done');
    const result = Reflect.apply(original, this, args);
    (pool as FollowedPool).look(this);
    return result;
  };
}

/** One a thread: the pool, its list and its requests stand in different files. */
const patches = new WeakMap<QueueTracker, GenericPoolPatch>();

export const patchGenericPool: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) => {
  const patch = patches.get(tracker) ?? new GenericPoolPatch(tracker);
  patches.set(tracker, patch);
  const prototypeOf = (name: string): unknown => (declared[name] as { prototype?: unknown } | undefined)?.prototype;
  const undo = [
    once(prototypeOf('Pool'), (prototype) => patch.pool(prototype)),
    once(prototypeOf('PriorityQueue'), (prototype) => patch.list(prototype)),
    once(prototypeOf('ResourceRequest'), (prototype) => patch.request(prototype)),
  ];
  return () => {
    for (const step of undo) step();
  };
};
