/**
 * All packages that are patched as they are loaded. To add one, add a row to the table of its kind and its patch beside that.
 *
 * Runs on application threads, as part of the preload: data only.
 */
import type { PatchedPackage } from './patched-package.ts';
import { POOLS } from './pools/table.ts';
import { PROMISE_LOCKS } from './promise-locks/table.ts';
import { QUEUES } from './queues/table.ts';

export const PATCHED_PACKAGES: readonly PatchedPackage[] = [...PROMISE_LOCKS, ...POOLS, ...QUEUES];
