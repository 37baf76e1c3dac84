/**
 * What is seen of pools and queues in the program in this folder. Part of `gridwatch doctor`, in its process; it reads manifests and loads nothing. Whether the
 * program uses a package cannot be seen here, so nothing in this section is a problem.
 */
import type { PatchedPackage } from '../../app-thread/instrumentation/patched-package.ts';
import { POOLS } from '../../app-thread/instrumentation/pools/table.ts';
import { QUEUES } from '../../app-thread/instrumentation/queues/table.ts';
import type { Config } from '../../config/options.ts';
import type { Check } from '../doctor.ts';
import { checkFollowed, type Followed } from './followed.ts';

type Features = Config['features'];

const KINDS: readonly {
  readonly feature: 'pools' | 'queues';
  readonly table: readonly PatchedPackage[];
  readonly followed: Followed;
}[] = [
  { feature: 'pools', table: POOLS, followed: { what: 'Pools', otherwise: '' } },
  {
    feature: 'queues',
    table: QUEUES,
    followed: {
      what: 'Queues',
      otherwise: 'For others there is instrumentQueue(), where the program makes its queues.',
    },
  },
];

export function checkQueues(features: Features, folder: string = process.cwd()): Check[] {
  return KINDS.flatMap(({ feature, table, followed }) =>
    features[feature]
      ? checkFollowed(table, followed, folder)
      : [
          {
            level: 'note',
            found: `${followed.what} are not followed.`,
            remedy: 'GRIDWATCH_FEATURES can switch them on.',
          } as const,
        ],
  );
}
