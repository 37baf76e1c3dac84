/** What `gridwatch compare` says of runs: how much, how surely, and what it does not know. */
import { describe, expect, it } from 'vitest';
import { type Comparison, jsonOf, measuresOf, type Run, renderComparison } from '../../../agent/cli/compare-report.ts';

const RUN: Run = { wallS: 1, cpuS: 2, activeEnergyJ: 5, runnableS: 0.1, switches: 100 };

/** Five runs that differ by up to two hundredths. */
function runs(over: Partial<Run> = {}): Run[] {
  const run = { ...RUN, ...over };
  return [0.98, 1.01, 1, 0.99, 1.02].map((factor) => ({
    wallS: run.wallS * factor,
    cpuS: run.cpuS * factor,
    activeEnergyJ: run.activeEnergyJ === undefined ? undefined : run.activeEnergyJ * factor,
    runnableS: run.runnableS === undefined ? undefined : run.runnableS * factor,
    switches: run.switches * factor,
  }));
}

function comparison(b: Partial<Run>, { a = {}, shuffle = true } = {}): Comparison {
  const other = runs(b);
  return {
    commands: [['one', 'a b'], ['two\u001b[31m']],
    a: runs(a),
    b: shuffle ? other.toReversed() : other,
    energySource: 'model:family',
    isInside: false,
  };
}

describe('measuresOf', () => {
  it('says more, less, or that it does not see a difference', () => {
    const measures = measuresOf(comparison({ wallS: 2, cpuS: 1, switches: 101 }));
    expect(measures.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
      'wallS more',
      'cpuS less',
      'activeEnergyJ no clear difference',
      'runnableS no clear difference',
      'switches no clear difference',
    ]);
    expect(measures[0]?.ratio?.ratio).toBeCloseTo(2, 2);
    expect([measures[0]?.medianA, measures[0]?.medianB]).toEqual([1, 2]);
  });

  it('believes a difference of energy only beyond what the estimates can be wrong by', () => {
    const verdictAt = (factor: number): string | undefined =>
      measuresOf(comparison({ activeEnergyJ: 5 * factor })).find(({ name }) => name === 'activeEnergyJ')?.verdict;
    expect([verdictAt(1.2), verdictAt(1.3), verdictAt(0.75)]).toEqual(['no clear difference', 'more', 'less']);
  });

  it('has no ratio of what is unknown, or nothing, in a run', () => {
    const measures = measuresOf(comparison({ activeEnergyJ: undefined, runnableS: 0 }));
    expect(measures.filter(({ verdict }) => verdict === 'unknown').map(({ name }) => name)).toEqual([
      'activeEnergyJ',
      'runnableS',
    ]);
  });
});

describe('renderComparison', () => {
  it('shows medians, ratio, interval and words for each measure', () => {
    const text = renderComparison(comparison({ wallS: 2, activeEnergyJ: 5.5 }, { shuffle: false }));
    expect(text).toContain('5 rounds of A and B in alternating order');
    expect(text).toContain('  A  one a b\n  B  two\n');
    expect(text).toMatch(/wall time +1 s +2 s +2\.000 +2\.000 to 2\.000 +B takes more\n/);
    expect(text).toMatch(
      /CPU time +2 s +2 s +1\.000 +1\.000 to 1\.000 +no clear difference: the interval contains 1\n/,
    );
    expect(text).toMatch(
      /energy, active +5 J +5\.5 J +1\.100 .* no clear difference: the estimates are not good enough/,
    );
    expect(text).toMatch(/by a factor of 1\.2: with that, 0\.885 to 1\.367\./);
    expect(text).toContain('Contention and garbage collection inside the programs are not looked at');
    expect(text).not.toContain('ticks');
  });

  it('says what is too short to be told', () => {
    const text = renderComparison(comparison({ cpuS: 0.1, activeEnergyJ: undefined }));
    expect(text).toContain('CPU time is counted in ticks of 10 ms');
    expect(text).toContain('There is no ratio of energy: the runs are too short');
    expect(text).toMatch(/energy, active +5 J +unknown +no ratio/);
  });
});

it('adds what the agent has told from inside', () => {
  const told = (run: Run, i: number): Run => ({ ...run, lockWaitS: 1 + i / 100, contentions: 10, gcS: 0 });
  const { a, b, ...rest } = comparison({});
  const text = renderComparison({ ...rest, a: a.map(told), b: b.map(told), isInside: true });
  expect(text).toContain('with the agent inside');
  expect(text).toMatch(/lock waits +1\.02 s +1\.02 s +1\.000/);
  expect(text).toMatch(/contentions +10 +10 +1\.000/);
  expect(text).toMatch(/GC pauses +0 ms +0 ms +no ratio/);
  expect(text).toContain('with what the agent costs in both');
});

it('gives programs every run, and null for what is not known', () => {
  const json = JSON.parse(jsonOf(comparison({ runnableS: undefined }), '1.2.3')) as Record<string, unknown>;
  expect(json).toMatchObject({
    version: '1.2.3',
    rounds: 5,
    a: { command: ['one', 'a b'] },
    energySource: 'model:family',
    sameHostFactor: 1.2,
    leftOut: ['contention', 'gc'],
  });
  expect((json['a'] as { runs: Run[] }).runs).toHaveLength(5);
  const measures = json['measures'] as { name: string; ratio: unknown; bounded: unknown; medianB: unknown }[];
  expect(measures.find(({ name }) => name === 'runnableS')).toMatchObject({
    ratio: null,
    bounded: null,
    medianB: null,
  });
});
