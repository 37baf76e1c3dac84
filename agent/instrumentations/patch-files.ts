/**
 * The files that the preload loads, so that a package is patched once, whoever comes by first, and the memory in which they count without the agent.
 *
 * Runs on application threads that import `gridwatch/instrumentations`.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { loadLockPatches, loadQueuePatches } from '../app-thread/load-patches.ts';
import { standaloneMemory } from '../app-thread/standalone-recorder.ts';
import { fileUrl } from '../package-root.ts';
import type { ControlMemory } from '../shared-memory/layout.ts';

const REGISTER_FILE = fileURLToPath(fileUrl('register.cjs'));
const requireFromHere = createRequire(REGISTER_FILE);

export const VERSION: string = (requireFromHere('../package.json') as { version: string }).version;

/** Of promise locks. */
export function lockPatches(): ReturnType<typeof loadLockPatches> {
  return loadLockPatches(REGISTER_FILE);
}

/** Of queues and pools. */
export function queuePatches(): ReturnType<typeof loadQueuePatches> {
  return loadQueuePatches(REGISTER_FILE);
}

/** What `require` has loaded so far, by path. */
export const required: Readonly<Record<string, NodeJS.Module | undefined>> = requireFromHere.cache;

let memory: ControlMemory | undefined;

/** Of all instrumentations of this thread; undefined where it cannot be had. */
export function memoryWithoutAgent(): ControlMemory | undefined {
  return (memory ??= standaloneMemory());
}
