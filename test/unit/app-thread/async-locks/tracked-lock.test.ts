/** What a lock tells of its requests: counts, entries of the table, records (T1, T2). */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Hold, TrackedLock, Wait } from '../../../../agent/app-thread/async-locks/tracked-lock.ts';
import { AsyncLockState } from '../../../../agent/shared-memory/async-locks.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';
import { contextWith, ids, register, unregister } from '../fake-api.ts';

let tracking: LockTracking;
let nowNs: number;

beforeEach(() => {
  tracking = new LockTracking();
  nowNs = 5e9;
  vi.spyOn(tracking.observer, 'nowNs').mockImplementation(() => nowNs);
});

afterEach(() => vi.restoreAllMocks());

function lockNamed(name: string): TrackedLock {
  return tracking.tracker.lock(tracking.tracker.classOf(name, 'promise'));
}

/** Asks for a lock inside of another one's callback. */
function within<T>(hold: Hold, ask: () => T): T {
  const { activities } = tracking.tracker;
  if (activities === undefined) throw new Error('this Node has no cheap scopes');
  return activities.runAs(hold, ask);
}

function held(name: string): { lock: TrackedLock; hold: Hold } {
  const lock = lockNamed(name);
  const hold = lock.request(true);
  lock.granted(hold);
  return { lock, hold };
}

describe('counts', () => {
  it('measures each of the first holds, and later ones by their weight', () => {
    const lock = lockNamed('orders');
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
    const { lock, hold } = held('orders');
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
    const { lock } = held('orders');
    const wait = lock.waits(lock.request(false));
    lock.gaveUp(wait, outcome);
    lock.gaveUp(wait, outcome);
    expect(tracking.only).toMatchObject({ ...counts, waiters: 0, acquisitions: 1, contentions: 0 });
  });

  it('does not count as contended what was given in less than the given time', () => {
    const lock = lockNamed('orders');
    const wait = lock.waits(lock.request(true));
    nowNs += 1000;
    lock.grantedAfter(wait, 1e6);
    expect(tracking.only).toMatchObject({ acquisitions: 1, contentions: 0, waiters: 0 });
  });
});

describe('the table', () => {
  it('T1: shows who waits and who holds, both certain for callbacks', () => {
    const outer = held('outer');
    const inner = held('inner');
    within(outer.hold, () => inner.lock.waits(inner.lock.request(true)));
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
    const lock = lockNamed('semaphore');
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
    const { lock, hold } = held('orders');
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
    const outer = held('outer');
    const inner = held('inner');
    const wait = within(outer.hold, () => inner.lock.waits(inner.lock.request(true)));
    outer.lock.released(outer.hold);
    expect(tracking.entries.map(({ className }) => className)).toEqual(['inner', 'inner']);
    inner.lock.released(inner.hold);
    inner.lock.grantedAfter(wait);
    inner.lock.released(wait.hold);
    expect(tracking.entries).toEqual([]);
  });

  it('says nothing certain of who asked outside of any callback', () => {
    const lock = lockNamed('orders');
    const hold = lock.request(false);
    lock.granted(hold);
    lock.waits(lock.request(false));
    const entries = tracking.entries;
    expect(entries.map(({ isCertain }) => isCertain)).toEqual([false, false]);
    expect(new Set(entries.map(({ activity }) => activity)).size).toBe(2);
    for (const { activity } of entries) expect(activity).toBeGreaterThan(0);
  });

  it('names the place at which a lock was asked for', () => {
    const { lock } = held('orders');
    lock.waits(lock.request(true));
    const [waiting] = tracking.entries;
    expect(waiting?.site).toMatch(/^test\/unit\/app-thread\/async-locks\/tracked-lock\.test\.ts:\d+$/);
    expect(waiting?.stack).toContain('tracked-lock.test.ts');
  });

  it('leaves short waits out of it', () => {
    const { lock, hold } = held('orders');
    const wait = lock.waits(lock.request(true));
    tracking.tracker.publish(10e6);
    lock.released(hold);
    lock.grantedAfter(wait);
    expect(tracking.entries).toEqual([]);
  });
});

describe('records', () => {
  it('tells of a wait of a millisecond, and who was waited for', () => {
    const { lock, hold } = held('orders');
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
    const { lock, hold } = held('orders');
    const wait = lock.waits(lock.request(true));
    nowNs += 0.9e6;
    lock.released(hold);
    lock.grantedAfter(wait);
    expect(tracking.told().waits).toEqual([]);
  });

  it('tells an order of two classes once, with what else was held as gates', () => {
    const gate = held('gate');
    for (let i = 0; i < 3; i++) {
      const outer = within(gate.hold, () => held('outer'));
      const inner = within(outer.hold, () => held('inner'));
      inner.lock.released(inner.hold);
      outer.lock.released(outer.hold);
    }
    const shown = tracking
      .told()
      .orders.map(({ outer, inner, gates }) => [
        tracking.name(outer.classNumber),
        tracking.name(inner.classNumber),
        gates.map((number) => tracking.name(-number)),
      ]);
    expect(shown).toEqual([
      ['gate', 'outer', []],
      ['outer', 'inner', ['gate']],
      ['gate', 'inner', ['outer']],
    ]);
  });

  it('tells an order with the place and the span of who asked, however long that had to wait, and whoever released it', () => {
    let active = ids();
    register({ context: { active: () => contextWith(active) } });
    const outer = held('outer');
    const busy = held('busy');
    const asked = active;
    const asks = (): Wait => within(outer.hold, () => busy.lock.waits(busy.lock.request(true)));
    const wait = asks();
    tracking.tracker.publish();
    active = ids();
    busy.lock.released(busy.hold);
    busy.lock.grantedAfter(wait);
    unregister();
    const [order] = tracking.told().orders;
    expect(tracking.name(order?.stackNumber ?? 0)).toContain('asks');
    expect(order?.context).toMatchObject({ traceId: asked.traceId, spanId: asked.spanId });
  });

  it('tells an order with the place of the request when more of them come than are looked at', () => {
    const outer = held('outer');
    for (let i = 0; i < 200; i++) lockNamed('busy').request(true);
    const asks = (): Hold => within(outer.hold, () => inner.request(true));
    const inner = lockNamed('inner');
    inner.granted(asks());
    const [order] = tracking.told().orders;
    expect(tracking.name(order?.stackNumber ?? 0)).toContain('asks');
  });

  it('knows locks of two kinds by one name apart', () => {
    const web = tracking.tracker.lock(tracking.tracker.classOf('stock', 'web_lock'));
    const hold = web.request(true);
    web.granted(hold);
    const key = within(hold, () => held('stock'));
    within(key.hold, () => web.granted(web.request(true)));
    expect(tracking.told().orders.map(({ outer, inner }) => [outer.kind, inner.kind])).toEqual([
      ['web_lock', 'promise'],
    ]);
  });

  it('tells no order of locks of which nothing but the library is known', () => {
    const classOf = (name: string): TrackedLock =>
      tracking.tracker.lock(tracking.tracker.classOf(name, 'promise', 'exclusive', 'async-mutex'));
    const unknown = classOf('async-mutex');
    const hold = unknown.request(true);
    unknown.granted(hold);
    within(hold, () => held('inner'));
    within(held('outer').hold, () => unknown.granted(unknown.request(true)));
    expect(tracking.told().orders).toEqual([]);
  });

  it('tells the order of two locks of one class, and none beside a third, which may be their gate', () => {
    const first = held('account');
    const second = within(first.hold, () => held('account'));
    within(second.hold, () => held('account'));
    expect(tracking.told().orders.map(({ outer, inner }) => [outer.lockId, inner.lockId])).toEqual([
      [first.lock.id, second.lock.id],
    ]);
  });

  it('learns no order from who gives up by itself, nor from a lock that was given back before', () => {
    const outer = held('outer');
    within(outer.hold, () => {
      const timed = lockNamed('timed');
      const hold = timed.request(true);
      hold.timeoutMs = 1000;
      timed.granted(hold);
    });
    outer.lock.released(outer.hold);
    within(outer.hold, () => held('later'));
    expect(tracking.told().orders).toEqual([]);
  });

  it('learns no order from what was begun in a callback and given after its end', () => {
    const outer = held('outer');
    const busy = held('busy');
    const wait = within(outer.hold, () => busy.lock.waits(busy.lock.request(true)));
    outer.lock.released(outer.hold);
    busy.lock.released(busy.hold);
    busy.lock.grantedAfter(wait);
    expect(tracking.told().orders).toEqual([]);
  });

  it('knows the gates beyond a callback that has ended', () => {
    const gate = held('gate');
    const between = within(gate.hold, () => held('between'));
    const outer = within(between.hold, () => held('outer'));
    between.lock.released(between.hold);
    tracking.told();
    within(outer.hold, () => held('inner'));
    expect(
      tracking
        .told()
        .orders.map(({ outer: { classNumber }, gates }) => [
          tracking.name(classNumber),
          gates.map((number) => tracking.name(-number)),
        ]),
    ).toEqual([
      ['outer', ['gate']],
      ['gate', ['outer']],
    ]);
  });

  it('keeps no callback that has ended, however long each begins the next', () => {
    let { lock, hold } = held('first');
    for (let i = 0; i < 100; i++) {
      const next = within(hold, () => held(`next ${i % 3}`));
      lock.released(hold);
      ({ lock, hold } = next);
    }
    const after = within(hold, () => lock.request(true));
    expect(after.outer).toBe(hold);
    expect(after.outer?.outer).toBeUndefined();
  });
});
