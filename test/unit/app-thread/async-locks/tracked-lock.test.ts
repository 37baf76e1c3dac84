/** What a lock tells of its requests: counts, entries of the table, records (T1, T2). */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AsyncLockState } from '../../../../agent/shared-memory/async-locks.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';

let tracking: LockTracking;
let nowNs: number;

beforeEach(() => {
  tracking = new LockTracking();
  nowNs = 5e9;
  vi.spyOn(tracking.observer, 'nowNs').mockImplementation(() => nowNs);
});

afterEach(() => vi.restoreAllMocks());

describe('counts', () => {
  it('measures each of the first holds, and later ones by their weight', () => {
    const lock = tracking.lockNamed('orders');
    for (let i = 0; i < 20_000; i++) {
      const hold = lock.request(false);
      lock.granted(hold);
      lock.released(hold);
      if (i === 63) expect(tracking.only.holds).toBe(64);
    }
    expect(tracking.only.acquisitions).toBe(20_000);
    /* A sample of about 311 with weight 64 each: six standard deviations. */
    expect(Math.abs(tracking.only.holds - 20_000)).toBeLessThan(6 * 64 * Math.sqrt(311));
  });

  it('counts a wait, and who waits while it lasts', () => {
    const { lock, hold } = tracking.held('orders');
    const wait = lock.waits(lock.request(true));
    expect(tracking.only).toMatchObject({ acquisitions: 1, contentions: 0, waiters: 1 });
    nowNs += 3e6;
    lock.released(hold);
    expect(lock.grantedAfter(wait)).toBe(true);
    expect(tracking.only).toMatchObject({ acquisitions: 2, contentions: 1, waiters: 0, waits: 1 });
    expect(lock.grantedAfter(wait)).toBe(false);
    expect(tracking.only).toMatchObject({ acquisitions: 2, contentions: 1 });
  });

  it.each([
    ['timeout', { timeouts: 1, aborts: 0 }],
    ['aborted', { timeouts: 0, aborts: 1 }],
  ] as const)('counts a wait that ends by %s once', (outcome, counts) => {
    const { lock } = tracking.held('orders');
    const wait = lock.waits(lock.request(false));
    lock.gaveUp(wait, outcome);
    lock.gaveUp(wait, outcome);
    expect(tracking.only).toMatchObject({ ...counts, waiters: 0, acquisitions: 1, contentions: 0 });
  });

  it('does not count as contended what was given in less than the given time', () => {
    const lock = tracking.lockNamed('orders');
    const wait = lock.waits(lock.request(true));
    nowNs += 1000;
    lock.grantedAfter(wait, 1e6);
    expect(tracking.only).toMatchObject({ acquisitions: 1, contentions: 0, waiters: 0 });
  });
});

describe('the table', () => {
  it('T1: shows who waits and who holds, both certain for callbacks', () => {
    const outer = tracking.held('outer');
    const inner = tracking.held('inner');
    tracking.within(outer.hold, () => inner.lock.waits(inner.lock.request(true)));
    const entries = tracking.entries;
    expect(entries.map(({ className, state, isCertain }) => ({ className, state, isCertain }))).toEqual([
      { className: 'inner', state: AsyncLockState.WAITING, isCertain: true },
      { className: 'inner', state: AsyncLockState.HELD, isCertain: true },
      { className: 'outer', state: AsyncLockState.HELD, isCertain: true },
    ]);
    expect(entries[0]?.activity).toBe(outer.hold.activity);
    expect(entries[1]?.activity).toBe(inner.hold.activity);
    expect(entries[2]?.activity).toBe(outer.hold.activity);
    expect(new Set([inner.hold.activity, outer.hold.activity]).size).toBe(2);
  });

  it('T1: shows holds that begin while somebody waits', () => {
    const lock = tracking.lockNamed('semaphore');
    const first = lock.waits(lock.request(true));
    const second = lock.waits(lock.request(true));
    expect(tracking.entries).toHaveLength(2);
    lock.grantedAfter(first);
    expect(tracking.entries.map(({ state }) => state).toSorted((a, b) => a - b)).toEqual([
      AsyncLockState.WAITING,
      AsyncLockState.HELD,
    ]);
    lock.grantedAfter(second);
    lock.released(first.hold);
    lock.released(second.hold);
    expect(tracking.entries).toEqual([]);
  });

  it('T2: is empty when nothing waits or holds', () => {
    const { lock, hold } = tracking.held('orders');
    const waits = Array.from({ length: 5 }, () => lock.waits(lock.request(false)));
    expect(tracking.entries).toHaveLength(6);
    lock.released(hold);
    for (const [at, wait] of waits.entries()) {
      if (at % 2 === 0) lock.gaveUp(wait, 'aborted');
      else if (lock.grantedAfter(wait)) lock.released(wait.hold);
    }
    expect(tracking.entries).toEqual([]);
    expect(lock.isIdle).toBe(true);
  });

  it('T2: does not show what was released before the wait was published', () => {
    const outer = tracking.held('outer');
    const inner = tracking.held('inner');
    const wait = tracking.within(outer.hold, () => inner.lock.waits(inner.lock.request(true)));
    outer.lock.released(outer.hold);
    expect(tracking.entries.map(({ className }) => className)).toEqual(['inner', 'inner']);
    inner.lock.released(inner.hold);
    inner.lock.grantedAfter(wait);
    inner.lock.released(wait.hold);
    expect(tracking.entries).toEqual([]);
  });

  it('says nothing certain of who asked outside of any callback', () => {
    const lock = tracking.lockNamed('orders');
    const hold = lock.request(false);
    lock.granted(hold);
    lock.waits(lock.request(false));
    const entries = tracking.entries;
    expect(entries.map(({ isCertain }) => isCertain)).toEqual([false, false]);
    expect(new Set(entries.map(({ activity }) => activity)).size).toBe(2);
    for (const { activity } of entries) expect(activity).toBeGreaterThan(0);
  });

  it('names the place at which a lock was asked for', () => {
    const { lock } = tracking.held('orders');
    lock.waits(lock.request(true));
    const [waiting] = tracking.entries;
    expect(waiting?.site).toMatch(/^test\/unit\/app-thread\/async-locks\/tracked-lock\.test\.ts:\d+$/);
    expect(waiting?.stack).toContain('tracked-lock.test.ts');
  });

  it('leaves short waits out of it', () => {
    const { lock, hold } = tracking.held('orders');
    const wait = lock.waits(lock.request(true));
    tracking.tracker.publish(10e6);
    lock.released(hold);
    lock.grantedAfter(wait);
    expect(tracking.entries).toEqual([]);
  });
});

describe('records', () => {
  it('tells of a wait of a millisecond, and who was waited for', () => {
    const lock = tracking.lockNamed('orders');
    const hold = lock.request(true);
    lock.granted(hold);
    const wait = lock.waits(lock.request(true));
    nowNs += 30e6;
    lock.released(hold);
    lock.grantedAfter(wait);
    const { waits } = tracking.told();
    expect(waits).toHaveLength(1);
    const [record] = waits;
    expect(record).toMatchObject({ kind: 'promise', outcome: 'acquired', durationNs: 30e6, lockId: lock.id });
    expect(record?.holder.slot).toBe(tracking.recorder.claim.slot + 1);
    expect(tracking.name(record?.holder.siteNumber ?? 0)).toContain('tracked-lock.test.ts');
  });

  it('says nothing of a shorter one', () => {
    const { lock, hold } = tracking.held('orders');
    const wait = lock.waits(lock.request(true));
    nowNs += 0.9e6;
    lock.released(hold);
    lock.grantedAfter(wait);
    expect(tracking.told().waits).toEqual([]);
  });
});
