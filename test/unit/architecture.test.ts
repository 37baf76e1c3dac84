/**
 * The rules of the source tree that no tool knows: who may import whom, what may be loaded on an application thread,
 * and what every file owes its reader. Reads the sources; nothing of the agent runs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'acorn';
import { build, stop } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const MAX_LINES = 320;
const isSource = /\.(?:ts|cts|mts|js|cjs|mjs)$/;

/** Packages, and programs that are named and written as their frameworks want them. */
const isForeign = (folder: string): boolean => /[\\/](?:node_modules|beside[\\/]projects)(?:[\\/]|$)/.test(folder);

function sourcesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && isSource.test(entry.name) && !isForeign(entry.parentPath))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .toSorted();
}

const agentFiles = sourcesIn('agent');
const agentModules = agentFiles.filter((file) => file.endsWith('.ts'));
/* The projects beside which the agent is tried have the names and the form that their frameworks want. */
const isOfFramework = (file: string): boolean => file.startsWith('test/beside/projects/');
const otherFiles = ['test', 'examples', 'collector-config'].flatMap(sourcesIn).filter((file) => !isOfFramework(file));
const allFiles = [...agentFiles, ...otherFiles];
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The folders of `agent/`, and two groups of the files directly in it. */
type Zone =
  | 'base'
  | 'entry'
  | 'config'
  | 'shared-memory'
  | 'app-thread'
  | 'agent-thread'
  | 'instrumentations'
  | 'outside'
  | 'cli';

const BASE_FILES = new Set(['diag.ts', 'errors.ts', 'file-path.ts', 'package-root.ts']);

function zoneOf(file: string): Zone {
  const [, first = '', second] = file.split('/');
  if (second !== undefined) return first as Zone;
  return BASE_FILES.has(first) ? 'base' : 'entry';
}

/** What each zone may import beside itself, types included. */
const MAY_IMPORT: Record<Zone, readonly Zone[]> = {
  base: ['config'],
  config: ['base'],
  'shared-memory': [],
  'app-thread': ['shared-memory', 'config', 'base'],
  'agent-thread': ['shared-memory', 'config', 'base'],
  instrumentations: ['app-thread', 'shared-memory', 'config', 'base'],
  entry: ['app-thread', 'shared-memory', 'instrumentations', 'config', 'base'],
  outside: ['agent-thread', 'shared-memory', 'config', 'base'],
  cli: ['outside', 'config', 'base'],
};

/** Single files any zone may read, and why: they load nothing that is not theirs to load. */
const OPEN_FILES = new Set([
  'agent/agent-thread/telemetry/catalog.ts', // the list of all that is emitted
  'agent/agent-thread/telemetry/catalog/lock-metrics.ts',
  'agent/agent-thread/telemetry/catalog/queue-metrics.ts',
  'agent/app-thread/instrumentation/patched-package.ts', // which packages are patched
  'agent/app-thread/instrumentation/promise-locks/table.ts',
  'agent/app-thread/instrumentation/pools/table.ts',
  'agent/app-thread/instrumentation/queues/table.ts',
  'agent/agent-thread/settings.ts', // what the agent thread is started with
  'agent/agent-thread/energy/sources/choose.ts', // which sources of energy there are, and why not
  'agent/agent-thread/host/proc.ts', // how files of the kernel are read
  'agent/agent-thread/host/cgroup.ts', // what the control group lets a process use
]);

/** Every import of a file, of values and of types. */
function importsOf(file: string): string[] {
  const specifiers = read(file).matchAll(/\b(?:from|import)\s*\(?\s*'([^'\n]+)'/g);
  return Array.from(specifiers, ([, specifier = '']) =>
    specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier,
  );
}

/** What an application thread loads, as the build resolves it: each file, and the packages it imports values from. */
const applicationSide = new Map<string, string[]>();

beforeAll(async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [
      'agent/preload.ts',
      'agent/index.ts',
      'agent/preload-worker.ts',
      'agent/app-thread/lock-patches.ts',
      'agent/app-thread/queue-patches.ts',
      'agent/app-thread/sync/index.ts',
    ],
    outdir: 'unwritten',
    bundle: true,
    write: false,
    metafile: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
  });
  for (const [file, { imports }] of Object.entries(metafile.inputs)) {
    const packages = imports.filter(({ path, external }) => external === true && !path.startsWith('node:'));
    applicationSide.set(
      file,
      packages.map(({ path }) => path),
    );
  }
});

afterAll(stop); // ends the process in which esbuild works

describe('import direction', () => {
  test('a file imports only from its own folder and what that folder may import', () => {
    const forbidden = agentModules.flatMap((file) => {
      const zone = zoneOf(file);
      const allowed = new Set([zone, ...MAY_IMPORT[zone]]);
      const targets = importsOf(file).filter((target) => target.startsWith('agent/') && !OPEN_FILES.has(target));
      return targets.filter((target) => !allowed.has(zoneOf(target))).map((target) => `${file} -> ${target}`);
    });
    expect(forbidden).toEqual([]);
  });

  test('an application thread loads nothing of the agent thread', () => {
    const files = [...applicationSide.keys()];
    expect(files.filter((file) => ['agent-thread', 'outside', 'cli'].includes(zoneOf(file)))).toEqual([]);
  });

  test('an application thread loads no package, @opentelemetry/* least of all', () => {
    expect([...applicationSide].filter(([, packages]) => packages.length > 0)).toEqual([]);
  });

  test('only agent-thread/telemetry/ and the instrumentations for an SDK of the user import OpenTelemetry', () => {
    const own = /^agent\/(?:agent-thread\/telemetry\/|instrumentations\.ts$|instrumentations\/)/;
    const elsewhere = agentModules.filter((file) => !own.test(file));
    const isOpenTelemetry = (target: string): boolean => target.startsWith('@opentelemetry/');
    expect(elsewhere.filter((file) => importsOf(file).some(isOpenTelemetry))).toEqual([]);
  });

  test('of what the build joins into one file, only files directly in agent/ resolve paths', () => {
    const resolvers = [...applicationSide.keys()].filter((file) => read(file).includes('import.meta.url'));
    expect(resolvers.filter((file) => posix.dirname(file) !== 'agent')).toEqual([]);
  });
});

test.each(['agent/register.cjs', 'test/run.cjs', 'examples/start.cjs'])('%s is ES5, for old Nodes to read', (file) => {
  expect(() => parse(read(file), { ecmaVersion: 5, sourceType: 'script', allowHashBang: true })).not.toThrow();
});

describe('every file', () => {
  const headOf = (file: string): string => /^(?:#!.*\n)?(\/\*[\s\S]*?\*\/)/.exec(read(file))?.[1] ?? '';

  test('opens with a comment', () => {
    expect(allFiles.filter((file) => headOf(file) === '')).toEqual([]);
  });

  test('of the agent says which thread or process runs it', () => {
    expect(agentModules.filter((file) => !/thread|process/i.test(headOf(file)))).toEqual([]);
  });

  test('is short enough to be read at once', () => {
    expect(allFiles.filter((file) => read(file).split('\n').length > MAX_LINES + 1)).toEqual([]);
  });

  test('leaves nothing for later', () => {
    const leavesWork = /\b(?:T[O]DO|F[I]XME)\b/;
    expect(allFiles.filter((file) => leavesWork.test(read(file)))).toEqual([]);
  });

  test('has a name in kebab-case that says what it is', () => {
    const vague = /(?:^|-)(?:utils?|helpers?|common|manager|misc)$/;
    const misnamed = allFiles.filter((file) => {
      const parts = file.replace(/(?:\.test|\.spec|\.d)?\.[cm]?[jt]s$/, '').split('/');
      return parts.some((part) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part) || vague.test(part));
    });
    expect(misnamed).toEqual([]);
  });
});
