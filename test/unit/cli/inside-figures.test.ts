/** What is made of the metrics that agents send: the last value of each series, added up. */
import { expect, it } from 'vitest';
import { InsideTally, isNode, openInside } from '../../../agent/cli/inside-figures.ts';
import type { OtlpAttributes, OtlpBatch } from '../../../agent/cli/otlp-decode.ts';

function batch(
  pid: number,
  values: readonly (readonly [name: string, attributes: OtlpAttributes, value: number])[],
): OtlpBatch {
  const origin = { resource: { 'process.pid': pid }, scope: { name: 'gridwatch', version: '1' } };
  const metric = { description: '', unit: '', kind: 'sum', temporality: 'cumulative', isMonotonic: true } as const;
  const metrics = values.map(([name, attributes, value]) => ({
    ...origin,
    ...metric,
    name,
    points: [{ attributes, startUnixNs: 0n, timeUnixNs: 0n, value, valueType: 'double' as const }],
  }));
  return { spans: [], logs: [], metrics };
}

it('adds up series and processes, not exports', () => {
  const tally = new InsideTally();
  expect(tally.figures).toBeUndefined();
  tally.add(batch(1, [['gridwatch.agent.uptime', {}, 1]]));
  expect(tally.figures).toEqual({ lockWaitS: 0, contentions: 0, gcS: 0 });
  tally.add(batch(1, [['v8js.gc.duration', { 'thread.name': 'main', 'v8js.gc.type': 'minor' }, 0.5]]));
  tally.add(batch(1, [['v8js.gc.duration', { 'v8js.gc.type': 'minor', 'thread.name': 'main' }, 0.75]]));
  tally.add(batch(1, [['v8js.gc.duration', { 'thread.name': 'main', 'v8js.gc.type': 'major' }, 1]]));
  tally.add(batch(2, [['v8js.gc.duration', { 'thread.name': 'main', 'v8js.gc.type': 'minor' }, 2]]));
  tally.add(batch(2, [['gridwatch.lock.wait.duration', { 'gridwatch.lock.name': 'x' }, 3]]));
  tally.add(batch(2, [['gridwatch.lock.contentions', { 'gridwatch.lock.name': 'x' }, 4]]));
  tally.add(batch(2, [['gridwatch.lock.hold.duration', { 'gridwatch.lock.name': 'x' }, 5]]));
  expect(tally.figures).toEqual({ lockWaitS: 3, contentions: 4, gcS: 3.75 });
});

it.each([
  ['node', true],
  ['/usr/bin/nodejs', true],
  ['nodemon', false],
  ['python3', false],
])('%s starts Node: %s', (program, is) => {
  expect(isNode([program, 'app.js'])).toBe(is);
});

it.each([
  [{}, '10000'],
  [{ GRIDWATCH_EXIT_TIMEOUT_MS: '50' }, '50'],
])(
  'leaves the agent the time to tell on a busy machine, unless the user says how much: %j',
  async (given, expected) => {
    const inside = await openInside(given, '/gate.cjs');
    await inside.close();
    expect(inside.env['GRIDWATCH_EXIT_TIMEOUT_MS']).toBe(expected);
  },
);
