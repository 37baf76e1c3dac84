/** Web Locks: who holds and who waits, by the name that is the same on every thread. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requestWebLock } from '../../../../agent/app-thread/instrumentation/web-lock-request.ts';
import { setLockLink } from '../../../../agent/app-thread/lock-link.ts';
import type { Method } from '../../../../agent/app-thread/replace-method.ts';
import { AsyncLockState } from '../../../../agent/shared-memory/async-locks.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';

type Options = { mode?: 'shared' | 'exclusive'; ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal };

const { locks } = process.getBuiltinModule('node:worker_threads') as unknown as {
  locks: { request: Method; query(): Promise<{ held: unknown[]; pending: unknown[] }> };
};
const { request: original } = locks;

let tracking: LockTracking;

beforeEach(() => {
  tracking = new LockTracking();
  tracking.link();
});

afterEach(() => setLockLink(new SharedArrayBuffer(8), undefined));

async function request(name: string, options: Options, callback: (lock: unknown) => unknown): Promise<unknown> {
  return requestWebLock(original, locks, [name, options, callback]);
}

/** Holds a lock until it is told to end. */
function hold(name: string, options: Options = {}): { begun: Promise<void>; end: () => void; ended: Promise<unknown> } {
  let end = (): void => {};
  let ended: Promise<unknown> = Promise.resolve();
  const begun = new Promise<void>((resolve) => {
    ended = request(name, options, () => {
      resolve();
      return new Promise<void>((over) => (end = over));
    });
  });
  return { begun, end: () => end(), ended };
}

describe('requestWebLock', () => {
  it('shows a request inside of the callback that holds the lock: one name, one activity', async () => {
    const aborted = new AbortController();
    let inner: Promise<unknown> = Promise.resolve();
    await request('order-17', {}, async () => {
      inner = request('order-17', { signal: aborted.signal }, () => 'never').catch(() => 'aborted');
      const { entries } = tracking;
      /* The observer of the link is another one than the test's own: the table is read from the memory they share. */
      expect(entries.map(({ kind, isCertain }) => [kind, isCertain])).toEqual([['web_lock', true]]);
      aborted.abort();
      expect(await inner).toBe('aborted');
    });
    expect(tracking.classes['order-*']).toMatchObject({ acquisitions: 1, aborts: 1, waiters: 0 });
  });

  it('names an instance by its whole name, so that it is the same lock on every thread', async () => {
    const first = hold('order-17', { mode: 'shared' });
    const second = hold('order-17', { mode: 'shared' });
    const other = hold('order-18');
    await Promise.all([first.begun, second.begun, other.begun]);
    const { entries } = tracking;
    expect(entries.map(({ instance }) => instance)).toEqual(['order-17', 'order-17', 'order-18']);
    for (const { className, state } of entries)
      expect({ className, state }).toEqual({ className: 'order-*', state: AsyncLockState.HELD });
    expect(new Set(entries.map(({ instanceNumber }) => instanceNumber)).size).toBe(2);
    for (const one of [first, second, other]) one.end();
    await Promise.all([first.ended, second.ended, other.ended]);
    expect(tracking.entries).toEqual([]);
  });

  it('ends the hold of who was robbed', async () => {
    const robbed = hold('stolen');
    await robbed.begun;
    const thief = request('stolen', { steal: true }, () => 'thief');
    await expect(robbed.ended).rejects.toThrow(/./);
    expect(await thief).toBe('thief');
    expect(tracking.entries).toEqual([]);
    expect(tracking.classes['stolen']).toMatchObject({ acquisitions: 2, waiters: 0 });
  });

  it('tells the order of who waits inside of a callback, with its place, unless it may give up', async () => {
    const { signal } = new AbortController();
    const busy = [hold('busy'), hold('timed')];
    await Promise.all(busy.map(({ begun }) => begun));
    const nested = request('outer', {}, async () => {
      const asks = (name: string, options: Options): Promise<unknown> => request(name, options, () => {});
      const inner = [asks('busy', {}), asks('timed', { signal })];
      for (const { end } of busy) end();
      await Promise.all(inner);
    });
    await Promise.all([nested, ...busy.map(({ ended }) => ended)]);
    const { orders } = tracking.told();
    expect(orders.map(({ inner }) => tracking.name(inner.classNumber))).toEqual(['busy']);
    expect(tracking.name(orders[0]?.stackNumber ?? 0)).toContain('asks');
  });

  it('does not take for a wait what is not available', async () => {
    const held = hold('busy');
    await held.begun;
    expect(await request('busy', { ifAvailable: true }, (lock) => lock)).toBe(null);
    held.end();
    await held.ended;
    expect(tracking.classes['busy']).toMatchObject({
      acquisitions: 1,
      contentions: 0,
      timeouts: 0,
      aborts: 0,
      waiters: 0,
    });
  });
});
