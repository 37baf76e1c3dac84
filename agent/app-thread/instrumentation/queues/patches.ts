/**
 * The patches of the table (`table.ts`), by package.
 *
 * Runs on application threads, when such a package is loaded.
 */
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { Patch } from '../patch.ts';
import { patchAsync } from './async.ts';
import { patchBottleneck } from './bottleneck.ts';
import { patchFastq } from './fastq.ts';
import { patchGenericPool } from './generic-pool.ts';
import { patchMysql2 } from './mysql2.ts';
import { patchPQueue } from './p-queue.ts';
import { patchPgPool } from './pg-pool.ts';
import { patchTarn } from './tarn.ts';
import { patchUndici } from './undici.ts';

export const QUEUE_PATCHES: Readonly<Record<string, Patch<QueueTracker>>> = {
  fastq: patchFastq,
  'p-queue': patchPQueue,
  async: patchAsync,
  bottleneck: patchBottleneck,
  'generic-pool': patchGenericPool,
  tarn: patchTarn,
  'pg-pool': patchPgPool,
  mysql2: patchMysql2,
  undici: patchUndici,
};

/** Of files whose `exports` are one function, or have it as `default`: the name it is given in what is declared. */
export const QUEUE_NAMES: Readonly<Record<string, string>> = {
  'fastq/queue.js': 'fastq',
  'p-queue/dist/index.js': 'PQueue',
  'p-queue/dist/priority-queue.js': 'PriorityQueue',
  'async/queue.js': 'queue',
  'async/priorityQueue.js': 'priorityQueue',
  'async/cargo.js': 'cargo',
  'async/cargoQueue.js': 'cargoQueue',
  'bottleneck/lib/Bottleneck.js': 'Bottleneck',
  'bottleneck/lib/Job.js': 'Job',
  'generic-pool/lib/Pool.js': 'Pool',
  'generic-pool/lib/PriorityQueue.js': 'PriorityQueue',
  'generic-pool/lib/ResourceRequest.js': 'ResourceRequest',
  'pg-pool/index.js': 'Pool',
  'mysql2/lib/pool.js': 'Pool',
  'mysql2/lib/base/pool.js': 'Pool',
};
