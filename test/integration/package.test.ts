/**
 * The package as `npm pack` makes it: what is in it, what it depends on, and whether each kind of program can use it.
 * It is unpacked into a consumer's node_modules beside its real dependencies; programs there are compiled and run.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData, type EntrypointResolutionAnalysis } from '@arethetypeswrong/core';
import { parse } from 'acorn';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const require = createRequire(import.meta.url);

/** TypeScript as most programs have it; and the last line of versions that still knows `moduleResolution: node`. */
const TYPESCRIPT_7 = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
const TYPESCRIPT_5 = createRequire(require.resolve('@arethetypeswrong/core')).resolve('typescript/lib/tsc.js');

let folder: string;
let consumer: string;
let installed: string;
let tarball: Uint8Array<ArrayBuffer>;
let files: string[];
let manifest: Record<string, Record<string, string>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-package-'));
  consumer = join(folder, 'consumer');
  installed = join(consumer, 'node_modules', 'gridwatch');
  mkdirSync(installed, { recursive: true });

  const npm = process.env['npm_execpath'];
  const [command, ...prefix] = npm === undefined ? ['npm'] : [process.execPath, npm];
  await run(command, [...prefix, 'pack', '--pack-destination', folder], { cwd: root });
  const archive = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no tarball');
  await run('tar', ['-xzf', archive, '-C', installed, '--strip-components=1']);

  tarball = new Uint8Array(readFileSync(archive));
  files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(installed.length + 1)
        .replaceAll('\\', '/'),
    );
  manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const name of ['@opentelemetry', '@types', 'systeminformation', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(consumer, 'node_modules', name), 'junction');
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Writes a program of the consumer's; returns its path. */
function write(name: string, text: string): string {
  const file = join(consumer, name);
  writeFileSync(file, text);
  return file;
}

/** What a module of the package imports when it is loaded, and later. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(installed, file), 'utf8');
  const { body } = parse(text, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true });
  const atOnce = body.flatMap((node) => ('source' in node && node.source ? [String(node.source.value)] : []));
  return [...atOnce, ...Array.from(text.matchAll(/\bimport\(\s*["'](\.[^"']+)["']/g), ([, name = '']) => name)];
}

describe('contents', () => {
  test('the compiled agent, its declarations, and what a package must have; no source, no source map', () => {
    const compiled = /^dist\/(?:[a-z0-9-]+\/)*[a-z0-9-]+(?:\.d\.ts|\.js)$/;
    const ofThreads = ['dist/app-thread/lock-patches.cjs', 'dist/app-thread/queue-patches.cjs'];
    const joined = [...ofThreads, 'dist/agent-thread/energy/power-model.cjs'];
    const commonJs = ['dist/preload-worker.cjs', ...joined];
    const gate = ['dist/register.cjs', 'dist/register.d.cts', ...commonJs];
    const others = files.filter((file) => !compiled.test(file) && !gate.includes(file));
    expect(others.toSorted()).toEqual(['LICENSE', 'README.md', 'dist/catalog.json', 'package.json']);
    expect(files).toEqual(expect.arrayContaining(gate));
  });

  test('what application threads load is one file for each entry point, and exists only once', () => {
    for (const file of ['dist/preload.js', 'dist/app-thread/sync/index.js'])
      expect(importsOf(file).filter((name) => !name.startsWith('node:'))).toEqual([]);
    expect(importsOf('dist/index.js')).toEqual(['./preload.js']);
    expect(files.filter((file) => /^dist\/(?:app-thread\/.*|start)\.js$/.test(file)).toSorted()).toEqual([
      // The doctor's: which packages are followed.
      'dist/app-thread/instrumentation/patched-package.js',
      'dist/app-thread/instrumentation/pools/table.js',
      'dist/app-thread/instrumentation/promise-locks/table.js',
      'dist/app-thread/instrumentation/queues/table.js',
      'dist/app-thread/sync/index.js',
    ]);
  });

  test('every module it names is in it, and no path of the machine that built it', () => {
    const modules = files.filter((file) => file.endsWith('.js'));
    const dangling = modules.flatMap((file) => {
      const targets = importsOf(file).filter((name) => name.startsWith('.'));
      return targets
        .filter((name) => !files.includes(posix.join(posix.dirname(file), name)))
        .map((name) => [file, name]);
    });
    expect(dangling).toEqual([]);
    expect(modules.filter((file) => readFileSync(join(installed, file), 'utf8').includes(root))).toEqual([]);
  });
});

describe('manifest', () => {
  test('nothing runs when the package is installed', () => {
    const atInstall = new Set(['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare']);
    expect(Object.keys(manifest['scripts'] ?? {}).filter((name) => atInstall.has(name))).toEqual([]);
    expect(files).not.toContain('binding.gyp');
  });

  test('it depends on OpenTelemetry and systeminformation, in exact versions, and on nothing else', () => {
    const dependencies = Object.entries(manifest['dependencies'] ?? {});
    expect(dependencies.map(([name]) => name)).toEqual([
      '@opentelemetry/api',
      '@opentelemetry/sdk-node',
      'systeminformation',
    ]);
    for (const [, version] of dependencies) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(manifest['optionalDependencies']).toBeUndefined();
  });

  test('who composes an SDK of his own brings what instrumentations are made of; nobody else needs it, and any version may stand beside', () => {
    /* A range would keep npm from installing the package beside another set of OpenTelemetry. */
    expect(manifest['peerDependencies']).toEqual({ '@opentelemetry/instrumentation': '*' });
    expect(manifest['peerDependenciesMeta']).toEqual({ '@opentelemetry/instrumentation': { optional: true } });
    expect([...new Set(importsOf('dist/instrumentations.js'))].toSorted()).toEqual([
      '@opentelemetry/api',
      '@opentelemetry/instrumentation',
      'node:module',
      'node:path',
      'node:url',
    ]);
  });

  test('publint has nothing to say', async () => {
    const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });
});

describe('types', () => {
  test('are right for ES modules and bundlers, and the gate has some under every resolution', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(tarball));
    if (analysis.types === false) throw new Error('the package has no types');
    // The profile "esm-only": a CommonJS program gets `.` by require(esm), which this check takes for an error.
    const esmOnly = analysis.problems.filter(
      (problem) => !('resolutionKind' in problem && ['node10', 'node16-cjs'].includes(problem.resolutionKind)),
    );
    expect(esmOnly).toEqual([]);
    const { resolutions } = analysis.entrypoints['./register'] ?? { resolutions: {} };
    const typed = Object.entries<EntrypointResolutionAnalysis>(resolutions).filter(
      ([, { resolution }]) => resolution?.isTypeScript,
    );
    expect(typed.map(([kind]) => kind).toSorted()).toEqual(['bundler', 'node10', 'node16-cjs', 'node16-esm']);
  });

  const program = `
    import 'gridwatch/register';
     import { type ActiveSpanContext, activeSpanContext, bullmqTelemetry, estimatePower, flush, type GridwatchOptions, instrumentLock, instrumentQueue, type PowerEstimate, shutdown, start } from 'gridwatch';
     import { AsyncMutexInstrumentation, PgPoolInstrumentation, PiscinaInstrumentation, type QueueInstrumentationConfig } from 'gridwatch/instrumentations';
    import { type Lease, Mutex } from 'gridwatch/sync';
    const options: GridwatchOptions = { lockThresholdMs: 5 };
    start(options);
    void flush().then(() => shutdown());
    new AsyncMutexInstrumentation({ lockThresholdMs: 5 }).disable();
    const config: QueueInstrumentationConfig = { queueThresholdMs: 5 };
    for (const instrumentation of [new PiscinaInstrumentation(), new PgPoolInstrumentation(config)]) instrumentation.disable();
    // @ts-expect-error: an option of promise locks
    new PiscinaInstrumentation({ lockThresholdMs: 5 }).disable();
    const lock: Set<number> = instrumentLock(new Set<number>(), { name: 'set', acquire: 'add', release: 'delete' });
    lock.add(1);
    const queue: Map<string, number> = instrumentQueue(new Map<string, number>(), { name: 'map', run: 'forEach' });
    queue.clear();
    const context: ActiveSpanContext | undefined = activeSpanContext();
    const traceparent: string = context === undefined ? '' : \`00-\${context.traceId}-\${context.spanId}-0\${context.traceFlags}\`;
    console.log(traceparent);
    // @ts-expect-error: it may be none
    console.log(activeSpanContext().traceId);
    const estimate: PowerEstimate = estimatePower({ vendor: 'AuthenticAMD', family: 26, model: 2, logicalCpus: 8, utilization: 0.5 });
    console.log(estimate.powerW / estimate.uncertainty);
    // @ts-expect-error: how many CPUs is not left out
    estimatePower({ utilization: 0.5 });
    const mutex: Mutex = new Mutex({ name: 'orders' });
    const lease: Lease = mutex.acquire({ timeoutMs: 5 });
    lease.release();
    const sum: number = Mutex.from(mutex.handle).withLock(({ abandoned }) => (abandoned ? 0 : 1));
    // @ts-expect-error: an unknown option
    mutex.tryAcquire({ timeoutMs: sum });
    // @ts-expect-error: an unknown option
    start({ noSuchOption: true });
  `;

  test.each([
    ['an ES module', TYPESCRIPT_7, 'program.mts', 'nodenext', 'nodenext'],
    ['a CommonJS module', TYPESCRIPT_7, 'program.cts', 'nodenext', 'nodenext'],
    ['a bundled module', TYPESCRIPT_7, 'program.ts', 'esnext', 'bundler'],
    ['a CommonJS program with moduleResolution node (Nest)', TYPESCRIPT_5, 'program.ts', 'commonjs', 'node'],
  ])('%s compiles', async (_, compiler, name, module, moduleResolution) => {
    const settings = ['--noEmit', '--strict', '--target', 'es2022', '--types', 'node', '--skipLibCheck'];
    const args = [compiler, ...settings, '--module', module, '--moduleResolution', moduleResolution];
    await expect(run(process.execPath, [...args, write(name, program)], { cwd: consumer })).resolves.toBeDefined();
  });
});

describe('programs', () => {
  const env = {
    PATH: process.env['PATH'],
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  };
  const shows = `for (const name of Object.keys(gridwatch)) console.log(name, typeof gridwatch[name]);`;

  test.each([
    ['an ES module', 'app.mjs', `import * as gridwatch from 'gridwatch'; ${shows}`],
    ['a CommonJS module', 'app.cjs', `const gridwatch = require('gridwatch'); ${shows}`],
  ])('%s gets the public functions and nothing else', async (_, name, text) => {
    const { stdout, stderr } = await run(process.execPath, [write(name, text)], { cwd: consumer, env });
    expect({ stdout, stderr }).toEqual({
      stdout:
        'activeSpanContext function\nbullmqTelemetry function\nestimatePower function\nflush function\ninstrumentLock function\ninstrumentQueue function\nshutdown function\nstart function\n',
      stderr: '',
    });
  });

  test.each([
    ['an ES module', 'app.mjs', `import { estimatePower } from 'gridwatch';`],
    ['a CommonJS module', 'app.cjs', `const { estimatePower } = require('gridwatch');`],
  ])('%s gets an estimate of power, and an error that says what was wrong', async (_, name, imports) => {
    const turin = `{ vendor: 'AuthenticAMD', family: 26, model: 2, logicalCpus: 100, utilization: `;
    const shown = `console.log(estimatePower(${turin}1 }).powerW.toFixed(1)); try { estimatePower(${turin}2 }); } catch ({ code }) { console.log(code); }`;
    const { stdout, stderr } = await run(process.execPath, [write(name, `${imports} ${shown}`)], {
      cwd: consumer,
      env,
    });
    expect({ stdout, stderr }).toEqual({ stdout: '117.8\nERR_GRIDWATCH_OPTION\n', stderr: '' });
  });

  test.each([
    ['an ES module', 'app.mjs', `import { Mutex } from 'gridwatch/sync';`],
    ['a CommonJS module', 'app.cjs', `const { Mutex } = require('gridwatch/sync');`],
  ])('%s gets locks, without the agent and with it', async (_, name, imports) => {
    const file = write(name, `${imports} console.log(new Mutex('orders').withLock(() => 'held'));`);
    for (const flags of [[], ['--require', 'gridwatch/register']]) {
      const { stdout, stderr } = await run(process.execPath, [...flags, file], {
        cwd: consumer,
        env: { ...env, GRIDWATCH_LOG: 'off' },
      });
      expect({ stdout, stderr }).toEqual({ stdout: 'held\n', stderr: '' });
    }
  });

  test('the catalog is there for programs to read', async () => {
    const read = `import catalog from 'gridwatch/catalog.json' with { type: 'json' }; console.log(catalog.metrics.length, catalog.spans.length);`;
    const { stdout } = await run(process.execPath, [write('app.mjs', read)], { cwd: consumer, env });
    const [metrics, spans] = stdout.trim().split(' ').map(Number);
    expect(metrics).toBeGreaterThan(50);
    expect(spans).toBeGreaterThan(3);
  });

  test.each(['--require', '--import'])('the gate loads by its name under %s, and the program runs', async (flag) => {
    const app = write('app.mjs', `console.log('the program');`);
    const { stdout, stderr } = await run(process.execPath, [flag, 'gridwatch/register', app], {
      cwd: consumer,
      env: { ...env, GRIDWATCH_LOG: 'text' },
    });
    expect(stdout).toBe('the program\n');
    expect(stderr).not.toMatch(/could not be loaded|Error/);
  });

  test('the command runs, and `path` names the gate of this very package', async () => {
    const command = join(installed, manifest['bin']?.['gridwatch'] ?? 'no command');
    const { stdout } = await run(command, ['path'], { cwd: folder, env });
    expect(stdout).toBe(`${join(installed, 'dist', 'register.cjs')}\n`);
  });
});
