/**
 * The patches of the table (`table.ts`), by package.
 *
 * Runs on application threads, when such a package is loaded.
 */
import type { QueueTracker } from '../../queues/queue-tracker.ts';
import type { Patch } from '../patch.ts';

export const POOL_PATCHES: Readonly<Record<string, Patch<QueueTracker>>> = {};

/** Of files whose `exports` are one function, or have it as `default`: the name it is given in what is declared. */
export const POOL_NAMES: Readonly<Record<string, string>> = {};
