/**
 * Test runners run a suite with workers under the agent as without it: the same tests pass and fail, the exit status is the
 * same, nothing is said of open handles, and the run ends by itself. The runners' own threads and processes are
 * observed, and the suite's workers within them.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { installBeside } from '../support/installed.ts';
import { defaultNode } from '../support/nodes.ts';
import { type Observed, observe } from '../support/observe.ts';
import { type RunResult, runNode } from '../support/run-node.ts';

const SUITES = fileURLToPath(new URL('../fixtures/suites/', import.meta.url));
const VITEST = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
/** The first install takes npm up to a minute. */
const INSTALL_MS = 180_000;
const JEST_VERSION = '30.5.2';

/** Of `workers.cjs`, once a run of it. */
const OUTCOME = [
  'a pool is used and closed: passed',
  'a worker answers: passed',
  'a worker fails: passed',
  'a worker is terminated: passed',
  'this one fails: failed',
];

interface Outcome {
  readonly tests: string[];
  readonly exitCode: number | null;
  readonly isPastDeadline: boolean;
}

async function compare(
  args: readonly string[],
  testsOf: (stdout: string) => string[],
): Promise<{ without: Outcome; withAgent: Outcome; results: RunResult[]; observed: Observed }> {
  const outcomeOf = ({ stdout, exitCode, isPastDeadline }: RunResult): Outcome => ({
    tests: testsOf(stdout).toSorted(),
    exitCode,
    isPastDeadline,
  });
  const alone = await runNode({ args, cwd: SUITES });
  const { result, observed } = await observe({ args, cwd: SUITES, withAgent: 'NODE_OPTIONS' });
  return { without: outcomeOf(alone), withAgent: outcomeOf(result), results: [alone, result], observed };
}

/** The suite's workers have been seen in whatever thread or process the runner has put it. */
function expectWorkersSeen(observed: Observed): void {
  expect(observed.startedThreads()).toEqual(expect.arrayContaining(['answers', 'fails', 'terminated']));
}

/** Lines of TAP but for those of files and suites. */
function testsOfTap(stdout: string): string[] {
  const lines = stdout.matchAll(/^ *(not )?ok \d+ - (?:.*> )?((?:a|this) [^\n>]+?)(?: #[^\n]*)?$/gm);
  return Array.from(lines, ([, not, name]) => `${name}: ${not === undefined ? 'passed' : 'failed'}`);
}

interface JestReport {
  readonly testResults: { readonly assertionResults: { readonly title: string; readonly status: string }[] }[];
}

function testsOfJest(stdout: string): string[] {
  const { testResults } = JSON.parse(stdout) as JestReport;
  return testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ title, status }) => `${title}: ${status}`),
  );
}

const expected = (times: number): Outcome => ({
  tests: OUTCOME.flatMap((line) => Array.from({ length: times }, () => line)),
  exitCode: 1,
  isPastDeadline: false,
});

describe("Node's test runner", () => {
  it.each(['process', 'none'])('with isolation %s', async (isolation) => {
    const flag = defaultNode().major < 24 ? '--experimental-test-isolation' : '--test-isolation';
    const args = ['--test', `${flag}=${isolation}`, '--test-reporter=tap', 'on-node.cjs'];
    const { without, withAgent, observed } = await compare(args, testsOfTap);
    expect(without).toEqual(expected(1));
    expect(withAgent).toEqual(without);
    expectWorkersSeen(observed);
  });
});

describe('Vitest', () => {
  it.each(['threads', 'forks', 'vmThreads'])('with its pool of %s', async (pool) => {
    const args = [VITEST, 'run', '--reporter=tap-flat', `--pool=${pool}`];
    const { without, withAgent, results, observed } = await compare(args, testsOfTap);
    expect(without).toEqual(expected(1));
    expect(withAgent).toEqual(without);
    for (const { stdout, stderr } of results) expect(stdout + stderr).not.toMatch(/close timed out|hanging/);
    // It ends its processes by a signal, which leaves nobody time to deliver.
    if (pool !== 'forks') expectWorkersSeen(observed);
  });
});

describe('Jest', () => {
  const settings = { rootDir: SUITES, testMatch: ['**/on-jest.cjs'], transform: {}, testEnvironment: 'node' };
  /** Two projects are two test files, which Jest runs beside each other. */
  const projects = ['a', 'b'].map((displayName) => ({ ...settings, displayName }));

  it.for([
    { place: 'its own process', options: ['--runInBand', '--detectOpenHandles'], config: settings, times: 1 },
    { place: 'child processes', options: ['--maxWorkers=2'], config: { projects }, times: 2 },
    { place: 'worker threads', options: ['--maxWorkers=2', '--workerThreads'], config: { projects }, times: 2 },
  ])('in $place', { timeout: INSTALL_MS }, async ({ options, config, times }, { skip }) => {
    const installed = await installBeside({ jest: JEST_VERSION });
    if ('reason' in installed) return skip(installed.reason);
    const jest = join(installed.folder, 'node_modules/jest/bin/jest.js');
    const args = [jest, '--json', '--ci', '--cache=false', ...options, '--config', JSON.stringify(config)];
    const { without, withAgent, results, observed } = await compare(args, testsOfJest);
    expect(without).toEqual(expected(times));
    expect(withAgent).toEqual(without);
    const [openWithout, openWithAgent] = results.map(({ stderr }) => openHandles(stderr));
    expect(openWithAgent).toEqual(openWithout);
    expectWorkersSeen(observed);
  });
});

/** What Jest says of handles that are still open; of the pool it does so without the agent, too. */
function openHandles(stderr: string): string[] {
  expect(stderr).not.toMatch(/did not exit/);
  const [, said = ''] = stderr.split('Jest has detected');
  return Array.from(said.matchAll(/^ {2}● +(\S+)$/gm), ([, name = '']) => name);
}
