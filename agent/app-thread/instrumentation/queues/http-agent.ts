/**
 * `http.Agent` and `https.Agent` with a bound to their sockets: who waits for a socket, and who has one. An item is a request: it arrives with `addRequest`, begins when
 * it is given a socket, and ends when the agent has that socket back, or loses it.
 *
 * Runs on application threads, when the first such agent is made or used. Node's own code runs; three methods of its prototypes are others. A request that the
 * program destroys while it waits keeps its place, as Node keeps it, and gives up when its turn comes.
 */
import type { Agent, ClientRequest } from 'node:http';
import { Hidden } from '../../async-locks/hidden.ts';
import { FollowedPool, followedPool } from '../../queues/followed-pool.ts';
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { QueueItem } from '../../queues/tracked-queue.ts';
import type { Method } from '../../replace-method.ts';
import { type AgentPatch, isBounded } from '../http-agents.ts';
import { replaceAll } from '../patch.ts';

/** What stands beside a request. */
interface Asked {
  readonly pool: FollowedPool;
  readonly item: QueueItem;
  readonly agent: Agent;
}

class HttpAgents {
  readonly #tracker: QueueTracker;

  constructor(tracker: QueueTracker) {
    this.#tracker = tracker;
  }

  patch(): () => void {
    const { Agent, ClientRequest } = process.getBuiltinModule('node:http');
    const undo = [
      replaceAll(Agent.prototype, { removeSocket: (original) => this.#removeSocket(original) }),
      replaceAll(ClientRequest.prototype, { onSocket: (original) => this.#onSocket(original) }),
    ];
    return () => {
      for (const step of undo) step();
    };
  }

  follow(agent: Agent, isMade = false): FollowedPool {
    return followedPool(agent, this.#tracker, 'http_agent', isSecure(agent) ? 'https.Agent' : 'http.Agent', isMade);
  }

  addRequest(original: Method): Method {
    const patch = this;
    return function (this: object, ...args: unknown[]): unknown {
      const agent = this as Agent;
      const [request] = args;
      if (!isBounded(agent) || typeof request !== 'object' || request === null)
        return Reflect.apply(original, this, args);
      const pool = patch.follow(agent);
      if (pool.isOff) return Reflect.apply(original, this, args);
      if (!pool.isNamed && isGlobal(agent)) pool.name = isSecure(agent) ? 'https.globalAgent' : 'http.globalAgent';
      const item = pool.queue.arrives();
      Hidden.set(request, { pool, item, agent } satisfies Asked);
      try {
        return Reflect.apply(original, this, args);
      } catch (error) {
        pool.queue.gaveUp(item);
        throw error;
      } finally {
        counts(pool, agent);
      }
    };
  }

  /** A request is given its socket, or told that there is none. */
  #onSocket(original: Method): Method {
    return function (this: object, socket: unknown, error: unknown): unknown {
      const asked = Hidden.get(this) as Asked | undefined;
      if (asked !== undefined && !asked.item.isOver) {
        const { pool, item, agent } = asked;
        const isGone = !socket || error != null || (this as ClientRequest).destroyed;
        if (isGone) pool.queue.gaveUp(item);
        else if (item.beganNs === 0) pool.hands(socket, item);
        counts(pool, agent);
      }
      return original.call(this, socket, error);
    };
  }

  /** The agent has lost a socket, or keeps it for whoever comes. */
  #removeSocket(original: Method): Method {
    return function (this: object, socket: unknown, options: unknown): unknown {
      const pool = Hidden.get(this);
      if (!(pool instanceof FollowedPool)) return original.call(this, socket, options);
      const request = (socket as { _httpMessage?: { res?: unknown } | null })._httpMessage;
      pool.returns(socket, request != null && request.res == null ? 'failed' : 'done');
      try {
        return original.call(this, socket, options);
      } finally {
        counts(pool, this as Agent);
      }
    };
  }
}

function isSecure(agent: Agent): boolean {
  return (agent as { protocol?: unknown }).protocol === 'https:';
}

function isGlobal(agent: Agent): boolean {
  const { globalAgent } = isSecure(agent)
    ? process.getBuiltinModule('node:https')
    : process.getBuiltinModule('node:http');
  return agent === globalAgent;
}

/** An agent without sockets has no bound either: programs make one for each request. `maxSockets` is for each origin. */
function counts(pool: FollowedPool, agent: Agent): void {
  if (pool.isOff) return;
  const { totalSocketCount = 0, maxTotalSockets, maxSockets } = agent as Agent & { totalSocketCount?: number };
  const limit = Number.isFinite(maxTotalSockets) ? maxTotalSockets : maxSockets;
  pool.has(totalSocketCount, totalSocketCount > 0 ? limit : 0);
}

/** Patches `node:http`, which is loaded. */
export function patchHttpAgents(tracker: QueueTracker): AgentPatch {
  const agents = new HttpAgents(tracker);
  const unpatch = agents.patch();
  return {
    made: (agent) => void agents.follow(agent, true),
    addRequest: (original) => agents.addRequest(original),
    unpatch,
  };
}
