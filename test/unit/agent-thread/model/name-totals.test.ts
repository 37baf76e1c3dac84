/** Counters by name run on, are bounded, and lose nothing nobody was told of. */
import { describe, expect, test } from 'vitest';
import { NameTotals } from '../../../../agent/agent-thread/model/name-totals.ts';

function add(sums: Float64Array, value: number): void {
  sums[0] = (sums[0] as number) + value;
}

function told(totals: NameTotals): Record<string, number> {
  return Object.fromEntries(Array.from(totals.tell(), ([name, sums]) => [name, sums[0] as number]));
}

describe('NameTotals', () => {
  test('run on from one bearer of a name to the next', () => {
    const totals = new NameTotals(1);
    add(totals.take('worker-1'), 5);
    totals.giveBack('worker-1');
    expect(told(totals)).toEqual({ 'worker-1': 5 });
    add(totals.take('worker-1'), 2);
    expect(told(totals)).toEqual({ 'worker-1': 7 });
  });

  test('of names nobody bears any more the last 128 are kept', () => {
    const totals = new NameTotals(1);
    for (let i = 0; i < 200; i++) {
      add(totals.take(`job-${i}`), 1);
      told(totals);
      totals.giveBack(`job-${i}`);
    }
    const names = Object.keys(told(totals));
    expect(names).toHaveLength(128 + 1);
    expect(names).toContain('job-199');
    expect(names).not.toContain('job-0');
  });

  test('they are 128 however often one of them is taken up again', () => {
    const totals = new NameTotals(1);
    for (let i = 0; i < 200; i++) {
      totals.take(`job-${i}`);
      totals.giveBack(`job-${i}`);
    }
    for (let round = 0; round < 5; round++) {
      totals.take('job-199');
      totals.giveBack('job-199');
    }
    expect(Object.keys(told(totals))).toHaveLength(128 + 1);
  });

  test('what was told of a forgotten name is not told again, what was not goes to _OTHER', () => {
    const totals = new NameTotals(1);
    add(totals.take('long'), 10);
    told(totals);
    add(totals.take('long'), 3);
    totals.giveBack('long');
    for (let i = 0; i < 128; i++) {
      add(totals.take(`job-${i}`), 1);
      totals.giveBack(`job-${i}`);
    }
    expect(told(totals)).toMatchObject({ _OTHER: 3 });
    expect(told(totals)).not.toHaveProperty('long');
  });

  test('a name that was never taken is given back without harm', () => {
    const totals = new NameTotals(1);
    totals.giveBack('nobody');
    expect(told(totals)).toEqual({});
  });
});
