/**
 * A reporter for `test/run.cjs`: writes down how many tests passed, failed and were skipped, and why.
 *
 * Runs in vitest's main process, beside its own reporter. A file that cannot be loaded, a hook that throws and an
 * error outside of any test count as failures, since a suite with one of them has not passed.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** The file to write to; without it the reporter is silent. */
const FILE_VARIABLE = 'GRIDWATCH_TEST_TALLY';

export interface Tally {
  passed: number;
  failed: number;
  /** One line for each failure: the file, the test's name, and the first line of what it said. */
  failures: string[];
  /** One line for each skipped test: its file, its name, and the reason given to `skip`. */
  skipped: string[];
}

export class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env[FILE_VARIABLE];
    if (file === undefined) return;
    const tally: Tally = { passed: 0, failed: 0, failures: [], skipped: [] };
    for (const error of unhandledErrors) addFailure(tally, 'outside of any test', error);
    for (const module of modules) addModule(tally, module);
    writeFileSync(file, JSON.stringify(tally));
  }
}

function addModule(tally: Tally, module: TestModule): void {
  const file = module.relativeModuleId;
  for (const error of module.errors()) addFailure(tally, file, error);
  for (const suite of module.children.allSuites())
    for (const error of suite.errors()) addFailure(tally, `${file} > ${suite.fullName}`, error);
  const otherReason = module.state() === 'failed' ? 'not run, its file has failed' : 'no reason given';
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === 'passed') tally.passed++;
    else if (result.state === 'skipped')
      tally.skipped.push(`${file} > ${test.fullName}: ${result.note ?? otherReason}`);
    // A pending test was cut off in its middle.
    else addFailure(tally, `${file} > ${test.fullName}`, result.errors?.[0]);
  }
}

function addFailure(tally: Tally, where: string, error: unknown): void {
  const message = (error as Error | undefined)?.message ?? 'cut off';
  tally.failed++;
  tally.failures.push(`${where}: ${message.split('\n', 1)[0]}`);
}
