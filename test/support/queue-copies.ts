/**
 * Packages of queues in two copies, one as it is and one patched. Runs in a test's own process.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { declaredBy } from '../../agent/app-thread/instrumentation/patch.ts';
import { QUEUE_NAMES, QUEUE_PATCHES } from '../../agent/app-thread/instrumentation/queues/patches.ts';
import { QUEUES } from '../../agent/app-thread/instrumentation/queues/table.ts';
import type { QueueTracker } from '../../agent/app-thread/queues/queue-tracker.ts';
import { commonJsCopyOf, logOf, type PatchFile, type Scenario } from './package-copies.ts';
import type { QueueTracking } from './queue-tracking.ts';

export { logOf, type Scenario, withoutTicks } from './package-copies.ts';

/** A library that is patched does in a scenario what it does unpatched, also once queues are switched off. */
export async function expectTheSame<T>(
  scenario: Scenario<T>,
  unpatched: T,
  patched: T,
  tracking: QueueTracking,
): Promise<void> {
  const plain = await logOf(unpatched, scenario);
  expect(await logOf(patched, scenario)).toEqual(plain);
  expect(plain.length).toBeGreaterThan(0);
  tracking.switchOff('queues');
  expect(await logOf(patched, scenario)).toEqual(plain);
}

/** A copy of a CommonJS package of its own; patched when there is a tracker. `entry` is what is required of it, `files` those that are patched, in their order. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what it loads
export function queueCopy<T>(
  name: string,
  tracker?: QueueTracker,
  files: readonly string[] = filesOf(name),
  entry: string = name,
): T {
  return commonJsCopyOf<T>(name, files, patchOf(name, tracker), entry);
}

/** A copy of a package of ES modules in a folder of its own, the bindings of its files; patched when there is a tracker. */
export async function queueModules<T>(
  name: string,
  names: Readonly<Record<string, Readonly<Record<string, string>>>>,
  tracker?: QueueTracker,
): Promise<T> {
  const source = fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'gridwatch-queues-'));
  try {
    const copy = join(folder, 'node_modules', name);
    cpSync(source, copy, { recursive: true });
    const all: Record<string, unknown> = {};
    const patch = patchOf(name, tracker);
    for (const [file, bindings] of Object.entries(names)) {
      const namespace = (await import(pathToFileURL(join(copy, file)).href)) as Record<string, unknown>;
      const declared: Record<string, unknown> = {};
      for (const [binding, exported] of Object.entries(bindings)) declared[binding] = namespace[exported];
      patch?.(file, declared);
      Object.assign(all, namespace, declared);
    }
    return all as T;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function filesOf(name: string): string[] {
  const files = QUEUES.find(({ module }) => module === name)?.files ?? [];
  return files.filter(({ bindings }) => bindings.length === 0).map(({ file }) => file);
}

function patchOf(name: string, tracker: QueueTracker | undefined): PatchFile | undefined {
  if (tracker === undefined) return undefined;
  return (file, declared) => {
    QUEUE_PATCHES[name]?.(declaredBy(declared, QUEUE_NAMES[`${name}/${file}`]), tracker);
  };
}
