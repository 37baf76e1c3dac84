/**
 * What the preload loads with the first package of pools or queues, or the first queue that is instrumented by hand. It is one joined file in the package, so that
 * a thread without any of them does not read it.
 *
 * Runs on application threads.
 */
import type { RequestsPatch } from './instrumentation/fetch-requests.ts';
import type { AgentPatch } from './instrumentation/http-agents.ts';
import { type Declared, declaredBy } from './instrumentation/patch.ts';
import { POOL_NAMES, POOL_PATCHES } from './instrumentation/pools/patches.ts';
import { patchHttpAgents } from './instrumentation/queues/http-agent.ts';
import { QUEUE_NAMES, QUEUE_PATCHES } from './instrumentation/queues/patches.ts';
import { followUndiciRequests } from './instrumentation/queues/undici.ts';
import { queueTracker } from './queues/trackers.ts';

export { instrument } from './instrument-queue.ts';
export { followBroadcasts } from './instrumentation/broadcast.ts';
export { followChildren, followParent } from './instrumentation/ipc.ts';

const undo: (() => void)[] = [];

/** Patches what a file of a package declares. */
export function patch(module: string, file: string, declared: Declared): void {
  const tracker = queueTracker();
  const patchOf = POOL_PATCHES[module] ?? QUEUE_PATCHES[module];
  if (tracker === undefined || patchOf === undefined) return;
  const name = POOL_NAMES[`${module}/${file}`] ?? QUEUE_NAMES[`${module}/${file}`];
  undo.push(patchOf(declaredBy(declared, name), tracker));
}

/** Patches the agents of `node:http`. */
export function patchAgents(): AgentPatch | undefined {
  const tracker = queueTracker();
  return tracker === undefined ? undefined : patchHttpAgents(tracker);
}

/** Follows the requests of `fetch` and undici. */
export function followRequests(): RequestsPatch | undefined {
  const tracker = queueTracker();
  return tracker === undefined ? undefined : followUndiciRequests(tracker);
}

/** Takes everything back. */
export function unpatch(): void {
  for (const step of undo.splice(0).toReversed()) step();
}
