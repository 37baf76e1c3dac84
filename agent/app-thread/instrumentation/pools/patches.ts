/**
 * The patches of the table (`table.ts`), by package.
 *
 * Runs on application threads, when such a package is loaded.
 */
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { Patch } from '../patch.ts';
import { patchPiscina } from './piscina.ts';
import { patchPoolifier } from './poolifier.ts';
import { patchTinypool } from './tinypool.ts';
import { patchWorkerpool } from './workerpool.ts';

export const POOL_PATCHES: Readonly<Record<string, Patch<QueueTracker>>> = {
  piscina: patchPiscina,
  tinypool: patchTinypool,
  workerpool: patchWorkerpool,
  poolifier: patchPoolifier,
};

/** Of files whose `exports` are one function, or have it as `default`: the name it is given in what is declared. */
export const POOL_NAMES: Readonly<Record<string, string>> = {
  'workerpool/src/Pool.js': 'Pool',
  'workerpool/src/WorkerHandler.js': 'WorkerHandler',
};
