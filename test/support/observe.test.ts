/** What is read out of the payloads of a collector: the newest point of each series, sums, counts, names. */
import { describe, expect, it } from 'vitest';
import type { OtlpAttributes, OtlpMetric, OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import { Observed } from './observe.ts';

function metric(
  name: string,
  pid: number,
  points: readonly [OtlpAttributes, time: number, value: number][],
): OtlpMetric {
  return {
    resource: { 'process.pid': pid },
    scope: { name: 'gridwatch', version: '' },
    name,
    description: '',
    unit: '',
    kind: 'sum',
    temporality: 'cumulative',
    isMonotonic: true,
    points: points.map(([attributes, time, value]) => ({
      attributes,
      startUnixNs: 0n,
      timeUnixNs: BigInt(time),
      value,
      valueType: 'int',
      histogram: { count: value * 10, sum: value, bounds: [], counts: [] },
    })),
  };
}

const EXITS = 'gridwatch.thread.exits';
const observed = new Observed({
  spans: ['worker.start b', 'worker.start a', 'gc major'].map(
    (name) => ({ name, attributes: { 'thread.name': name.slice(-1) } }) as unknown as OtlpSpan,
  ),
  logs: [],
  metrics: [
    metric(EXITS, 1, [
      [{ 'error.type': 'uncaught', other: 'x' }, 20, 5],
      [{}, 20, 1],
    ]),
    metric(EXITS, 1, [[{ other: 'x', 'error.type': 'uncaught' }, 10, 3]]),
    metric(EXITS, 2, [[{ 'error.type': 'uncaught', other: 'x' }, 5, 100]]),
    metric('gridwatch.thread.state.time', 1, [
      [{ 'thread.name': 'a', 'gridwatch.thread.state': 'idle' }, 1, 7],
      [{ 'thread.name': 'b', 'gridwatch.thread.state': 'idle' }, 1, 9],
    ]),
  ],
});

describe('Observed', () => {
  it('takes the newest point of each series of each process, in whatever order points and attributes come', () => {
    expect(observed.series(EXITS, { 'error.type': 'uncaught' }).map(({ value }) => value)).toEqual([5, 100]);
  });

  it('adds up values and counts, and tells a missing attribute from any', () => {
    expect(observed.sum(EXITS)).toBe(106);
    expect(observed.sum(EXITS, { 'error.type': undefined })).toBe(1);
    expect(observed.count(EXITS, { 'error.type': undefined })).toBe(10);
    expect(observed.sum('none')).toBeUndefined();
    expect(observed.count('none')).toBe(0);
  });

  it("gives a thread's states, and the threads that were started", () => {
    expect(observed.states('a')).toEqual({ idle: 7 });
    expect(observed.startedThreads()).toEqual(['a', 'b']);
  });
});
