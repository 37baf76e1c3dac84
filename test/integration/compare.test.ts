/**
 * `gridwatch compare` on real programs: one that does three times the work of another is found to use about as much more, one is found to be like
 * itself, and what goes wrong is said. Needs Linux.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runNode } from '../support/run-node.ts';

const MAIN = fileURLToPath(new URL('../../agent/cli/main.ts', import.meta.url));

/** Counts to a number, in a process that has nothing else to do. */
function counting(to: number): readonly string[] {
  return ['sh', '-c', `i=0; while [ $i -lt ${to} ]; do i=$((i+1)); done; echo done`];
}

function compare(...args: readonly string[]): ReturnType<typeof runNode> {
  return runNode({ args: [MAIN, 'compare', ...args] });
}

interface Told {
  readonly rounds: number;
  readonly a: { readonly runs: readonly unknown[] };
  readonly b: { readonly runs: readonly unknown[] };
  readonly energySource: string;
  readonly measures: readonly {
    readonly name: string;
    readonly verdict: string;
    readonly ratio: { readonly ratio: number; readonly low: number; readonly high: number };
    readonly bounded: { readonly low: number; readonly high: number } | null;
  }[];
}

describe.skipIf(process.platform !== 'linux')('gridwatch compare (needs Linux)', () => {
  it('finds three times the work to be more CPU time and energy, by about that much', async () => {
    const { stdout, stderr, exitCode } = await compare(
      '--rounds',
      '4',
      '--json',
      '--',
      ...counting(200_000),
      '--vs',
      ...counting(600_000),
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const { rounds, a, b, measures, energySource } = JSON.parse(stdout) as Told;
    expect([rounds, a.runs.length, b.runs.length]).toEqual([4, 4, 4]);
    const byName = new Map(measures.map((measure) => [measure.name, measure]));
    expect(byName.get('cpuS')?.ratio.ratio).toBeGreaterThan(2.2);
    expect(byName.get('cpuS')?.ratio.ratio).toBeLessThan(4);
    expect([byName.get('cpuS')?.verdict, byName.get('activeEnergyJ')?.verdict]).toEqual(['more', 'more']);
    expect(byName.get('activeEnergyJ')?.bounded?.low).toBeLessThan(byName.get('activeEnergyJ')?.ratio.low as number);
    expect(energySource).toMatch(/^(?:rapl|host|hwmon|model:)/);
  });

  it('prints a table, and nothing of the programs', async () => {
    const { stdout, exitCode } = await compare('--rounds', '3', '--', ...counting(30_000), '--vs', ...counting(30_001));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^gridwatch: 3 rounds of A and B/);
    expect(stdout).toMatch(/\n {2}CPU time +\d+ ms +\d+ ms /);
    expect(stdout).not.toContain('\ndone');
  });

  it('adds garbage collection from inside of two Node programs', async () => {
    const collecting = (times: number): readonly string[] => [
      'node',
      '--expose-gc',
      '-e',
      `for (let i = 0; i < ${times}; i++) gc()`,
    ];
    const { stdout, stderr, exitCode } = await compare(
      '--rounds',
      '3',
      '--inside',
      '--json',
      '--',
      ...collecting(5),
      '--vs',
      ...collecting(60),
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const { measures } = JSON.parse(stdout) as Told;
    expect(measures.find(({ name }) => name === 'gcS')).toMatchObject({ verdict: 'more' });
    expect(measures.find(({ name }) => name === 'lockWaitS')).toMatchObject({ medianA: 0, ratio: null });
  });

  it('ends at a program that fails, with what it said', async () => {
    const failing = ['sh', '-c', 'echo it broke >&2; exit 3'];
    expect(await compare('--', 'true', '--vs', ...failing)).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr:
        'gridwatch compare: B (sh -c echo it broke >&2; exit 3) ended with exit code 3: what fails cannot be compared. It said last:\n  it broke\n',
    });
    expect(await compare('--', 'no such program', '--vs', 'true')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(
        /^gridwatch compare: A cannot be run: there is no program .* Write its words apart/,
      ),
    });
    expect(await compare('--rounds', '0', '--', 'true', '--vs', 'true')).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
