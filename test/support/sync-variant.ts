/**
 * Loads `gridwatch/sync` with changes, as `variant.ts` does for shared memory: the real locks, waits and queues, of which the explorer's programs then use
 * one lock in a model's memory. Runs in a test's own process.
 */
import './model-arrays.ts';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const AGENT = fileURLToPath(new URL('../../agent/', import.meta.url));
/** What `gridwatch/sync` is made of. */
const PARTS = ['errors.ts', 'file-path.ts', 'app-thread', 'config', 'shared-memory'];

export interface SyncChange {
  /** A file of agent/. */
  readonly file: string;
  /** A text that occurs exactly once. */
  readonly from: string;
  readonly to: string;
}

export interface SyncSources {
  readonly layout: typeof import('../../agent/shared-memory/lock-memory.ts');
  readonly lockWord: typeof import('../../agent/shared-memory/lock-word.ts');
  readonly mutexWords: typeof import('../../agent/shared-memory/mutex-words.ts');
  readonly fairWords: typeof import('../../agent/shared-memory/fair-words.ts');
  readonly mutexCore: typeof import('../../agent/app-thread/sync/mutex-core.ts');
  readonly rwLockWords: typeof import('../../agent/shared-memory/rw-lock-words.ts');
  readonly rwLockSides: typeof import('../../agent/app-thread/sync/rw-lock-sides.ts');
  readonly asyncWaiting: typeof import('../../agent/app-thread/sync/async-waiting.ts');
}

const FILES: Readonly<Record<keyof SyncSources, string>> = {
  layout: 'shared-memory/lock-memory.ts',
  lockWord: 'shared-memory/lock-word.ts',
  mutexWords: 'shared-memory/mutex-words.ts',
  fairWords: 'shared-memory/fair-words.ts',
  mutexCore: 'app-thread/sync/mutex-core.ts',
  rwLockWords: 'shared-memory/rw-lock-words.ts',
  rwLockSides: 'app-thread/sync/rw-lock-sides.ts',
  asyncWaiting: 'app-thread/sync/async-waiting.ts',
};

/** Loads the files from a copy with the changes made. */
export async function loadSync(changes: readonly SyncChange[]): Promise<SyncSources> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwatch-sync-'));
  try {
    for (const part of PARTS) await cp(join(AGENT, part), join(folder, part), { recursive: true });
    for (const { file, from, to } of changes) {
      const path = join(folder, file);
      const parts = (await readFile(path, 'utf8')).split(from);
      if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${from}`);
      await writeFile(path, parts.join(to));
    }
    const modules: [string, unknown][] = [];
    for (const [name, file] of Object.entries(FILES))
      modules.push([name, await import(pathToFileURL(join(folder, file)).href)]);
    return Object.fromEntries(modules) as unknown as SyncSources;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
