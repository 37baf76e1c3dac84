/**
 * Which packages of promise locks are observed: which of their files are patched, in which versions. The patches themselves stand beside this file and are
 * loaded with the first such package.
 *
 * Runs on application threads, as part of the preload: data only.
 */
import { commonJs, type PatchedPackage } from '../patched-package.ts';

export const PROMISE_LOCKS: readonly PatchedPackage[] = [
  {
    feature: 'promise_locks',
    module: 'async-mutex',
    versions: '>=0.5.0 <0.6.0',
    files: [
      commonJs('lib/Semaphore.js'),
      commonJs('lib/withTimeout.js'),
      { file: 'index.mjs', bindings: ['Semaphore', 'withTimeout'] },
    ],
  },
  { feature: 'promise_locks', module: 'async-lock', versions: '>=1.2.0 <2.0.0', files: [commonJs('lib/index.js')] },
  {
    feature: 'promise_locks',
    module: 'p-limit',
    versions: '>=2.0.0 <8.0.0',
    files: [{ file: 'index.js', bindings: ['pLimit'] }],
  },
  { feature: 'promise_locks', module: 'async-sema', versions: '>=3.0.0 <4.0.0', files: [commonJs('lib/index.js')] },
];
