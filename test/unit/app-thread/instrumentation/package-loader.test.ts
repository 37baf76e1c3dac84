/** The line at the end of a package's files, by Node's own loader: who is called, with what, and where there is none. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { followPackages, type PatchPackage } from '../../../../agent/app-thread/instrumentation/package-loader.ts';
import { commonJs, type PatchedPackage } from '../../../../agent/app-thread/instrumentation/patched-package.ts';

let folder: string;
const undo: (() => void)[] = [];

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gridwatch-loader-')));
});
afterEach(() => {
  for (const step of undo.splice(0)) step();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let packages = 0;

/** A package of the test's own, that nobody has loaded. */
function create(files: Readonly<Record<string, string>>, version = '1.2.3'): string {
  const module = `fake-${packages++}`;
  const contents = { ...files, 'package.json': JSON.stringify({ name: module, version }) };
  for (const [file, text] of Object.entries(contents)) {
    const path = join(folder, 'node_modules', module, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return module;
}

function entry(module: string, files: PatchedPackage['files']): PatchedPackage {
  return { feature: 'queues', module, versions: '>=1.0.0 <2.0.0', files };
}

function follow(followed: PatchedPackage, patch: PatchPackage): () => void {
  const end = followPackages([followed], patch);
  undo.push(end);
  return end;
}

function load(module: string): unknown {
  return createRequire(join(folder, 'main.cjs'))(module) as unknown;
}

test('all who follow a package are told of a file once, in the order in which they began, by one line', () => {
  const module = create({ 'index.js': 'module.exports = function own() {};' });
  const told: string[] = [];
  for (const name of ['first', 'second'])
    follow(entry(module, [commonJs('index.js')]), (followed, file, declared) => {
      told.push(`${name} ${followed.module === module} ${file} ${typeof declared['exports']}`);
      declared['exports'] = { by: name };
    });
  expect(load(module)).toEqual({ by: 'second' });
  expect(told).toEqual(['first true index.js function', 'second true index.js object']);
});

test('who has ended is not told', () => {
  const module = create({ 'index.js': 'exports.a = 1;', 'late.js': 'exports.b = 2;' });
  const told: string[] = [];
  const files = [commonJs('index.js'), commonJs('late.js')];
  const end = follow(entry(module, files), (_, file) => void told.push(`first ${file}`));
  follow(entry(module, files), (_, file) => void told.push(`second ${file}`));
  load(module);
  end();
  load(`${module}/late.js`);
  expect(told).toEqual(['first index.js', 'second index.js', 'second late.js']);
});

test('one that throws breaks neither the package nor what others are told', () => {
  const module = create({ 'index.js': 'exports.a = 1;' });
  const told: string[] = [];
  follow(entry(module, [commonJs('index.js')]), () => {
    throw new Error('ours');
  });
  follow(entry(module, [commonJs('index.js')]), (_, file) => void told.push(file));
  expect(load(module)).toEqual({ a: 1 });
  expect(told).toEqual(['index.js']);
});

test('a version out of the range is left alone', () => {
  const module = create({ 'index.js': 'exports.a = 1;' }, '2.0.0');
  follow(entry(module, [commonJs('index.js')]), () => expect.unreachable('it was patched'));
  expect(load(module)).toEqual({ a: 1 });
});

test('a binding of CommonJS that is not exported can be replaced where it stands', () => {
  const module = create({ 'index.js': 'class Inner { n = 1 }\nexports.make = () => new Inner().n;' });
  follow(entry(module, [{ file: 'index.js', bindings: ['Inner'] }]), (_, __, declared) => {
    declared['Inner'] = class {
      n = 2;
    };
  });
  expect((load(module) as { make(): number }).make()).toBe(2);
});

test('a constant that CommonJS exports is replaced in what it exports', () => {
  const module = create({
    'index.js': 'const limit = () => 1;\nmodule.exports = limit;\nmodule.exports.default = limit;',
  });
  follow(entry(module, [{ file: 'index.js', bindings: ['limit'] }]), (_, __, declared) => {
    expect(Object.keys(declared)).toContain('exports');
    declared['exports'] = () => 2;
  });
  expect((load(module) as () => number)()).toBe(2);
});

test('a binding that a version has not breaks nothing', () => {
  const module = create({ 'index.js': 'exports.a = 1;' });
  let seen: unknown;
  follow(entry(module, [{ file: 'index.js', bindings: ['Gone'] }]), (_, __, declared) => {
    seen = declared['Gone'];
  });
  expect(load(module)).toEqual({ a: 1 });
  expect(seen).toBeUndefined();
});
