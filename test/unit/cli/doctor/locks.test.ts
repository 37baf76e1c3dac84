/** What `gridwatch doctor` says of locks. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkLocks } from '../../../../agent/cli/doctor/locks.ts';
import { resolveConfig } from '../../../../agent/config/resolve.ts';

const ALL = resolveConfig({}).config.features;

function inProgramWith<T>(packages: Readonly<Record<string, string>>, look: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'gridwatch-locks-'));
  try {
    for (const [name, version] of Object.entries(packages)) {
      const own = join(folder, 'node_modules', name);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(own, 'package.json'), JSON.stringify({ name, version }));
    }
    return look(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('says which locks are followed on this Node', () => {
  const found = (hasWebLocks: boolean): string | undefined =>
    inProgramWith({}, (folder) => checkLocks(ALL, folder, hasWebLocks))[0]?.found;
  expect(found(true)).toBe('Locks are followed: gridwatch/sync, raw Atomics.wait, and Web Locks.');
  expect(found(false)).toContain('this Node has no Web Locks');
});

it('names the packages of promise locks: followed in the versions that are known, a note for any other', () => {
  const checks = inProgramWith({ 'async-mutex': '0.5.0', 'p-limit': '1.0.0', express: '5.0.0' }, (folder) =>
    checkLocks(ALL, folder, true).slice(1),
  );
  expect(checks).toEqual([
    { level: 'ok', found: 'Locks of async-mutex 0.5.0 are followed.', remedy: '' },
    { level: 'note', found: 'Locks of p-limit 1.0.0 are not followed.', remedy: expect.stringContaining('>=2.0.0') },
  ]);
});

it('says what the settings leave out', () => {
  const found = (features: Partial<typeof ALL>): string[] =>
    inProgramWith({ 'async-mutex': '0.5.0' }, (folder) => checkLocks({ ...ALL, ...features }, folder, true)).map(
      (check) => check.found,
    );
  expect(found({ locks: false })).toEqual(['Locks are not followed.']);
  expect(found({ web_locks: false, promise_locks: false })).toEqual([
    'Locks are followed: gridwatch/sync and raw Atomics.wait.',
    'Promise locks are not followed.',
  ]);
});
