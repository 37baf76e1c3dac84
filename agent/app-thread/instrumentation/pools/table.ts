/**
 * Which packages of worker pools are observed: which of their files are patched, in which versions. The patches themselves stand beside this file and are loaded
 * with the first such package.
 *
 * Runs on application threads, as part of the preload: data only.
 */
import { commonJs, type PatchedFile, type PatchedPackage } from '../patched-package.ts';

/** Where the pool is, which in some versions has classes of its tasks and workers beside it. */
const pool = (file: string): PatchedFile => ({ file, bindings: ['ThreadPool', 'TaskInfo', 'WorkerInfo', 'Errors'] });
/** What a worker runs: its loop, and what finds the function of a task. */
const worker = (file: string): PatchedFile => ({ file, bindings: ['onMessage', 'getHandler'] });
const handlers = (file: string): PatchedFile => ({ file, bindings: ['getHandler'] });

export const POOLS: readonly PatchedPackage[] = [
  {
    feature: 'pools',
    module: 'piscina',
    versions: '>=4.0.0 <6.0.0',
    files: [
      pool('dist/index.js'),
      commonJs('dist/task_queue/index.js'),
      commonJs('dist/worker_pool/index.js'),
      commonJs('dist/errors.js'),
      worker('dist/worker.js'),
      /* Up to 4.5.0. */
      pool('dist/src/index.js'),
      worker('dist/src/worker.js'),
    ],
  },
  {
    feature: 'pools',
    module: 'tinypool',
    versions: '>=0.8.0 <3.0.0',
    files: [
      pool('dist/index.js'),
      worker('dist/entry/worker.js'),
      handlers('dist/utils-B--2TaWv.js'),
      /* Of 0.9 and 1.0. */
      handlers('dist/chunk-A5RIZYIA.js'),
      handlers('dist/chunk-E2J7JLFN.js'),
      /* Of 0.8. */
      pool('dist/esm/index.js'),
      worker('dist/esm/entry/worker.js'),
      handlers('dist/esm/chunk-DSRZHYCS.js'),
    ],
  },
  {
    feature: 'pools',
    module: 'workerpool',
    versions: '>=6.0.0 <11.0.0',
    files: [commonJs('src/Pool.js'), commonJs('src/WorkerHandler.js')],
  },
  {
    feature: 'pools',
    module: 'poolifier',
    versions: '>=3.0.0 <6.0.0',
    files: [
      { file: 'lib/index.mjs', bindings: ['FixedThreadPool'] },
      commonJs('lib/index.cjs'),
      /* Of 3.0. */
      commonJs('lib/index.js'),
    ],
  },
];
