/**
 * What is seen of locks in the program in this folder, on this Node. Part of `gridwatch doctor`, in its process; it reads manifests and loads nothing. Whether
 * the program uses a package cannot be seen here, so nothing in this section is a problem.
 */
import * as workerThreads from 'node:worker_threads';
import { isInRange } from '../../app-thread/instrumentation/patched-package.ts';
import { PROMISE_LOCKS } from '../../app-thread/instrumentation/promise-locks/table.ts';
import type { Config } from '../../config/options.ts';
import type { Check } from '../doctor.ts';
import { findCopies } from './packages.ts';

const inWords = new Intl.ListFormat('en');

type Features = Config['features'];

export function checkLocks(
  features: Features,
  folder: string = process.cwd(),
  hasWebLocks: boolean = Object.hasOwn(workerThreads, 'locks'),
): Check[] {
  if (!features.locks)
    return [{ level: 'note', found: 'Locks are not followed.', remedy: 'Take -locks out of GRIDWATCH_FEATURES.' }];
  const packages = features.promise_locks
    ? PROMISE_LOCKS.flatMap((patched) => checkPackage(patched, folder))
    : [
        {
          level: 'note',
          found: 'Promise locks are not followed.',
          remedy: 'GRIDWATCH_FEATURES can switch them on.',
        } as const,
      ];
  return [checkBuiltIn(features, hasWebLocks), ...packages];
}

function checkBuiltIn(features: Features, hasWebLocks: boolean): Check {
  const followed = [
    'gridwatch/sync',
    ...(features.atomics ? ['raw Atomics.wait'] : []),
    ...(features.web_locks && hasWebLocks ? ['Web Locks'] : []),
  ];
  const missing = hasWebLocks ? '' : '; this Node has no Web Locks, Node 24 does';
  return { level: 'ok', found: `Locks are followed: ${inWords.format(followed)}${missing}.`, remedy: '' };
}

function checkPackage({ module, versions }: (typeof PROMISE_LOCKS)[number], folder: string): Check[] {
  const found = [...new Set(findCopies(module, folder).map(({ version }) => version))];
  const followed = found.filter((version) => isInRange(version, versions));
  const others = found.filter((version) => !isInRange(version, versions));
  return [
    ...followed.map((version): Check => {
      return { level: 'ok', found: `Locks of ${module} ${version} are followed.`, remedy: '' };
    }),
    ...others.map((version): Check => {
      const remedy = `Known are ${versions}. For others there is instrumentLock(), where the program makes its locks.`;
      return { level: 'note', found: `Locks of ${module} ${version} are not followed.`, remedy };
    }),
  ];
}
