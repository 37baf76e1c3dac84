/**
 * Loads the agent's sources with changes: with small capacities, so that a model of them can be explored to its end, and
 * with deliberate mistakes, which a model must find. Runs in a test's own process.
 *
 * The changed copy stands in a temporary folder. A change names the text it replaces, which must occur exactly once: a
 * model cannot go on with a source that has become another.
 */
import './model-arrays.ts';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const AGENT = fileURLToPath(new URL('../../agent/', import.meta.url));

/** The files that models load. Those outside of shared-memory/ import nothing of ours from elsewhere, but for types. */
export interface AgentSources {
  readonly 'shared-memory/layout.ts': typeof import('../../agent/shared-memory/layout.ts');
  readonly 'shared-memory/registry.ts': typeof import('../../agent/shared-memory/registry.ts');
  readonly 'shared-memory/ring-writer.ts': typeof import('../../agent/shared-memory/ring-writer.ts');
  readonly 'shared-memory/ring-reader.ts': typeof import('../../agent/shared-memory/ring-reader.ts');
  readonly 'shared-memory/wait-word.ts': typeof import('../../agent/shared-memory/wait-word.ts');
  readonly 'shared-memory/names.ts': typeof import('../../agent/shared-memory/names.ts');
  readonly 'shared-memory/doorbell.ts': typeof import('../../agent/shared-memory/doorbell.ts');
  readonly 'shared-memory/channel-words.ts': typeof import('../../agent/shared-memory/channel-words.ts');
  readonly 'shared-memory/channel-queue.ts': typeof import('../../agent/shared-memory/channel-queue.ts');
  readonly 'shared-memory/parking-word.ts': typeof import('../../agent/shared-memory/parking-word.ts');
  readonly 'shared-memory/async-locks.ts': typeof import('../../agent/shared-memory/async-locks.ts');
  readonly 'shared-memory/cells.ts': typeof import('../../agent/shared-memory/cells.ts');
  readonly 'shared-memory/class-cells.ts': typeof import('../../agent/shared-memory/class-cells.ts');
  readonly 'shared-memory/lock-block.ts': typeof import('../../agent/shared-memory/lock-block.ts');
  readonly 'shared-memory/lock-memory.ts': typeof import('../../agent/shared-memory/lock-memory.ts');
  readonly 'shared-memory/wait-detail.ts': typeof import('../../agent/shared-memory/wait-detail.ts');
  readonly 'shared-memory/lock-word.ts': typeof import('../../agent/shared-memory/lock-word.ts');
  readonly 'shared-memory/lock-holders.ts': typeof import('../../agent/shared-memory/lock-holders.ts');
  readonly 'shared-memory/rw-lock-words.ts': typeof import('../../agent/shared-memory/rw-lock-words.ts');
  readonly 'shared-memory/semaphore-words.ts': typeof import('../../agent/shared-memory/semaphore-words.ts');
  readonly 'shared-memory/condition-words.ts': typeof import('../../agent/shared-memory/condition-words.ts');
  readonly 'shared-memory/barrier-words.ts': typeof import('../../agent/shared-memory/barrier-words.ts');
  readonly 'shared-memory/message-memory.ts': typeof import('../../agent/shared-memory/message-memory.ts');
  readonly 'shared-memory/ledger.ts': typeof import('../../agent/shared-memory/ledger.ts');
  readonly 'shared-memory/ledger-entries.ts': typeof import('../../agent/shared-memory/ledger-entries.ts');
  readonly 'shared-memory/ledger-segments.ts': typeof import('../../agent/shared-memory/ledger-segments.ts');
  readonly 'shared-memory/ledger-sweep.ts': typeof import('../../agent/shared-memory/ledger-sweep.ts');
  readonly 'app-thread/flush.ts': typeof import('../../agent/app-thread/flush.ts');
  readonly 'agent-thread/drain.ts': typeof import('../../agent/agent-thread/drain.ts');
}

export interface Change {
  readonly file: keyof AgentSources;
  /** The text, or a pattern for it, that occurs exactly once. */
  readonly from: string | RegExp;
  readonly to: string;
}

/** Loads files of `agent/` from a copy with the changes made. */
export async function loadVariant<Files extends readonly (keyof AgentSources)[]>(
  files: readonly [...Files],
  changes: readonly Change[] = [],
): Promise<{ readonly [Index in keyof Files]: AgentSources[Files[Index]] }> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwatch-variant-'));
  try {
    await cp(join(AGENT, 'shared-memory'), join(folder, 'shared-memory'), { recursive: true });
    for (const file of files) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await cp(join(AGENT, file), join(folder, file));
    }
    for (const { file, from, to } of changes) {
      const path = join(folder, file);
      const parts = (await readFile(path, 'utf8')).split(from);
      if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${String(from)}`);
      await writeFile(path, parts.join(to));
    }
    const modules: unknown[] = [];
    for (const file of files) modules.push(await import(pathToFileURL(join(folder, file)).href));
    return modules as { readonly [Index in keyof Files]: AgentSources[Files[Index]] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
