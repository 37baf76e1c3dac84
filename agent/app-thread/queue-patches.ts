/**
 * What the preload loads with the first package of pools or queues, or the first queue that is instrumented by hand. It is one joined file in the package, so that
 * a thread without any of them does not read it.
 *
 * Runs on application threads.
 */

import type { BullmqTelemetry } from '../config/bullmq-telemetry.ts';
import type { ContextScopes } from './context/context-scope.ts';
import type { RequestsPatch } from './instrumentation/fetch-requests.ts';
import type { AgentPatch } from './instrumentation/http-agents.ts';
import { type Declared, declaredBy } from './instrumentation/patch.ts';
import { POOL_NAMES, POOL_PATCHES } from './instrumentation/pools/patches.ts';
import { patchHttpAgents } from './instrumentation/queues/http-agent.ts';
import { QUEUE_NAMES, QUEUE_PATCHES } from './instrumentation/queues/patches.ts';
import { followUndiciRequests } from './instrumentation/queues/undici.ts';
import { Envelopes } from './messages/envelopes.ts';
import { bullmqTelemetryOf } from './queues/bullmq.ts';
import type { QueueTracker } from './queues/queue-tracker.ts';
import { queueTracker } from './queues/trackers.ts';
import type { Recorder } from './recorder.ts';

/** For the first `postMessageToThread` of a thread, or the first message of one that reaches it. */
export function createEnvelopes(recorder: Recorder, scopes: ContextScopes): Envelopes {
  return new Envelopes(recorder, scopes);
}

export { instrument } from './instrument-queue.ts';
export { followBroadcasts } from './instrumentation/broadcast.ts';
export { followChildren, followParent } from './instrumentation/ipc.ts';
export { standaloneQueues } from './queues/standalone.ts';
export { queueTracker };

const undo: (() => void)[] = [];

/** Patches what a file of a package declares, and gives back what takes that back. Undefined for what is in no table. */
export function patchFile(
  module: string,
  file: string,
  declared: Declared,
  tracker: QueueTracker,
): (() => void) | undefined {
  const patchOf = POOL_PATCHES[module] ?? QUEUE_PATCHES[module];
  const name = POOL_NAMES[`${module}/${file}`] ?? QUEUE_NAMES[`${module}/${file}`];
  return patchOf?.(declaredBy(declared, name), tracker);
}

/** Likewise, until `unpatch`. */
export function patch(module: string, file: string, declared: Declared): void {
  const tracker = queueTracker();
  const step = tracker === undefined ? undefined : patchFile(module, file, declared, tracker);
  if (step !== undefined) undo.push(step);
}

/** Patches the agents of `node:http`. */
export function patchAgents(): AgentPatch | undefined {
  const tracker = queueTracker();
  return tracker === undefined ? undefined : patchHttpAgents(tracker);
}

/** Follows the requests of `fetch` and undici; of the agent where no other tracker is given. */
export function followRequests(tracker: QueueTracker | undefined = queueTracker()): RequestsPatch | undefined {
  return tracker === undefined ? undefined : followUndiciRequests(tracker);
}

/** What BullMQ is given as telemetry, in the place of the program's own. */
export function followBullmq(own: BullmqTelemetry | undefined): BullmqTelemetry | undefined {
  const tracker = queueTracker();
  return tracker === undefined ? undefined : bullmqTelemetryOf(tracker, own);
}

/** Takes everything back. */
export function unpatch(): void {
  for (const step of undo.splice(0).toReversed()) step();
}
