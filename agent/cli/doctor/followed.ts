/**
 * Which copies of the packages of a table are followed in the program in this folder: those in the versions that are known. Part of `gridwatch doctor`, in its
 * process; it reads manifests and loads nothing. Whether the program uses a package cannot be seen here, so nothing of this is a problem.
 */
import { isInRange, type PatchedPackage } from '../../app-thread/instrumentation/patched-package.ts';
import type { Check } from '../doctor.ts';
import { findAllCopies } from './packages.ts';

/** What is followed, in the plural, and what there is for a package, or a version of it, that is not known. */
export interface Followed {
  readonly what: string;
  readonly otherwise: string;
}

export function checkFollowed(table: readonly PatchedPackage[], followed: Followed, folder: string): Check[] {
  /* One that has several rows is known in the versions of all of them. */
  const names = [...new Set(table.map(({ module }) => module))];
  const copies = findAllCopies(names, folder);
  return names.flatMap((name) => {
    const ranges = table.filter(({ module }) => module === name).map(({ versions }) => versions);
    const versions = new Set((copies.get(name) ?? []).map(({ version }) => version));
    return [...versions].map((version) => checkCopy(name, version, ranges, followed));
  });
}

function checkCopy(name: string, version: string, ranges: readonly string[], { what, otherwise }: Followed): Check {
  if (ranges.some((range) => isInRange(version, range)))
    return { level: 'ok', found: `${what} of ${name} ${version} are followed.`, remedy: '' };
  const remedy = `Known are ${ranges.join(' and ')}.${otherwise === '' ? '' : ` ${otherwise}`}`;
  return { level: 'note', found: `${what} of ${name} ${version} are not followed.`, remedy };
}
