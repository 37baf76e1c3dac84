/**
 * Packages in the file system, as Node finds them. Part of `gridwatch doctor`, in its process; it reads manifests and loads nothing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Folders looked into for copies of a package: a large monorepo has some thousands. */
const MAX_FOLDERS = 20_000;

/** Where Node finds a package from a folder: in the nearest node_modules above that has it. */
export function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

export function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

interface Copy {
  readonly folder: string;
  readonly version: string;
}

/** Every copy of a package that a program in this folder may load: one each in the node_modules above, and those nested in them. */
export function findCopies(name: string, from: string): readonly Copy[] {
  return findAllCopies([name], from).get(name) ?? [];
}

/** Likewise, of several packages, in one walk. */
export function findAllCopies(names: readonly string[], from: string): ReadonlyMap<string, readonly Copy[]> {
  const copies = new Map(names.map((name) => [name, new Map<string, string>()]));
  let folders = 0;
  const look = (nodeModules: string): void => {
    for (const [name, found] of copies) {
      const own = join(nodeModules, name);
      const version = readManifest(own)?.version;
      if (version !== undefined) found.set(own, version);
    }
    for (const entry of foldersIn(nodeModules)) {
      if (++folders > MAX_FOLDERS) return;
      const path = join(nodeModules, entry);
      /* Scopes hold packages; pnpm's store holds a node_modules for each. */
      if (entry.startsWith('@')) {
        for (const inScope of foldersIn(path)) look(join(path, inScope, 'node_modules'));
      } else if (entry === '.pnpm') {
        for (const inStore of foldersIn(path)) look(join(path, inStore, 'node_modules'));
      } else look(join(path, 'node_modules'));
    }
  };
  for (let folder = from; ; folder = dirname(folder)) {
    look(join(folder, 'node_modules'));
    if (dirname(folder) === folder) break;
  }
  const listed = (found: ReadonlyMap<string, string>): Copy[] =>
    [...found].map(([folder, version]) => ({ folder, version }));
  return new Map([...copies].map(([name, found]) => [name, listed(found)]));
}

/** Real folders: what is linked to is found where it stands. */
function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}
