/**
 * Which packages of queues and connection pools are observed: which of their files are patched, in which versions. The patches themselves stand beside this file and are loaded
 * with the first such package.
 *
 * Runs on application threads, as part of the preload: data only.
 */
import type { PatchedPackage } from '../patched-package.ts';

export const QUEUES: readonly PatchedPackage[] = [];
