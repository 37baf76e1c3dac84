/**
 * Every worker is observed exactly once, whichever way it is started and whichever way the agent came into the program;
 * those that the settings exclude are not. A `worker.start` span is what shows that a thread is observed, and as whom.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NodeBinary } from '../support/nodes.ts';
import { BUILT_REGISTER_FILE, type Observed, observe } from '../support/observe.ts';
import type { RunOptions } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const APPS = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));
const { present, missing } = await findTestedNodes();

/** Every `thread.name` of `spawns.cjs`; the last three are those of workers that share a name or have none. */
const THREADS = [
  'by-data-url',
  'by-path',
  'by-url',
  'child',
  'code',
  'code-with-own-exec-argv-and-env',
  'es-module',
  'es-module-code',
  'grandchild',
  'no-exec-argv',
  'own-env',
  'own-exec-argv',
  'own-exec-argv-and-env',
  'parent',
  'parent-with-own-env',
  'shared-env',
  'shared-env-and-own-exec-argv',
  'subclass',
  'twin',
  'twin-1',
  'with-limits-and-pipes',
  'worker-1',
  'worker-2',
];

/** A program's folder in which the package is installed, as far as Node's resolution can tell. */
let consumer: string;

beforeAll(() => {
  consumer = realpathSync(mkdtempSync(join(tmpdir(), 'gridwatch-workers-')));
  mkdirSync(join(consumer, 'node_modules'));
  symlinkSync(ROOT, join(consumer, 'node_modules', 'gridwatch'), 'junction');
});

afterAll(() => rmSync(consumer, { recursive: true, force: true }));

const program = (name: string): string => join(APPS, name);

type Route = (node: NodeBinary, args: readonly string[]) => RunOptions;

/** The ways into a program that are tried on every Node. */
const ROUTES: Readonly<Record<string, Route>> = {
  '--require': (node, args) => ({ node, args, withAgent: 'require' }),
  '--import': (node, args) => ({ node, args, withAgent: 'import' }),
  NODE_OPTIONS: (node, args) => ({ node, args, withAgent: 'NODE_OPTIONS' }),
};

/** Other spellings of the same, for one Node of the matrix. */
const SPELLINGS: Readonly<Record<string, Route>> = {
  '--require gridwatch/register': (node, args) => bare(node, ['--require', 'gridwatch/register', ...args]),
  '--import=gridwatch/register': (node, args) => bare(node, ['--import=gridwatch/register', ...args]),
  'NODE_OPTIONS with the bare name': (node, args) => ({
    ...bare(node, args),
    env: { NODE_OPTIONS: '--no-warnings --require gridwatch/register' },
  }),
  'NODE_OPTIONS with --import': (node, args) => ({
    ...bare(node, args),
    env: { NODE_OPTIONS: `--import "${pathToFileURL(BUILT_REGISTER_FILE).href}"` },
  }),
};

function bare(node: NodeBinary, args: readonly string[]): RunOptions {
  return { node, args, withAgent: false, cwd: consumer };
}

function fromCode(node: NodeBinary, [file = '', ...args]: readonly string[]): RunOptions {
  return {
    node,
    args: [program('started.cjs'), file, ...args],
    withAgent: false,
    env: { APP_GRIDWATCH: join(ROOT, 'dist/index.js') },
  };
}

async function run(options: RunOptions): Promise<{ output: unknown; observed: Observed }> {
  const { result, observed } = await observe(options);
  const { stdout, stderr, exitCode } = result;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return { output: JSON.parse(stdout), observed };
}

describe.each(missing)('without a Node to test', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.each(present)('on Node $version', (node) => {
  const routes = node === present.at(-1) ? { ...ROUTES, ...SPELLINGS } : ROUTES;

  it.each(Object.entries({ ...routes, 'start()': fromCode }))('all workers are observed, by %s', async (_, route) => {
    const { output, observed } = await run(route(node, [program('spawns.cjs')]));
    expect(observed.startedThreads()).toEqual(THREADS);
    expect(observed.sum('gridwatch.thread.exits')).toBe(THREADS.length);
    expect(observed.sum('gridwatch.thread.exits', { 'error.type': undefined })).toBe(THREADS.length);
    expect(observed.count('gridwatch.thread.startup.duration')).toBe(THREADS.length);
    for (const thread of THREADS)
      expect(observed.sum('gridwatch.thread.cpu.time', { 'thread.name': thread })).toBeDefined();

    const { seen, own, codes } = output as { seen: Record<string, unknown>; own: unknown; codes: unknown };
    const untouched = ['data of the program', null];
    expect(Object.values(seen)).toEqual(Object.keys(seen).map(() => untouched));
    expect({ own, codes }).toEqual({ own: untouched, codes: [0] });
  });

  it.each(Object.entries(routes))('processes started in another folder are observed, by %s', async (name, route) => {
    const isInEnvironment = name.startsWith('NODE_OPTIONS');
    // A spawned process has the parent's environment, but not its options.
    const ways = isInEnvironment ? ['fork', 'cluster', 'spawn'] : ['fork', 'cluster'];
    const { output, observed } = await run(route(node, [program('children.cjs'), ...ways]));
    const { main, ...children } = output as Record<string, number>;
    const pids = observed.series('gridwatch.agent.uptime').map(({ resource }) => resource['process.pid']);
    expect(pids).toHaveLength(ways.length + 1);
    expect(new Set(pids)).toEqual(new Set([main, ...Object.values(children)]));
    const starts = observed.spans.filter((span) => span.name === 'worker.start child-worker');
    expect(starts).toHaveLength(ways.length);
    expect(new Set(starts.map(({ resource }) => resource['process.pid']))).toEqual(new Set(Object.values(children)));
  });
});

describe('excluded threads', () => {
  it.each([
    ['none', '', ['child-of-quiet', 'in-a-quiet-file', 'quiet', 'seen']],
    ['by name', 'quiet', ['in-a-quiet-file', 'seen']],
    ['by file', '*-module.mjs', ['child-of-quiet', 'quiet', 'seen']],
    ['by file and name', 'apps/*-module.mjs,qui*', ['seen']],
    ['all', '**', []],
  ])('%s', async (_, patterns, expected) => {
    const env = { GRIDWATCH_EXCLUDE_THREADS: patterns };
    const { result, observed } = await observe({ args: [program('excluded.cjs')], env });
    expect(result).toMatchObject({ exitCode: 0, stdout: 'end\n', stderr: '' });
    expect(observed.startedThreads()).toEqual(expected);
    expect(observed.sum('gridwatch.thread.exits')).toBe(expected.length);
  });
});
