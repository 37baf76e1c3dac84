/**
 * The agent where it is switched off, damaged, misconfigured or shut out: the program runs as if it were not there, and
 * standard error says in a line what is missing.
 */
import { cp, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildAgent } from '../support/build-agent.ts';
import { eventually } from '../support/eventually.ts';
import { defaultNode } from '../support/nodes.ts';
import { type Outcome, outcomeOf } from '../support/outcome.ts';
import { type RunOptions, runNode, startNode } from '../support/run-node.ts';

const APPS = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Nobody listens on the discard port: a connection is refused at once. */
const NO_COLLECTOR = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };

let registerFile: string;
beforeAll(async () => {
  registerFile = await buildAgent();
}, 120_000);

interface Compared {
  readonly without: Outcome;
  /** With the agent; its own lines are in `said`, and not in `stderr`. */
  readonly withAgent: Outcome;
  readonly said: readonly string[];
}

function saidIn(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('gridwatch: '));
}

/** Runs a program without and with the agent, which may speak. */
async function compare(options: RunOptions): Promise<Compared> {
  const env = { GRIDWATCH_LOG: 'text', ...NO_COLLECTOR, ...options.env };
  const common = { cwd: APPS, ...options, env };
  const [without, withAgent] = await Promise.all([
    runNode({ ...common, withAgent: false }),
    runNode({ registerFile, ...common, withAgent: options.withAgent ?? true }),
  ]);
  const lines = withAgent.stderr.split('\n');
  const stderr = lines.filter((line) => !line.startsWith('gridwatch: ')).join('\n');
  const said = saidIn(withAgent.stderr);
  return { without: outcomeOf(without), withAgent: outcomeOf({ ...withAgent, stderr }), said };
}

describe('switched off', () => {
  it.each([
    ['GRIDWATCH_ENABLED', 'false'],
    ['OTEL_SDK_DISABLED', 'true'],
  ])('by %s=%s only the gate runs, and says so', async (name, value) => {
    const env = { [name]: value, APP_SHOWS_ALL: '1' };
    const { without, withAgent, said } = await compare({ args: ['surface.cjs'], env });
    expect(withAgent).toEqual(without);
    expect(said).toEqual([`gridwatch: off: ${name}=${value}`]);
  });

  it('says nothing with GRIDWATCH_LOG=off', async () => {
    const env = { GRIDWATCH_ENABLED: 'no', GRIDWATCH_LOG: 'off', APP_SHOWS_ALL: '1' };
    const { without, withAgent, said } = await compare({ args: ['surface.cjs'], env });
    expect(withAgent).toEqual(without);
    expect(said).toEqual([]);
  });

  it('starts no thread, and touches nothing, for an instance outside of the ratio', async () => {
    const env = { GRIDWATCH_ENABLE_RATIO: '0', APP_SHOWS_ALL: '1' };
    const { without, withAgent, said } = await compare({ args: ['surface.cjs'], env });
    expect(withAgent).toEqual(without);
    expect(said).toEqual([]);
  });
});

describe('with settings that are wrong', () => {
  it('names all of them, and the program runs', async () => {
    const env = { GRIDWATCH_LOCK_TRESHOLD_MS: '5', GRIDWATCH_MAX_CPU: '7', GRIDWATCH_FEATURES: 'gc,hepa' };
    const { without, withAgent, said } = await compare({ args: ['ends.cjs', 'exit-in-timer'], env });
    expect(withAgent).toEqual(without);
    expect(said).toEqual(
      expect.arrayContaining([
        'gridwatch: GRIDWATCH_LOCK_TRESHOLD_MS is not a setting and is ignored; did you mean GRIDWATCH_LOCK_THRESHOLD_MS?',
        'gridwatch: GRIDWATCH_MAX_CPU: "7" is ignored (expected a number from 0.001 to 1 cores); 0.05 holds',
        expect.stringMatching(/^gridwatch: GRIDWATCH_FEATURES: "hepa" is ignored \(expected .*\); gc holds$/),
      ]),
    );
  });
});

describe('with a part of the package missing', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'gridwatch-damaged-')));
    await cp(dirname(registerFile), join(folder, 'dist'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
  });
  afterEach(async () => rm(folder, { recursive: true }));

  it.each([
    ['its dependencies', undefined],
    ['the preload', 'preload.js'],
    ["the agent thread's program", 'agent-thread/main.js'],
    ['what that program loads', 'agent-thread/agent.js'],
  ])('%s', async (_what, missing) => {
    if (missing !== undefined) await rm(join(folder, 'dist', missing), { recursive: true });
    const damaged = join(folder, 'dist', 'register.cjs');
    for (const args of [
      ['ends.cjs', 'exit-in-timer'],
      ['errors.cjs', 'uncaught'],
      ['worker-ends.cjs', 'natural'],
    ]) {
      const { without, withAgent } = await compare({ args, registerFile: damaged });
      expect(withAgent).toEqual(without);
    }
    // It lives until it has heard that the agent thread has failed, and for a while in any case: it is to hear that once.
    const running = startNode({
      args: ['-e', 'process.stdin.resume(); setTimeout(() => {}, 900)'],
      isInputOpen: true,
      cwd: APPS,
      withAgent: true,
      registerFile: damaged,
      env: { GRIDWATCH_LOG: 'text', ...NO_COLLECTOR },
    });
    await eventually('a line of the agent', () => saidIn(running.stderr()).length > 0);
    running.endInput();
    expect(saidIn((await running.ended).stderr)).toHaveLength(1);
  });
});

describe('in a place that is hard to work in', () => {
  const { file, version, major } = defaultNode();

  /** The program in a shell that has changed its surroundings; the agent comes by NODE_OPTIONS. */
  async function compareInShell(before: string, args: readonly string[], shell = ['sh']): Promise<Compared> {
    const [command = '', ...rest] = shell;
    const shellArgs = [...rest, '-c', `${before} && exec "$@"`, 'sh', file, ...args];
    return compare({ node: { file: command, version, major }, args: shellArgs, withAgent: 'NODE_OPTIONS' });
  }

  it('without /proc', async ({ skip }) => {
    const privateMounts = ['unshare', '--user', '--map-root-user', '--mount', 'sh'];
    const hideProc = 'mount -t tmpfs none /proc';
    const probe = await compareInShell(hideProc, ['--version'], privateMounts).catch(() => undefined);
    if (probe?.without.exitCode !== 0) skip('needs `unshare` and user namespaces, to hide /proc from one program');
    for (const args of [
      ['ends.cjs', 'exit-in-timer'],
      ['worker-ends.cjs', 'natural'],
      ['worker-ends.cjs', 'parked', 'terminates'],
    ]) {
      const { without, withAgent } = await compareInShell(hideProc, args, privateMounts);
      expect(withAgent).toEqual(without);
    }
  });

  it('in a folder that has been removed', async () => {
    const { without, withAgent } = await compareInShell('d=$(mktemp -d) && cd "$d" && rmdir "$d"', [
      join(APPS, 'ends.cjs'),
      'natural',
    ]);
    expect(withAgent).toEqual(without);
  });

  it('without an environment', async () => {
    const { without, withAgent } = await compareInShell('unset HOME PATH TMPDIR LANG', ['worker-shapes.cjs']);
    expect(withAgent).toEqual(without);
  });

  it('with few descriptors', async () => {
    const { without, withAgent } = await compareInShell('ulimit -n 40', ['worker-ends.cjs', 'natural']);
    expect(withAgent).toEqual(without);
  });
});

describe('under a test runner', () => {
  it.each(['forks', 'threads'])('Vitest, with its pool of %s', async (pool) => {
    const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
    const suite = fileURLToPath(new URL('../fixtures/vitest/', import.meta.url));
    const args = [vitest, 'run', '--root', suite, '--pool', pool, '--reporter', 'tap-flat', '--no-cache'];
    const { without, withAgent } = await compare({ args, withAgent: 'NODE_OPTIONS', env: { GRIDWATCH_LOG: 'off' } });
    expect(without.stdout).toMatch(/^1\.\.2$/m);
    expect(withAgent).toEqual(without);
  });
});
