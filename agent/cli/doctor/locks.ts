/**
 * What is seen of locks in the program in this folder, on this Node. Part of `gridwatch doctor`, in its process; it reads manifests and loads nothing. Whether
 * the program uses a package cannot be seen here, so nothing in this section is a problem.
 */
import * as workerThreads from 'node:worker_threads';
import { PROMISE_LOCKS } from '../../app-thread/instrumentation/promise-locks/table.ts';
import type { Config } from '../../config/options.ts';
import type { Check } from '../doctor.ts';
import { checkFollowed } from './followed.ts';

const inWords = new Intl.ListFormat('en');

const LOCKS = { what: 'Locks', otherwise: 'For others there is instrumentLock(), where the program makes its locks.' };

type Features = Config['features'];

export function checkLocks(
  features: Features,
  folder: string = process.cwd(),
  hasWebLocks: boolean = Object.hasOwn(workerThreads, 'locks'),
): Check[] {
  if (!features.locks)
    return [{ level: 'note', found: 'Locks are not followed.', remedy: 'Take -locks out of GRIDWATCH_FEATURES.' }];
  const packages = features.promise_locks
    ? checkFollowed(PROMISE_LOCKS, LOCKS, folder)
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
