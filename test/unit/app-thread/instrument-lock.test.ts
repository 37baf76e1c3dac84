/** A lock that no table knows is followed by the names of its methods. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instrument } from '../../../agent/app-thread/instrument-lock.ts';
import { setLockLink } from '../../../agent/app-thread/lock-link.ts';
import { AsyncLockState } from '../../../agent/shared-memory/async-locks.ts';
import { LockTracking } from '../../support/lock-tracking.ts';

/** A mutex with names of its own. */
class OwnLock {
  readonly #queue: { grant: () => void; refuse: (error: Error) => void }[] = [];
  #isHeld = false;

  async lock(): Promise<string> {
    if (this.#isHeld) await new Promise<void>((grant, refuse) => this.#queue.push({ grant, refuse }));
    this.#isHeld = true;
    return 'token';
  }

  unlock(): void {
    this.#isHeld = false;
    this.#queue.shift()?.grant();
  }

  refuse(message: string): void {
    this.#queue.shift()?.refuse(new Error(message));
  }

  async withRelease(): Promise<() => void> {
    await this.lock();
    return () => this.unlock();
  }

  async run<T>(fn: () => T | Promise<T>): Promise<T> {
    await this.lock();
    try {
      return await fn();
    } finally {
      this.unlock();
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let tracking: LockTracking;

beforeEach(() => {
  tracking = new LockTracking();
  tracking.link();
});

afterEach(() => setLockLink(new SharedArrayBuffer(8), undefined));

describe('instrumentLock', () => {
  it('follows acquire and release', async () => {
    const lock = new OwnLock();
    instrument(lock, { name: 'orders', acquire: 'lock', release: 'unlock' });
    expect(await lock.lock()).toBe('token');
    const second = lock.lock();
    expect(tracking.only).toMatchObject({ acquisitions: 1, contentions: 0, waiters: 1 });
    lock.unlock();
    await second;
    lock.unlock();
    expect(tracking.classes).toEqual({
      orders: expect.objectContaining({ acquisitions: 2, contentions: 1, holds: 2, waiters: 0 }) as unknown,
    });
    expect({ name: lock.lock.name, length: lock.lock.length, keys: Object.keys(lock) }).toEqual({
      name: 'lock',
      length: 0,
      keys: [],
    });
  });

  it('takes what acquire resolves to for the release where no method is named', async () => {
    const lock = new OwnLock();
    instrument(lock, { name: 'orders', acquire: 'withRelease' });
    const release = await lock.withRelease();
    const second = lock.withRelease();
    release();
    (await second)();
    expect(tracking.only).toMatchObject({ acquisitions: 2, contentions: 1, holds: 2 });
  });

  it('runs a function as an activity that is sure to hold', async () => {
    const lock = new OwnLock();
    instrument(lock, { name: 'orders', run: 'run', release: 'unlock' });
    const first = lock.run(async () => {
      await turn();
      return 'first';
    });
    const second = lock.run(() => 'second');
    tracking.tracker.publish();
    expect(await Promise.all([first, second])).toEqual(['first', 'second']);
    expect(tracking.only).toMatchObject({ acquisitions: 2, contentions: 1, holds: 2, waiters: 0 });
    expect(tracking.entries.filter(({ state }) => state === AsyncLockState.WAITING)).toEqual([]);
  });

  it.each([
    ['timed out', { timeouts: 1, aborts: 0 }],
    ['no more', { timeouts: 0, aborts: 1 }],
  ])('counts a refusal: %s', async (message, counts) => {
    const lock = new OwnLock();
    instrument(lock, { name: 'orders', acquire: 'lock', release: 'unlock' });
    await lock.lock();
    const refused = lock.lock();
    lock.refuse(message);
    await expect(refused).rejects.toThrow(message);
    expect(tracking.only).toMatchObject({ ...counts, acquisitions: 1, waiters: 0 });
  });

  it('leaves alone what is switched off, and methods that are not there', async () => {
    const lock = new OwnLock();
    instrument(lock, { name: 'orders', acquire: 'noSuchMethod', release: 'unlock', run: 'run' });
    tracking.switchOff('promise_locks');
    expect(await lock.run(() => 'value')).toBe('value');
    expect(tracking.only).toMatchObject({ acquisitions: 0 });
    expect('noSuchMethod' in lock).toBe(false);
  });
});
