/** What requests cost, told from how the seconds of a run differ: on made-up runs whose true costs are known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costsOf, type RequestCost } from '../../../../agent/cli/ui/request-cost.ts';
import { RequestLog } from '../../../../agent/cli/ui/window/request-log.ts';
import { PROCESS } from './summaries.ts';

const T0 = 1_800_000_000_000;
const SECONDS = 60;

/** One made-up second: how many requests of each route ended, and how long the threads computed. */
interface Second {
  readonly counts: Readonly<Record<string, number>>;
  readonly computedS: number;
}

function costs(seconds: readonly Second[]): RequestCost[] {
  const requests = new RequestLog();
  for (const [at, { counts }] of seconds.entries()) {
    for (const [route, count] of Object.entries(counts))
      for (let i = 0; i < count; i++) requests.add(PROCESS, route, T0 + at * 1000 + (i % 1000));
  }
  const timeS = (fromMs: number, toMs: number): number =>
    seconds.slice((fromMs - T0) / 1000, (toMs - T0) / 1000).reduce((sum, { computedS }) => sum + computedS, 0);
  return costsOf(requests, PROCESS, timeS, T0, T0 + seconds.length * 1000);
}

/** A run in which every route has its cost, and the rest of the program one as well. */
function run(counts: readonly Readonly<Record<string, number>>[], eachS: Readonly<Record<string, number>>): Second[] {
  return counts.map((ofSecond) => ({
    counts: ofSecond,
    computedS: 0.05 + Object.entries(ofSecond).reduce((sum, [route, count]) => sum + count * (eachS[route] ?? 0), 0),
  }));
}

const anyCounts = fc.array(
  fc.record({ 'GET /a': fc.integer({ min: 0, max: 40 }), 'GET /b': fc.integer({ min: 0, max: 9 }) }),
  { minLength: SECONDS, maxLength: SECONDS },
);

describe('costsOf', () => {
  it('finds the true costs of routes that come independently, the costliest in all first', () => {
    fc.assert(
      fc.property(anyCounts, (counts) => {
        const found = costs(run(counts, { 'GET /a': 0.0005, 'GET /b': 0.05 }));
        expect(found[0]?.route).toBe('GET /b');
        expect(found[0]?.eachMs).toBeCloseTo(50, 0);
      }),
      { numRuns: 20 },
    );
  });

  it('finds nothing in time that goes with no request', () => {
    fc.assert(
      fc.property(
        anyCounts,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: SECONDS }),
        (counts, own) => {
          expect(costs(counts.map((ofSecond, at) => ({ counts: ofSecond, computedS: own[at] ?? 0 })))).toEqual([]);
          const steady = counts.map((ofSecond) => ({ counts: ofSecond, computedS: 0.4 }));
          expect(costs(steady)).toEqual([]);
        },
      ),
      { numRuns: 20, seed: 1 },
    );
  });

  it('names neither of two routes that always come together', () => {
    const counts = Array.from({ length: SECONDS }, (_, at) => ({ 'GET /page': at % 7, 'GET /data': at % 7 }));
    expect(costs(run(counts, { 'GET /page': 0, 'GET /data': 0.05 }))).toEqual([]);
  });

  it('leaves out what is computed before the first requests have been answered', () => {
    const counts = Array.from({ length: SECONDS }, (_, at) => (at < 8 ? {} : { 'GET /a': (at * 7) % 11 }));
    const seconds = run(counts, { 'GET /a': 0.02 }).map((second, at) =>
      at < 8 ? { ...second, computedS: 1 } : second,
    );
    expect(costs(seconds)[0]?.eachMs).toBeCloseTo(20, 0);
  });

  it('says nothing of a short run, of few requests, or of none', () => {
    const counts = Array.from({ length: SECONDS }, (_, at) => ({ 'GET /a': (at * 7) % 11 }));
    const seconds = run(counts, { 'GET /a': 0.02 });
    expect(costs(seconds)).toHaveLength(1);
    expect(costs(seconds.slice(0, 9))).toEqual([]);
    const twoRoutes = run(
      counts.map((ofSecond) => ({ ...ofSecond, 'GET /b': 1 })),
      { 'GET /a': 0.02 },
    );
    expect(costs(twoRoutes)).toHaveLength(1);
    for (let length = 0; length < 9; length++) expect(costs(twoRoutes.slice(0, length))).toEqual([]);
    const few = Array.from({ length: SECONDS }, (_, at) => ({ 'GET /a': at % 8 === 0 ? 1 : 0 }));
    expect(costs(run(few, { 'GET /a': 0.5 }))).toEqual([]);
    expect(
      costs(
        run(
          counts.map(() => ({})),
          {},
        ),
      ),
    ).toEqual([]);
  });
});

describe('the log of requests', () => {
  it('stays bounded in routes, and forgets what is old', () => {
    const requests = new RequestLog();
    for (let i = 0; i < 300; i++) requests.add(PROCESS, `GET /${i}`, T0);
    expect(requests.routesOf(PROCESS)).toHaveLength(200);
    requests.prune(T0 + 1000);
    expect(requests.routesOf(PROCESS)).toEqual([]);
    expect(requests.firstSecond(PROCESS)).toBeUndefined();
    requests.add(PROCESS, 'GET /new', T0 + 2000);
    expect(requests.count(PROCESS, 'GET /new', T0 / 1000, T0 / 1000 + 2)).toBe(0);
    expect(requests.count(PROCESS, 'GET /new', T0 / 1000, T0 / 1000 + 3)).toBe(1);
  });
});
