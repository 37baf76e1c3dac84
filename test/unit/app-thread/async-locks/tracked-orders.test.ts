/** Which orders a promise lock tells of that is taken in the callbacks of others, and where and in which span that was. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Hold, TrackedLock, Wait } from '../../../../agent/app-thread/async-locks/tracked-lock.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';
import { contextWith, ids, register, unregister } from '../fake-api.ts';

let tracking: LockTracking;

beforeEach(() => {
  tracking = new LockTracking();
});

describe('a lock in a callback', () => {
  it('tells an order of two classes once, with what else was held as gates', () => {
    const gate = tracking.held('gate');
    for (let i = 0; i < 3; i++) {
      const outer = tracking.within(gate.hold, () => tracking.held('outer'));
      const inner = tracking.within(outer.hold, () => tracking.held('inner'));
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
    const outer = tracking.held('outer');
    const busy = tracking.held('busy');
    const asked = active;
    const asks = (): Wait => tracking.within(outer.hold, () => busy.lock.waits(busy.lock.request(true)));
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
    const outer = tracking.held('outer');
    for (let i = 0; i < 200; i++) tracking.lockNamed('busy').request(true);
    const asks = (): Hold => tracking.within(outer.hold, () => inner.request(true));
    const inner = tracking.lockNamed('inner');
    inner.granted(asks());
    const [order] = tracking.told().orders;
    expect(tracking.name(order?.stackNumber ?? 0)).toContain('asks');
  });

  it('knows locks of two kinds by one name apart', () => {
    const web = tracking.tracker.lock(tracking.tracker.classOf('stock', 'web_lock'));
    const hold = web.request(true);
    web.granted(hold);
    const key = tracking.within(hold, () => tracking.held('stock'));
    tracking.within(key.hold, () => web.granted(web.request(true)));
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
    tracking.within(hold, () => tracking.held('inner'));
    tracking.within(tracking.held('outer').hold, () => unknown.granted(unknown.request(true)));
    expect(tracking.told().orders).toEqual([]);
  });

  it('tells the order of two locks of one class, and none beside a third, which may be their gate', () => {
    const first = tracking.held('account');
    const second = tracking.within(first.hold, () => tracking.held('account'));
    tracking.within(second.hold, () => tracking.held('account'));
    expect(tracking.told().orders.map(({ outer, inner }) => [outer.lockId, inner.lockId])).toEqual([
      [first.lock.id, second.lock.id],
    ]);
  });

  it('learns no order from who gives up by itself, nor from a lock that was given back before', () => {
    const outer = tracking.held('outer');
    tracking.within(outer.hold, () => {
      const timed = tracking.lockNamed('timed');
      const hold = timed.request(true);
      hold.timeoutMs = 1000;
      timed.granted(hold);
    });
    outer.lock.released(outer.hold);
    tracking.within(outer.hold, () => tracking.held('later'));
    expect(tracking.told().orders).toEqual([]);
  });

  it('learns no order from what was begun in a callback and given after its end', () => {
    const outer = tracking.held('outer');
    const busy = tracking.held('busy');
    const wait = tracking.within(outer.hold, () => busy.lock.waits(busy.lock.request(true)));
    outer.lock.released(outer.hold);
    busy.lock.released(busy.hold);
    busy.lock.grantedAfter(wait);
    expect(tracking.told().orders).toEqual([]);
  });

  it('knows the gates beyond a callback that has ended', () => {
    const gate = tracking.held('gate');
    const between = tracking.within(gate.hold, () => tracking.held('between'));
    const outer = tracking.within(between.hold, () => tracking.held('outer'));
    between.lock.released(between.hold);
    tracking.told();
    tracking.within(outer.hold, () => tracking.held('inner'));
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
    let { lock, hold } = tracking.held('first');
    for (let i = 0; i < 100; i++) {
      const next = tracking.within(hold, () => tracking.held(`next ${i % 3}`));
      lock.released(hold);
      ({ lock, hold } = next);
    }
    const after = tracking.within(hold, () => lock.request(true));
    expect(after.outer).toBe(hold);
    expect(after.outer?.outer).toBeUndefined();
  });
});
