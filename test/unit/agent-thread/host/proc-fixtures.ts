/**
 * Trees for the tests of `host/`: those recorded in `test/fixtures/proc`, and file systems that fail on request.
 */
import { fileURLToPath } from 'node:url';
import {
  type FileAccess,
  ProcTree,
  type ProcTreeSettings,
  type ReportUnavailable,
} from '../../../../agent/agent-thread/host/proc.ts';

export type Recorded = 'node-24' | 'node-22' | 'sys-2-cpus' | 'nowhere';

function recordedRoot(name: Recorded): string {
  return fileURLToPath(new URL(`../../../fixtures/proc/${name}`, import.meta.url));
}

export function recordedTree(name: Recorded, settings: Omit<ProcTreeSettings, 'root'> = {}): ProcTree {
  return new ProcTree({ ...settings, root: recordedRoot(name) });
}

/** A tree of the given files, in memory. A value that is a code, such as `EACCES`, is thrown by `open`; `read:ESRCH` by `read`. */
export class FakeFiles implements FileAccess {
  readonly files: Map<string, string>;
  readonly openPaths: Map<number, string> = new Map();
  opened = 0;

  constructor(files: Readonly<Record<string, string>>) {
    this.files = new Map(Object.entries(files));
  }

  readonly openSync: FileAccess['openSync'] = (path) => {
    const content = this.files.get(String(path)) ?? 'ENOENT';
    if (/^E[A-Z_]+$/.test(content)) throw systemError(content);
    this.opened++;
    this.openPaths.set(this.opened, String(path));
    return this.opened;
  };

  readonly readSync = ((fd: number, buffer: Buffer): number => {
    const content = this.files.get(this.openPaths.get(fd) ?? '') ?? 'read:ESRCH';
    if (content.startsWith('read:')) throw systemError(content.slice(5));
    return buffer.write(content, 'latin1');
  }) as FileAccess['readSync'];

  readonly closeSync: FileAccess['closeSync'] = (fd) => {
    if (!this.openPaths.delete(fd)) throw systemError('EBADF');
  };

  readonly readdirSync = ((path: string): string[] => {
    const prefix = path.endsWith('/') ? path : `${path}/`;
    const names = [...this.files.keys()]
      .filter((file) => file.startsWith(prefix))
      .map((file) => file.slice(prefix.length).split('/')[0]);
    if (names.length === 0) throw systemError('ENOENT');
    return [...new Set(names as string[])];
  }) as unknown as FileAccess['readdirSync'];
}

export function fakeTree(
  files: Readonly<Record<string, string>>,
  settings: ProcTreeSettings = {},
): { tree: ProcTree; fs: FakeFiles } {
  const fs = new FakeFiles(
    Object.fromEntries(Object.entries(files).map(([path, content]) => [`/proc/${path}`, content])),
  );
  return { tree: new ProcTree({ fs, ...settings }), fs };
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** What was reported as unavailable, as `feature reason`. */
export function unavailableLog(): { readonly log: string[]; readonly onUnavailable: ReportUnavailable } {
  const log: string[] = [];
  return { log, onUnavailable: (feature, reason) => log.push(`${feature} ${reason}`) };
}
