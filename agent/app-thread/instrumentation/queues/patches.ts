/**
 * The patches of the table (`table.ts`), by package.
 *
 * Runs on application threads, when such a package is loaded.
 */
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { Patch } from '../patch.ts';
import { patchMysql2 } from './mysql2.ts';
import { patchPgPool } from './pg-pool.ts';
import { patchUndici } from './undici.ts';

export const QUEUE_PATCHES: Readonly<Record<string, Patch<QueueTracker>>> = {
  'pg-pool': patchPgPool,
  mysql2: patchMysql2,
  undici: patchUndici,
};

/** Of files whose `exports` are one function, or have it as `default`: the name it is given in what is declared. */
export const QUEUE_NAMES: Readonly<Record<string, string>> = {
  'pg-pool/index.js': 'Pool',
  'mysql2/lib/pool.js': 'Pool',
  'mysql2/lib/base/pool.js': 'Pool',
};
