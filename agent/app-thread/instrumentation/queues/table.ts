/**
 * Which packages of queues and connection pools are observed: which of their files are patched, in which versions. The patches themselves stand beside this file and are loaded
 * with the first such package.
 *
 * Runs on application threads, as part of the preload: data only.
 */
import { commonJs, type PatchedPackage } from '../patched-package.ts';

/** Queues of tasks, and pools of anything. */
const TASK_QUEUES: readonly PatchedPackage[] = [
  { feature: 'queues', module: 'fastq', versions: '>=1.4.0 <2.0.0', files: [commonJs('queue.js')] },
  {
    feature: 'queues',
    module: 'p-queue',
    versions: '>=6.1.0 <11.0.0',
    files: [
      { file: 'dist/index.js', bindings: ['PQueue'] },
      { file: 'dist/priority-queue.js', bindings: ['PriorityQueue'] },
    ],
  },
  {
    feature: 'queues',
    module: 'async',
    versions: '>=2.0.0 <4.0.0',
    files: [
      ...['dist/async.js', 'queue.js', 'priorityQueue.js', 'cargo.js', 'cargoQueue.js'].map(commonJs),
      { file: 'dist/async.mjs', bindings: ['queue', 'priorityQueue', 'cargo', 'cargo$1', 'index'] },
    ],
  },
  {
    feature: 'queues',
    module: 'bottleneck',
    versions: '>=2.19.0 <3.0.0',
    files: [commonJs('lib/Bottleneck.js'), commonJs('lib/Job.js')],
  },
  {
    feature: 'queues',
    module: 'generic-pool',
    versions: '>=3.0.0 <4.0.0',
    files: [commonJs('lib/Pool.js'), commonJs('lib/PriorityQueue.js'), commonJs('lib/ResourceRequest.js')],
  },
  { feature: 'queues', module: 'tarn', versions: '>=3.0.0 <4.0.0', files: [commonJs('dist/Pool.js')] },
];

/** Pools of connections. */
const CONNECTION_POOLS: readonly PatchedPackage[] = [
  { feature: 'queues', module: 'pg-pool', versions: '>=3.0.0 <4.0.0', files: [commonJs('index.js')] },
  {
    feature: 'queues',
    module: 'mysql2',
    versions: '>=2.0.0 <4.0.0',
    files: [commonJs('lib/pool.js'), commonJs('lib/base/pool.js')],
  },
  {
    feature: 'queues',
    module: 'undici',
    versions: '>=5.0.0 <9.0.0',
    files: [commonJs('lib/core/symbols.js'), commonJs('index.js')],
  },
];

export const QUEUES: readonly PatchedPackage[] = [...TASK_QUEUES, ...CONNECTION_POOLS];
