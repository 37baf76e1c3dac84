/** The time that others waited, by who caused it: counted once each, in few series, the worst places apart. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LockBlame } from '../../../../agent/agent-thread/model/lock-blame.ts';
import { collectFrom, type Written } from '../../../support/recording-sink.ts';

const told = (blame: LockBlame): Written => collectFrom({ collect: (sink) => blame.emit(sink, {}) });
const series = (thread: string, site: string): string =>
  `gridwatch.lock.caused_wait.time{thread.name=${thread},gridwatch.lock.holder.site=${site}}`;
const sum = (written: Written): number => Object.values(written).reduce((total, value) => total + value, 0);

test('the first five places have series of their own, the others share one', () => {
  const blame = new LockBlame();
  for (const [i, site] of ['a', 'b', 'c', 'd', 'e', 'f', 'g'].entries()) blame.add('main', site, 1000 - i);
  const written = told(blame);
  expect(written[series('main', 'a')]).toBe(1000);
  expect(written[series('main', '_OTHER')]).toBe(995 + 994);
  expect(Object.keys(written)).toHaveLength(6);
});

test('a place that becomes twice as bad as the least of the five takes its place, and what was counted stays', () => {
  const blame = new LockBlame();
  for (const site of ['a', 'b', 'c', 'd', 'e']) blame.add('main', site, 100);
  blame.add('main', 'late', 150);
  expect(told(blame)[series('main', 'late')]).toBeUndefined();
  blame.add('main', 'late', 50);
  const written = told(blame);
  expect(written[series('main', 'late')]).toBe(50);
  expect(written[series('main', '_OTHER')]).toBe(150);
  expect(written[series('main', 'a')]).toBeUndefined();
});

describe('whatever comes', () => {
  test('no series ever goes back, there are never more than the bound, and nothing is counted twice', () => {
    const event = fc.record({
      thread: fc.nat(40),
      site: fc.nat(80),
      waitedNs: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1e6, max: 1e9 })),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300 }), (events) => {
        const blame = new LockBlame();
        const highest = new Map<string, number>();
        let allNs = 0;
        let leftNs = 0;
        let before: Written = {};
        for (const { thread, site, waitedNs } of events) {
          blame.add(`t${thread}`, `s${site}`, waitedNs);
          allNs += waitedNs;
          const written = told(blame);
          expect(Object.keys(written).length).toBeLessThanOrEqual(33 * 6);
          for (const [name, value] of Object.entries(written)) {
            if (name in before) expect(value).toBeGreaterThanOrEqual(before[name] ?? 0);
            highest.set(name, value);
          }
          /* A series that has left keeps what it had counted. */
          for (const [name, value] of Object.entries(before)) if (!(name in written)) leftNs += value;
          expect(sum(written) + leftNs).toBe(allNs);
          before = written;
        }
      }),
      { numRuns: 50 },
    );
  });

  test('a duration that is none is not counted', () => {
    const blame = new LockBlame();
    for (const ns of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) blame.add('main', 'a', ns);
    expect(told(blame)).toEqual({});
  });
});
