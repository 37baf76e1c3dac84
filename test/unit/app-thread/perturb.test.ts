/** Perturbed schedules: what a seed decides, and that nothing else does. */
import { MessageChannel } from 'node:worker_threads';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createPerturb,
  delayMs,
  PERTURB_POINTS,
  type PerturbPoint,
  patchPerturbed,
  seedOfThread,
} from '../../../agent/app-thread/perturb.ts';

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });
const points = fc.constantFrom(...PERTURB_POINTS);

test('a seed decides the same for a place whatever happened at others', () => {
  const visits = fc.array(points, { maxLength: 300 });
  fc.assert(
    fc.property(seeds, visits, visits, (seed, one, two) => {
      const delays = (visited: readonly PerturbPoint[]): Map<string, number> => {
        const counts = new Map<PerturbPoint, number>();
        return new Map(
          visited.map((point) => {
            const occurrence = counts.get(point) ?? 0;
            counts.set(point, occurrence + 1);
            return [`${point} ${occurrence}`, delayMs(seed, point, occurrence)];
          }),
        );
      };
      const second = delays(two);
      for (const [place, delay] of delays(one)) expect(second.get(place) ?? delay).toBe(delay);
    }),
    { numRuns: 50 },
  );
});

test('most places are not delayed, some for a moment, some for up to 5 ms, few for 20 ms', () => {
  const counts = { none: 0, moment: 0, short: 0, long: 0 };
  for (let seed = 0; seed < 400; seed++) {
    for (const point of PERTURB_POINTS) {
      for (let occurrence = 0; occurrence < 50; occurrence++) {
        const delay = delayMs(seedOfThread(seed, 'main', 0), point, occurrence);
        if (delay === 0) counts.none++;
        else if (delay < 0.1) counts.moment++;
        else if (delay <= 5) counts.short++;
        else if (delay === 20) counts.long++;
        else expect.unreachable(`${delay} ms`);
      }
    }
  }
  const share = (count: number): number => count / (400 * 6 * 50);
  expect(share(counts.none)).toBeCloseTo(0.7, 1);
  expect(share(counts.moment)).toBeCloseTo(0.15, 2);
  expect(share(counts.short)).toBeCloseTo(0.14, 2);
  expect(share(counts.long)).toBeCloseTo(0.01, 2);
});

test('a million acquisitions are delayed for seconds, not for hours', () => {
  let totalMs = 0;
  for (let occurrence = 0; occurrence < 1_000_000; occurrence++) totalMs += delayMs(12_345, 'acquire', occurrence);
  expect(totalMs).toBeGreaterThan(100);
  expect(totalMs).toBeLessThan(3000);
});

test('threads have seeds of their own, by name and order, whoever their parent is', () => {
  const workers = Array.from({ length: 200 }, (_, i) => seedOfThread(seedOfThread(1, 'main', 0), 'pool', i + 1));
  expect(new Set(workers).size).toBe(200);
  expect(seedOfThread(1, 'a', 1)).not.toBe(seedOfThread(1, 'b', 1));
  expect(seedOfThread(1, 'a', 1)).not.toBe(seedOfThread(2, 'a', 1));
  expect(seedOfThread(7, 'a', 3)).toBe(seedOfThread(7, 'a', 3));
  const decisions = (seed: number): number[] => Array.from({ length: 64 }, (_, i) => delayMs(seed, 'release', i));
  expect(decisions(workers[0] as number)).not.toEqual(decisions(workers[1] as number));
});

test('a thread goes through its decisions one after the other, at each kind of place', () => {
  fc.assert(
    fc.property(seeds, fc.array(points, { maxLength: 200 }), (seed, visits) => {
      const slept: number[] = [];
      const perturb = createPerturb(seed, (ms) => slept.push(ms));
      for (const point of visits) perturb(point);
      const decided = visits.map((point, i) => {
        return delayMs(seed, point, visits.slice(0, i).filter((earlier) => earlier === point).length);
      });
      expect(slept).toEqual(decided.filter((ms) => ms > 0));
    }),
    { numRuns: 50 },
  );
});

test('each kind of place has decisions of its own', () => {
  const of = (point: PerturbPoint): string => Array.from({ length: 64 }, (_, i) => delayMs(9, point, i)).join();
  expect(new Set(PERTURB_POINTS.map(of)).size).toBe(PERTURB_POINTS.length);
});

test('the thread is delayed for as long as was decided', () => {
  const seed = [...Array(1000).keys()].find((candidate) => delayMs(candidate, 'acquire', 0) === 20) as number;
  const perturb = createPerturb(seed);
  const startMs = performance.now();
  perturb('acquire');
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(19.5);
});

test('notify and the delivery of messages are places, by whichever way a message is taken', async () => {
  const visited: PerturbPoint[] = [];
  const { notify } = Atomics;
  const restore = patchPerturbed((point) => visited.push(point));
  try {
    expect(Atomics.notify(new Int32Array(new SharedArrayBuffer(4)), 0)).toBe(0);
    const { port1, port2 } = new MessageChannel();
    port1.postMessage('x');
    expect(visited).toEqual(['notify']);
    const message = await new Promise((resolve) => port2.once('message', resolve));
    expect([message, visited]).toEqual(['x', ['notify', 'delivery']]);
    port1.close();
  } finally {
    restore();
  }
  expect(Atomics.notify).toBe(notify);
});
