/**
 * Who wants to patch which package: one hook of modules for all instrumentations, the same that the agent has.
 *
 * Runs on application threads that import `gridwatch/instrumentations`. It must never throw into a program that loads a package.
 */
import { sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { followPackages, versionIn } from '../app-thread/instrumentation/package-loader.ts';
import type { Declared } from '../app-thread/instrumentation/patch.ts';
import { isInRange, type PatchedPackage } from '../app-thread/instrumentation/patched-package.ts';
import { PATCHED_PACKAGES } from '../app-thread/instrumentation/patched-packages.ts';
import { required } from './patch-files.ts';

/** Told of a file of the package that has run, and of what it declares. */
export type SawFile = (file: string, declared: Declared) => void;

const listeners = new Map<string, SawFile[]>();

/** What the tables say of a package. Throws for one that is in none: a name in this package's own code. */
export function packageOf(module: string): PatchedPackage {
  const found = PATCHED_PACKAGES.find((one) => one.module === module);
  if (found === undefined) throw new Error(`no table has ${module}`);
  return found;
}

/** Tells of the files of a package from now on, and of those that were loaded by `require` before. */
export function followPackage(followed: PatchedPackage, saw: SawFile): void {
  if (listeners.size === 0)
    followPackages(PATCHED_PACKAGES, ({ module }, file, declared) => {
      for (const listener of listeners.get(module) ?? []) listener(file, declared);
    });
  const others = listeners.get(followed.module) ?? [];
  listeners.set(followed.module, [...others, saw]);
  for (const [file, declared] of requiredFiles(followed)) saw(file, declared);
}

interface RequiredFile {
  readonly folder: string;
  /** Its place in the table: what a file of a package builds upon stands before it, as it does when they are loaded. */
  readonly at: number;
  readonly loaded: Declared;
}

/** What other files have taken out of these stays with them as it was. */
function requiredFiles({ module, versions, files }: PatchedPackage): [string, Declared][] {
  const folder = `${sep}node_modules${sep}${module.replaceAll('/', sep)}${sep}`;
  const found = Object.entries(required).flatMap(([path, loaded]): RequiredFile[] => {
    const at = path.lastIndexOf(folder);
    if (at < 0 || loaded?.loaded !== true) return [];
    const end = at + folder.length;
    const inside = path.slice(end).replaceAll(sep, '/');
    const known = files.findIndex(({ file }) => file === inside);
    if (known < 0 || !isVersionIn(path.slice(0, end), versions)) return [];
    return [{ folder: path.slice(0, end), at: known, loaded: loaded as unknown as Declared }];
  });
  const inOrder = found.toSorted((a, b) => (a.folder === b.folder ? a.at - b.at : a.folder < b.folder ? -1 : 1));
  return inOrder.map(({ at, loaded }) => [files[at]?.file ?? '', loaded]);
}

function isVersionIn(folder: string, versions: string): boolean {
  try {
    return isInRange(versionIn(pathToFileURL(folder).href), versions);
  } catch {
    return false;
  }
}
