/**
 * undici: who waits for a connection of a dispatcher (Agent, Pool, Client, ...), and who has one. A request arrives with `dispatch` of the dispatcher that the program
 * asked; it begins when its headers are written to a connection, and ends with its answer. Requests of `fetch` in Node have no dispatcher that could be seen: they are
 * one queue, `fetch`.
 *
 * Runs on application threads, when the package is first loaded, or with the first request. What becomes of a request comes by undici's own diagnostics channels; only
 * `dispatch`, and what empties a pool's own queue, are other functions. A pool keeps a handler and dispatches it once more when it has a client: by its
 * handler an item is known again.
 */
import { Hidden } from '../../async-locks/hidden.ts';
import { followConstruction } from '../../async-locks/subject.ts';
import { FollowedPool, followedPool } from '../../queues/followed-pool.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import { type Method, replaceMethod } from '../../replace-method.ts';
import type { RequestsPatch, UndiciMessage } from '../fetch-requests.ts';
import { type Declared, once, type Patch, take } from '../patch.ts';

/** Names of fields, as undici's files share them. */
interface Symbols {
  readonly kUrl: symbol;
  readonly kClients: symbol;
  readonly kQueued: symbol;
  readonly kConnected: symbol;
  readonly kDestroy: symbol;
}

/** What stands beside a handler, and beside a request. */
interface Asked {
  readonly pool: FollowedPool;
  readonly item: QueueItem;
  readonly dispatcher: object | undefined;
  /** Those that wait with it in the queue of a pool. */
  waitsAmong: Set<Asked> | undefined;
  hasRequest: boolean;
}

const GLOBAL_DISPATCHER = /^undici\.globalDispatcher\.\d+$/;
/** Origins of an Agent whose connections are counted. */
const MAX_COUNTED = 16;

class Requests {
  readonly #tracker: QueueTracker;
  /** Of the innermost `dispatch` that has not made a request yet. */
  #current: Asked | 'unfollowed' | undefined;
  #ofFetch: FollowedPool | undefined;
  /** Items in the queues of pools. */
  readonly #waiting = new WeakMap<object, Set<Asked>>();

  constructor(tracker: QueueTracker) {
    this.#tracker = tracker;
  }

  follow(dispatcher: object, isMade = false): FollowedPool {
    /* Pools and clients that a dispatcher makes for a request are parts of it. */
    const isOwn = isMade && this.#current === undefined;
    return followedPool(dispatcher, this.#tracker, 'connection_pool', 'undici', isOwn);
  }

  dispatch(original: Method, symbols: Symbols): Method {
    const requests = this;
    return function (this: object, options: unknown, handler: unknown): unknown {
      const before = requests.#current;
      const asked = before ?? requests.#ask(this, options, handler);
      if (typeof asked !== 'object') return requests.#within(asked, () => original.call(this, options, handler));
      if (typeof handler === 'object' && handler !== null) Hidden.set(handler, asked);
      const waited = numberIn(this, symbols.kQueued);
      try {
        return requests.#within(asked, () => original.call(this, options, handler));
      } finally {
        if (!asked.hasRequest && asked.waitsAmong === undefined) {
          if (numberIn(this, symbols.kQueued) > waited) requests.#waits(this, asked);
          else if (before === undefined) asked.pool.queue.gaveUp(asked.item);
        }
        if (before === undefined) tellConnections(asked, symbols);
      }
    };
  }

  #within<T>(asked: Asked | 'unfollowed', fn: () => T): T {
    const before = this.#current;
    this.#current = asked;
    try {
      return fn();
    } finally {
      this.#current = before;
    }
  }

  #ask(dispatcher: object, options: unknown, handler: unknown): Asked | 'unfollowed' {
    const known = Hidden.get(handler) as Asked | undefined;
    if (known !== undefined && !known.item.isOver && !known.hasRequest) {
      leave(known);
      return known;
    }
    const pool = this.follow(dispatcher);
    if (pool.isOff || takesConnection(options)) return 'unfollowed';
    if (!pool.isNamed && isGlobal(dispatcher)) pool.name = 'undici.globalDispatcher';
    const { closed, destroyed } = dispatcher as { closed?: unknown; destroyed?: unknown };
    if (closed === true || destroyed === true) {
      pool.queue.refused();
      return 'unfollowed';
    }
    return { pool, item: pool.queue.arrives(), dispatcher, waitsAmong: undefined, hasRequest: false };
  }

  #waits(pool: object, asked: Asked): void {
    const among = this.#waiting.get(pool) ?? new Set();
    this.#waiting.set(pool, among);
    among.add(asked);
    asked.waitsAmong = among;
  }

  /** A dispatcher lets go of all its connections: it was destroyed, or is closed and nobody waits there any more. */
  closes(original: Method): Method {
    return function (this: object, ...args: unknown[]): unknown {
      const result = Reflect.apply(original, this, args);
      const pool = Hidden.get(this);
      if (pool instanceof FollowedPool && pool.isNamed && (this as { destroyed?: unknown }).destroyed === true)
        pool.closes(0);
      return result;
    };
  }

  /** A pool gives up all that wait in its queue. */
  destroys(original: Method): Method {
    const requests = this;
    return function (this: object, ...args: unknown[]): unknown {
      const waiting = requests.#waiting.get(this);
      requests.#waiting.delete(this);
      for (const asked of waiting ?? []) giveUp(asked);
      return Reflect.apply(original, this, args);
    };
  }

  /** A pool gives up one that waits in its queue. */
  aborts(original: Method): Method {
    return function (this: object, waiting: unknown, reason: unknown): unknown {
      const { queued, handler } = waiting as { queued?: unknown; handler?: unknown };
      const asked = queued === true ? (Hidden.get(handler) as Asked | undefined) : undefined;
      if (asked !== undefined) giveUp(asked);
      return original.call(this, waiting, reason);
    };
  }

  created({ request }: UndiciMessage): void {
    const current = this.#current;
    if (current === 'unfollowed') return;
    if (current === undefined && (this.#fetch.isOff || takesConnection(request))) return;
    /* Somebody else on this thread was told of it: it is counted once. */
    if (!take(request)) return;
    const asked = current ?? this.#askedByFetch();
    asked.hasRequest = true;
    leave(asked);
    Hidden.set(request, asked);
    /* What is dispatched from here on, by a handler of this one, is another one. */
    if (this.#current !== undefined) this.#current = undefined;
  }

  get #fetch(): FollowedPool {
    return (this.#ofFetch ??= new FollowedPool(this.#tracker, {
      kind: 'connection_pool',
      library: 'fetch',
      target: undefined,
      isMade: false,
    }));
  }

  #askedByFetch(): Asked {
    const pool = this.#fetch;
    return { pool, item: pool.queue.arrives(), dispatcher: undefined, waitsAmong: undefined, hasRequest: true };
  }
}

/** Once it has switched to another protocol, the connection is no longer the dispatcher's. */
function takesConnection(options: unknown): boolean {
  const { upgrade, method } = (options ?? {}) as { upgrade?: unknown; method?: unknown };
  return Boolean(upgrade) || method === 'CONNECT';
}

function isGlobal(dispatcher: object): boolean {
  const symbols = Object.getOwnPropertySymbols(globalThis);
  return symbols.some(
    (key) => GLOBAL_DISPATCHER.test(key.description ?? '') && Reflect.get(globalThis, key) === dispatcher,
  );
}

/** It waits no longer in the queue of a pool. */
function leave(asked: Asked): void {
  asked.waitsAmong?.delete(asked);
  asked.waitsAmong = undefined;
}

function giveUp(asked: Asked): void {
  leave(asked);
  asked.pool.queue.gaveUp(asked.item);
}

function numberIn(target: object, key: symbol): number {
  return Number(Reflect.get(target, key) ?? 0);
}

/** Of an Agent those of its first origins. */
function tellConnections({ pool, dispatcher }: Asked, { kConnected, kClients }: Symbols): void {
  if (dispatcher === undefined || pool.isOff || pool.isClosed) return;
  const clients: unknown = Reflect.get(dispatcher, kClients);
  let connections = numberIn(dispatcher, kConnected);
  if (clients instanceof Map && clients.size <= MAX_COUNTED)
    for (const client of clients.values() as Iterable<ClientOfAgent>)
      connections += numberIn(client.deref?.() ?? client.dispatcher ?? client, kConnected);
  pool.has(connections, 0);
}

/** As the majors of undici have it. */
interface ClientOfAgent {
  readonly dispatcher?: object;
  deref?(): object | undefined;
}

const known = new WeakMap<QueueTracker, Requests>();

function requestsOf(tracker: QueueTracker): Requests {
  const requests = known.get(tracker) ?? new Requests(tracker);
  known.set(tracker, requests);
  return requests;
}

const askedBy = ({ request }: UndiciMessage): Asked | undefined => Hidden.get(request) as Asked | undefined;

/** Follows what becomes of requests. */
export function followUndiciRequests(tracker: QueueTracker): RequestsPatch {
  const requests = requestsOf(tracker);
  const begins = (message: UndiciMessage): void => {
    const asked = askedBy(message);
    asked?.pool.queue.begins(asked.item);
  };
  const ends = (message: UndiciMessage): void => {
    const asked = askedBy(message);
    if (asked === undefined) return;
    if (latestSymbols !== undefined) tellConnections(asked, latestSymbols);
    const { name } = (message.error ?? {}) as { name?: unknown };
    asked.pool.queue.ends(asked.item, !('error' in message) ? 'done' : name === 'AbortError' ? 'aborted' : 'failed');
  };
  return {
    created: (message) => requests.created(message),
    listeners: {
      'undici:client:sendHeaders': begins,
      /* Over HTTP/2 not all versions tell of the headers. */
      'undici:request:headers': begins,
      'undici:request:trailers': ends,
      'undici:request:error': ends,
    },
  };
}

/** Of the copy that was loaded last: its `index.js` comes after. */
let latestSymbols: Symbols | undefined;

export const patchUndici: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) => {
  if (typeof declared['kUrl'] === 'symbol') {
    latestSymbols = declared as unknown as Symbols;
    return () => {};
  }
  const symbols = latestSymbols;
  const { Client, Pool, Agent } = declared as Record<string, { readonly prototype: object } | undefined>;
  if (symbols === undefined || Client === undefined || Pool === undefined || Agent === undefined) return () => {};
  const requests = requestsOf(tracker);
  const made = (target: object): void => void requests.follow(target, true);
  const pools = Object.getPrototypeOf(Pool.prototype) as object;
  const abortQueued = Object.getOwnPropertySymbols(pools).find(({ description }) => description === 'abort queued');
  let dispatchers: object | null = Client.prototype;
  while (dispatchers !== null && !Object.hasOwn(dispatchers, 'dispatch'))
    dispatchers = Object.getPrototypeOf(dispatchers) as object | null;
  return once(dispatchers, (prototype) => {
    const undo = [
      followConstruction(Client.prototype, symbols.kUrl, made),
      followConstruction(Pool.prototype, symbols.kUrl, made),
      followConstruction(Agent.prototype, symbols.kClients, made),
      replaceMethod(prototype, 'dispatch', (original) => requests.dispatch(original, symbols)),
      replaceMethod(prototype, 'destroy', (original) => requests.closes(original)),
      replaceMethod(pools, symbols.kDestroy, (original) => requests.destroys(original)),
      abortQueued && replaceMethod(pools, abortQueued, (original) => requests.aborts(original)),
    ];
    return () => {
      for (const step of undo) step?.();
    };
  });
};
