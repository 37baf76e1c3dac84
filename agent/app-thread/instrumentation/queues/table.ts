/**
 * Which packages of queues and connection pools are observed: which of their files are patched, in which versions. The patches themselves stand beside this file and are loaded
 * with the first such package.
 *
 * Runs on application threads, as part of the preload: data only.
 */
import { commonJs, type PatchedPackage } from '../patched-package.ts';

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

export const QUEUES: readonly PatchedPackage[] = [...CONNECTION_POOLS];
