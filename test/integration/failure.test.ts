/**
 * When the agent thread fails, the program does not notice: output and exit status stay, exit is not delayed. It is said
 * once, the agent is started anew with a back-off, and how often is counted. What a program scribbles over the shared
 * memory does not make it fail.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import {
  BUILT_REGISTER_FILE,
  DEFAULT_EXIT,
  type Observed,
  type ObservedProgram,
  observe,
  startObserved,
} from '../support/observe.ts';
import type { RunOptions, RunResult } from '../support/run-node.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const APPS = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));

/** Of an exit's flush. */
const DEADLINE_MS = 2000;

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gridwatch-failure-')));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The package and its dependencies as npm lays them out, in a folder of the test's own; gives back that of the package. */
function install(): string {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@opentelemetry'), { recursive: true });
  cpSync(join(ROOT, 'dist'), join(modules, 'gridwatch/dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(modules, 'gridwatch/package.json'));
  for (const name of readdirSync(join(ROOT, 'node_modules/@opentelemetry'))) {
    symlinkSync(join(ROOT, 'node_modules/@opentelemetry', name), join(modules, '@opentelemetry', name));
  }
  return join(modules, 'gridwatch');
}

async function startCrashing(crashes: number, env: RunOptions['env'] = {}): Promise<ObservedProgram> {
  const installed = install();
  const main = join(installed, 'dist/agent-thread/main.js');
  writeFileSync(main, readFileSync(join(APPS, 'crash-agent.mjs'), 'utf8') + readFileSync(main, 'utf8'));
  return startObserved({
    args: ['until-told.cjs'],
    cwd: APPS,
    registerFile: join(installed, 'dist/register.cjs'),
    env: {
      APP_CRASHES: String(crashes),
      APP_CRASHES_LOG: join(folder, 'starts'),
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      ...env,
    },
  });
}

/** Sends SIGTERM; the time from then to the end is what an exit takes. */
async function end({ running }: ObservedProgram): Promise<{ result: RunResult; tookMs: number }> {
  const toldMs = performance.now();
  running.child.kill('SIGTERM');
  const result = await running.ended;
  return { result, tookMs: performance.now() - toldMs };
}

const UNDISTURBED = { stdout: 'ready\nexit 5\n', exitCode: 5, signal: null };

describe('an agent thread that fails', () => {
  it.each([
    ['while it loads', '1'],
    ['after a while', '0'],
  ])('%s is started anew, and its threads are observed again', async (_, atOnce) => {
    await using program = await startCrashing(1, { APP_CRASHES_AT_ONCE: atOnce });
    await program.running.waitForOutput('ready\n');
    const restarts = (): number | undefined => program.observed.sum('gridwatch.agent.restarts');
    await program.receiver.waitFor('metrics of the second agent thread', () => restarts() === 1);
    const { result } = await end(program);
    expect(result).toMatchObject(UNDISTURBED);
    expect(result.stderr).toMatch(/^gridwatch: the agent thread failed \(not in this thread\); [^\n]*\n$/);
    expect(liveThreads(program.observed)).toEqual({ main: 1, worker: 1 });
    expect(program.observed.states('beside')['idle']).toBeGreaterThan(0);
  });

  it('at every start is started less and less often, and delays the exit by no more than the deadline', async () => {
    await using program = await startCrashing(Infinity, { APP_CRASHES_AT_ONCE: '1', ...DEFAULT_EXIT });
    await program.running.waitForOutput('ready\n');
    const [first = 0, second = 0, third = 0] = await eventually('three starts', () => {
      const startsMs = readFileSync(join(folder, 'starts'), 'utf8').trim().split('\n').map(Number);
      return startsMs.length >= 3 ? startsMs : undefined;
    });
    expect(second - first).toBeGreaterThan(950);
    expect(third - second).toBeGreaterThan(1900);
    // The third one may be about to fail at this moment, which a main thread that waits for it cannot hear of.
    const { result, tookMs } = await end(program);
    expect(result).toMatchObject(UNDISTURBED);
    expect(result.stderr.match(/\n/g)).toHaveLength(1);
    expect(tookMs).toBeLessThan(DEADLINE_MS + 900);
  });
});

function liveThreads(observed: Observed): Record<string, number | undefined> {
  const of = (role: string): number | undefined =>
    observed.sum('gridwatch.thread.count', { 'gridwatch.thread.role': role });
  return { main: of('main'), worker: of('worker') };
}

describe('a file that is missing', () => {
  /** The gate of a package that lacks a file, or one of what it depends on. */
  function installWithout(missing: string): string {
    const installed = install();
    rmSync(join(installed, '..', missing), { recursive: true });
    return join(installed, 'dist/register.cjs');
  }

  const missingFiles: [string, RegExp][] = [
    ['gridwatch/dist/preload.js', /^gridwatch: off: .*\n$/],
    ['gridwatch/dist/agent-thread/main.js', /^gridwatch: .*\n$/],
    ['@opentelemetry/sdk-node', /^gridwatch: .*\n$/],
  ];

  it.each(missingFiles)('%s is said in one line, and the program runs', async (missing, line) => {
    const registerFile = installWithout(missing);
    await using program = await startObserved({ args: ['until-told.cjs'], cwd: APPS, registerFile, env: DEFAULT_EXIT });
    let stderr = '';
    program.running.child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    await program.running.waitForOutput('ready\n');
    await eventually('a line', () => stderr.endsWith('\n'));
    const { result, tookMs } = await end(program);
    expect(result).toMatchObject(UNDISTURBED);
    expect(result.stderr).toMatch(line);
    expect(tookMs).toBeLessThan(1000);
  });

  it.each(missingFiles)('%s delays the end of a short program by no more than the deadline', async (missing) => {
    const args = ['-e', 'console.log("runs"); process.exit(7)'];
    const { result } = await observe({ args, registerFile: installWithout(missing), env: DEFAULT_EXIT });
    expect(result).toMatchObject({ stdout: 'runs\n', exitCode: 7, signal: null });
    expect(result.durationMs).toBeLessThan(DEADLINE_MS + 1500);
  });
});

describe('shared memory that the program scribbles over', () => {
  it.each(['random', 'ones', 'zeros', 'plausible', 'doubles'])(
    'with %s words neither fails the agent thread nor hangs the exit',
    async (pattern) => {
      const gridwatch = BUILT_REGISTER_FILE.replace('register.cjs', 'index.js');
      const args = ['scribbles.cjs', pattern, gridwatch];
      await using program = await startObserved({ args, cwd: APPS, env: DEFAULT_EXIT });
      await program.running.waitForOutput(`${pattern} `);
      const saidMs = performance.now();
      const result = await program.running.ended;
      // All is said, and what is left is an exit at its deadline.
      expect(performance.now() - saidMs).toBeLessThan(DEADLINE_MS + 1500);
      expect(result).toMatchObject({ exitCode: 3, signal: null, isPastDeadline: false });
      expect(result.stdout).toMatch(new RegExp(`^${pattern} \\d+\\n$`));
      expect(result.stderr).not.toMatch(/failed|Error/);
    },
  );
});
