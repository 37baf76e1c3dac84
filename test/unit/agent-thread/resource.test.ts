/** What the process is called when nobody has named it: after the nearest package.json that has a name. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeProcess } from '../../../agent/agent-thread/resource.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-resource-'));
  const write = (path: string, manifest: object): void => {
    mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, path, 'package.json'), JSON.stringify(manifest));
  };
  write('.', { name: 'shop' });
  write('built', { type: 'commonjs' });
  write('node_modules/next', { name: 'next' });
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const nameOf = (file: string | undefined): unknown => describeProcess(file)['service.name'];

test.each(['app.js', 'built/main.js', 'built/deep/in/it/main.js'])('%s has the name of its package', (file) => {
  expect(nameOf(join(folder, file))).toBe('shop');
});

test('a command out of node_modules, like code without a file, has the name of the folder it is started in', () => {
  expect(nameOf(join(folder, 'node_modules/next/dist/bin/next'))).toBe('gridwatch');
  expect(nameOf(undefined)).toBe('gridwatch');
});

test('without a package the name is the one that OpenTelemetry has for that', () => {
  expect(nameOf('/main.js')).toBe('unknown_service:node');
});
