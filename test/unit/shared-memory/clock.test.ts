/** The clock: one for all threads, and its mapping to the epoch, which follows the steps of the wall clock. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Clock } from '../../../agent/shared-memory/clock.ts';

const asNs = ([seconds, nanoseconds]: readonly [number, number]): bigint =>
  BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);

afterEach(() => {
  vi.restoreAllMocks();
});

describe('nowNs', () => {
  test('is the time of process.hrtime since the base', () => {
    const clock = new Clock(7);
    const before = process.hrtime.bigint();
    const nowNs = BigInt(clock.nowNs());
    const after = process.hrtime.bigint();
    expect(nowNs + 7_000_000_000n).toBeGreaterThanOrEqual(before);
    expect(nowNs + 7_000_000_000n).toBeLessThanOrEqual(after);
  });

  test('is the same on two clocks of one base, and near zero at the base', () => {
    const first = new Clock();
    const second = new Clock(first.baseS);
    const times = [first.nowNs(), second.nowNs(), first.nowNs(), second.nowNs()];
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeLessThan(60e9);
  });
});

describe('toHrTime', () => {
  test('is the wall clock', () => {
    const clock = new Clock();
    const before = Date.now();
    const nowMs = Number(asNs(clock.toHrTime(clock.nowNs())) / 1000n) / 1000;
    const after = Date.now();
    expect(nowMs).toBeGreaterThan(before - 10);
    /* The clocks are read one after the other: at most all of that time lies in between. */
    expect(nowMs).toBeLessThan(after + (after - before) + 10);
  });

  test('keeps durations to the nanosecond, and the nanoseconds within their second', () => {
    const clock = new Clock();
    clock.reanchor();
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 9e15 }), fc.integer({ min: 0, max: 1e10 }), (ns, durationNs) => {
        const from = clock.toHrTime(ns);
        const to = clock.toHrTime(ns + durationNs);
        expect(Math.abs(Number(asNs(to) - asNs(from)) - durationNs)).toBeLessThanOrEqual(1);
        for (const part of [...from, ...to]) expect(Number.isInteger(part)).toBe(true);
        expect(from[1]).toBeGreaterThanOrEqual(0);
        expect(from[1]).toBeLessThan(1e9);
      }),
      { numRuns: 2000 },
    );
  });

  test('a fraction of a nanosecond below a second is the next second', () => {
    const clock = new Clock();
    clock.reanchor();
    const [, nanoseconds] = clock.toHrTime(1e9);
    for (const missingNs of [0.9, 0.6, 0.5, 0.4, 0.1]) {
      const [, rounded] = clock.toHrTime(1e9 + (1e9 - nanoseconds) - missingNs);
      expect(rounded).toBeLessThan(1e9);
    }
  });
});

describe('reanchor', () => {
  /** Anchors the clock, with a wall clock that stands at `wallMs`: it is taken for the time of some moment in between. */
  function expectAnchoredAt(clock: Clock, wallMs: number): void {
    vi.spyOn(Date, 'now').mockReturnValue(wallMs);
    const beforeNs = clock.nowNs();
    clock.reanchor();
    const afterNs = clock.nowNs();
    const wallNs = BigInt(wallMs) * 1_000_000n;
    expect(asNs(clock.toHrTime(beforeNs))).toBeLessThanOrEqual(wallNs);
    expect(asNs(clock.toHrTime(afterNs))).toBeGreaterThanOrEqual(wallNs);
  }

  test('the first takes the wall clock, also one far away from the time the process believes in', () => {
    expectAnchoredAt(new Clock(), Date.UTC(2035, 0, 1));
  });

  test('a step of the wall clock is followed, in both directions', () => {
    const wallMs = Date.UTC(2030, 0, 1);
    const clock = new Clock();
    for (const stepMs of [0, 3_600_000, -7_200_000, 20]) expectAnchoredAt(clock, wallMs + stepMs);
  });

  test('what is within the resolution of the wall clock changes nothing', () => {
    const clock = new Clock();
    clock.reanchor();
    /* No time goes by meanwhile, of which the wall clock below would know nothing. */
    vi.spyOn(clock, 'nowNs').mockReturnValue(clock.nowNs());
    const before = clock.toHrTime(5e9);
    const nowMs = Number(asNs(clock.toHrTime(clock.nowNs())) / 1_000_000n);
    vi.spyOn(Date, 'now').mockReturnValue(nowMs + 2);
    clock.reanchor();
    expect(clock.toHrTime(5e9)).toEqual(before);
  });
});
