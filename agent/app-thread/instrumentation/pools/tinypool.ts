/**
 * tinypool: `Tinypool`, whose `ThreadPool` is followed, and the loop of its workers. Of workers that are child processes the tasks are counted, and no context
 * reaches them.
 *
 * Runs on application threads, and on the worker threads of such pools, when a file of the package is loaded.
 */
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { Declared, Patch } from '../patch.ts';
import { patchThreadPools } from './thread-pool.ts';
import { patchWorkerLoop } from './worker-loop.ts';

export const patchTinypool: Patch<QueueTracker> = (declared: Declared, tracker: QueueTracker) =>
  'getHandler' in declared ? patchWorkerLoop(declared) : patchThreadPools(declared, 'tinypool', tracker);
