/** What `gridwatch doctor` says of pools and queues. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkFollowed } from '../../../../agent/cli/doctor/followed.ts';
import { checkQueues } from '../../../../agent/cli/doctor/queues.ts';
import { resolveConfig } from '../../../../agent/config/resolve.ts';

const ALL = resolveConfig({}).config.features;

function inProgramWith<T>(packages: Readonly<Record<string, string>>, look: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'gridwatch-queues-'));
  try {
    for (const [path, version] of Object.entries(packages)) {
      const own = join(folder, 'node_modules', path);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(own, 'package.json'), JSON.stringify({ version }));
    }
    return look(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('names the packages of queues, also nested ones: followed in the versions that are known, a note for any other', () => {
  const packages = { fastq: '1.20.3', knex: '3.1.0', 'knex/node_modules/tarn': '2.0.0', 'p-queue': '10.0.0' };
  const checks = inProgramWith(packages, (folder) => checkQueues(ALL, folder));
  expect(checks).toEqual([
    { level: 'ok', found: 'Queues of fastq 1.20.3 are followed.', remedy: '' },
    { level: 'ok', found: 'Queues of p-queue 10.0.0 are followed.', remedy: '' },
    { level: 'note', found: 'Queues of tarn 2.0.0 are not followed.', remedy: expect.stringContaining('>=3.0.0') },
  ]);
});

it('knows a package in the versions of all of its rows', () => {
  const row = { feature: 'pools', module: 'pool', files: [] } as const;
  const table = [
    { ...row, versions: '>=1.0.0 <2.0.0' },
    { ...row, versions: '>=3.0.0 <4.0.0' },
  ];
  const check = (version: string): unknown =>
    inProgramWith({ pool: version }, (folder) => checkFollowed(table, { what: 'Pools', otherwise: '' }, folder));
  expect(check('3.1.0')).toEqual([{ level: 'ok', found: 'Pools of pool 3.1.0 are followed.', remedy: '' }]);
  expect(check('2.0.0')).toEqual([
    {
      level: 'note',
      found: 'Pools of pool 2.0.0 are not followed.',
      remedy: 'Known are >=1.0.0 <2.0.0 and >=3.0.0 <4.0.0.',
    },
  ]);
});

it('says what the settings leave out', () => {
  const found = inProgramWith({ fastq: '1.20.3' }, (folder) =>
    checkQueues({ ...ALL, pools: false, queues: false }, folder).map((check) => check.found),
  );
  expect(found).toEqual(['Pools are not followed.', 'Queues are not followed.']);
});
