/** async-mutex does what it did, to the microtask, in both its module formats; and what its locks do is counted. */
import type { Mutex, MutexInterface, Semaphore } from 'async-mutex';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { AsyncLockState } from '../../../../../agent/shared-memory/async-locks.ts';
import { eventually } from '../../../../support/eventually.ts';
import { LockTracking } from '../../../../support/lock-tracking.ts';
import {
  commonJsCopy,
  logOf,
  moduleCopy,
  type Scenario,
  unhandledRejection,
} from '../../../../support/promise-lock-copies.ts';

type Library = typeof import('async-mutex');

const TIMEOUT_MS = 5;
function block(ms: number): void {
  const beganMs = performance.now();
  while (performance.now() - beganMs < ms);
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const SCENARIOS: Record<string, Scenario<Library>> = {
  'acquire and release': async ({ Mutex }, log) => {
    const mutex = new Mutex();
    const release = await mutex.acquire();
    log('acquired', release);
    log('locked', mutex.isLocked());
    release();
    release();
    log('locked', mutex.isLocked());
    const again = await mutex.acquire();
    mutex.release();
    mutex.release();
    again();
    log('locked', mutex.isLocked());
  },
  'waiters in order, by priority': async ({ Mutex, Semaphore }, log) => {
    for (const lock of [new Mutex(), new Semaphore(2)]) {
      const locks = [1, 2, 3, 4, 5].map(async (i) => {
        const got = await (lock instanceof Mutex ? lock.acquire(i % 3) : lock.acquire(1, i % 3));
        log(`acquired ${i}`, Array.isArray(got) ? got[0] : got);
        await Promise.resolve();
        (Array.isArray(got) ? got[1] : got)();
      });
      await Promise.all(locks);
    }
  },
  runExclusive: async ({ Mutex, Semaphore }, log) => {
    const mutex = new Mutex();
    const semaphore = new Semaphore(1);
    const results = await Promise.allSettled([
      mutex.runExclusive(() => log('sync', mutex.isLocked())),
      mutex.runExclusive(async () => {
        await Promise.resolve();
        log('async');
        return 'value';
      }),
      mutex.runExclusive(() => {
        throw new RangeError('thrown');
      }),
      mutex.runExclusive(() => Promise.reject(new RangeError('rejected'))),
      semaphore.runExclusive((value) => log('value', value)),
      semaphore.runExclusive(async (value) => log('value', value), 1, 3),
      mutex.runExclusive(undefined as never),
    ]);
    for (const result of results) log(result.status, result.status === 'fulfilled' ? result.value : result.reason);
  },
  weights: async ({ Semaphore }, log) => {
    const semaphore = new Semaphore(4);
    const run = async (weight: number): Promise<void> => {
      const [value, release] = await semaphore.acquire(weight);
      log(`weight ${weight}`, value);
      await Promise.resolve();
      release();
    };
    await Promise.all([3, 2, 1, 4].map(run));
    semaphore.setValue(2);
    log('value', semaphore.getValue());
    semaphore.release(3);
    log('value', semaphore.getValue());
    try {
      void semaphore.acquire(0);
    } catch (error) {
      log('thrown', error);
    }
    try {
      semaphore.release(-1);
    } catch (error) {
      log('thrown', error);
    }
    await semaphore.runExclusive(() => 0, -1).catch((error: unknown) => log('rejected', error));
  },
  cancel: async ({ Mutex, E_CANCELED }, log) => {
    const mutex = new Mutex();
    const release = await mutex.acquire();
    const waits = [mutex.acquire(), mutex.runExclusive(() => log('never'))];
    mutex.cancel();
    for (const result of await Promise.allSettled(waits)) {
      if (result.status === 'rejected') log('rejected', result.reason === E_CANCELED);
    }
    release();
    log('locked', mutex.isLocked());
  },
  'a rejection that nobody handles': async ({ Mutex }, log) => {
    const mutex = new Mutex(new Error('mine'));
    await mutex.acquire();
    void mutex.acquire();
    mutex.cancel();
    await unhandledRejection();
    log('over');
  },
  waitForUnlock: async ({ Mutex }, log) => {
    const mutex = new Mutex();
    const release = await mutex.acquire();
    const waits = [
      mutex.waitForUnlock().then(() => log('unlocked')),
      mutex.waitForUnlock(2).then(() => log('unlocked')),
    ];
    release();
    await Promise.all(waits);
  },
  withTimeout: async ({ Mutex, Semaphore, withTimeout, tryAcquire, E_TIMEOUT, E_ALREADY_LOCKED }, log) => {
    const mutex = withTimeout(new Mutex(), TIMEOUT_MS);
    const release = await mutex.acquire();
    log('properties', Object.keys(mutex));
    await mutex.acquire().catch((error: unknown) => log('timed out', error === E_TIMEOUT));
    release();
    log('value', await mutex.runExclusive(async () => 3));
    const semaphore = withTimeout(new Semaphore(1), TIMEOUT_MS, new Error('mine'));
    const [value, releaseSemaphore] = await semaphore.acquire();
    log('value', value);
    await semaphore.runExclusive(() => log('never')).catch((error: unknown) => log('rejected', error));
    releaseSemaphore();
    const inner = new Mutex();
    await inner.acquire();
    await tryAcquire(inner)
      .acquire()
      .catch((error: unknown) => log('already', error === E_ALREADY_LOCKED));
    inner.release();
    log('free again', await tryAcquire(inner).runExclusive(() => 'ran'));
    /* A timer of the same length fires after those of the time-outs: theirs, too, are over, and have changed nothing. */
    await sleep(TIMEOUT_MS);
    log('locked', [mutex.isLocked(), inner.isLocked()]);
  },
  'subclasses and surfaces': async ({ Mutex, Semaphore, withTimeout, tryAcquire }, log) => {
    class Named extends Semaphore {
      readonly name = 'mine';
      override acquire(weight?: number): ReturnType<Semaphore['acquire']> {
        log('own acquire', weight);
        return super.acquire(weight);
      }
    }
    const named = new Named(1);
    log('keys', Object.keys(named));
    await named.runExclusive(() => log('ran', named.name));
    for (const { prototype } of [Mutex, Semaphore])
      log(
        'own',
        Object.getOwnPropertyNames(prototype).filter((name) => name !== '_queue'),
      );
    for (const one of [Semaphore.prototype.acquire, Semaphore.prototype.runExclusive, withTimeout, tryAcquire])
      log('function', one);
    log('instance', new Mutex() instanceof Mutex);
    log('json', new Mutex());
  },
};

describe.each([
  ['CommonJS', async (tracking?: LockTracking) => commonJsCopy<Library>('async-mutex', tracking?.tracker)],
  ['ES module', (tracking?: LockTracking) => moduleCopy<Library>('async-mutex', 'index.mjs', tracking?.tracker)],
] as const)('async-mutex as %s', (_, load) => {
  let tracking: LockTracking;
  let library: Library;

  beforeEach(async () => {
    tracking = new LockTracking();
    library = await load(tracking);
  });

  it.each(Object.keys(SCENARIOS))('does what it did: %s', async (name) => {
    const scenario = SCENARIOS[name] as Scenario<Library>;
    const plain = await logOf(await load(), scenario);
    expect(await logOf(library, scenario)).toEqual(plain);
    expect(plain.length).toBeGreaterThan(0);
    await vi.waitFor(() =>
      expect(tracking.entries.filter(({ state }) => state === AsyncLockState.WAITING)).toEqual([]),
    );
    tracking.switchOff('promise_locks');
    expect(await logOf(library, scenario)).toEqual(plain);
  });

  it('counts acquisitions, contentions, holds, under the place of the construction', async () => {
    const mutex = new library.Mutex();
    /* Of a wait of a millisecond and more the holder is told. */
    await Promise.all([1, 2, 3].map(() => mutex.runExclusive(() => sleep(2))));
    const [name] = Object.keys(tracking.classes);
    expect(name).toMatch(/^async-mutex@test\/unit\/.*async-mutex\.test\.ts:\d+$/);
    expect(tracking.only).toMatchObject({ acquisitions: 3, contentions: 2, waits: 2, holds: 3, waiters: 0 });
    const { waits } = tracking.told();
    expect(waits).toHaveLength(2);
    for (const { holder } of waits) expect(tracking.name(holder.siteNumber)).toContain('async-mutex.test.ts');
  });

  it('says of a wait that it ends by itself, soon', async () => {
    const mutex = new library.Mutex();
    const release = await mutex.acquire();
    const waits = [library.withTimeout(mutex, 1000).acquire(), mutex.acquire()];
    const waiting = tracking.entries.filter(({ state }) => state === AsyncLockState.WAITING);
    expect(waiting.map(({ isTimed }) => isTimed === true)).toEqual([true, false]);
    release();
    for (const wait of waits) (await wait)();
  });

  it('counts who timed out at once, because the thread did something else between the timer and the wait', async () => {
    const mutex = new library.Mutex();
    const release = await mutex.acquire();
    const { acquire } = library.Mutex.prototype;
    vi.spyOn(mutex, 'acquire').mockImplementation(function (this: typeof mutex) {
      for (const end = performance.now() + 20; performance.now() < end; );
      return acquire.call(this);
    });
    await expect(library.withTimeout(mutex, 10).acquire()).rejects.toThrow(/timeout/);
    release();
    expect(tracking.only).toMatchObject({ acquisitions: 1, timeouts: 1, contentions: 0, waiters: 0 });
  });

  it('counts who was cancelled, and who timed out', async () => {
    const mutex = new library.Mutex();
    const release = await mutex.acquire();
    const cancelled = mutex.acquire().catch(() => 'cancelled');
    mutex.cancel();
    expect(await cancelled).toBe('cancelled');
    await expect(library.withTimeout(mutex, 5).acquire()).rejects.toThrow(/timeout/);
    await expect(library.withTimeout(mutex, 0, library.E_ALREADY_LOCKED).runExclusive(() => 0)).rejects.toThrow(
      /already locked/,
    );
    /* Ours is another timer than the library's. */
    await vi.waitFor(() => expect(tracking.only).toMatchObject({ aborts: 1, timeouts: 2, contentions: 0, waiters: 0 }));
    release();
    expect(tracking.only.acquisitions).toBe(1);
  });

  it('counts who timed out, however long it took to look at what was asked', async () => {
    const mutex = new library.Mutex();
    const release = await mutex.acquire();
    const { tracker } = tracking;
    const request = tracker.request.bind(tracker);
    vi.spyOn(tracker, 'request').mockImplementation((...args) => {
      block(2 * TIMEOUT_MS);
      return request(...args);
    });
    await library.withTimeout(mutex, TIMEOUT_MS).acquire().catch(release);
    expect(tracking.only).toMatchObject({ acquisitions: 1, timeouts: 1, contentions: 0, waiters: 0 });
  });

  it('counts who got it late, but before the library looked at its timer', async () => {
    const mutex = new library.Mutex();
    const release = await mutex.acquire();
    const late = library.withTimeout(mutex, TIMEOUT_MS).acquire();
    block(2 * TIMEOUT_MS);
    release();
    (await late)();
    expect(tracking.only).toMatchObject({ acquisitions: 2, timeouts: 0, contentions: 1, waiters: 0 });
  });

  it('knows who holds and who waits, in a deadlock of two callbacks', async () => {
    const [a, b] = [new library.Mutex(), new library.Semaphore(1)];
    let inside = 0;
    const both = async (first: Mutex | Semaphore, second: Mutex | Semaphore): Promise<unknown> =>
      (first as MutexInterface).runExclusive(async () => {
        inside++;
        await eventually('both to hold one', () => inside === 2);
        return (second as MutexInterface).runExclusive(() => 'never');
      });
    void both(a, b);
    void both(b, a);
    const entries = await eventually('both to wait', () => {
      const shown = tracking.entries;
      return shown.filter(({ state }) => state === AsyncLockState.WAITING).length === 2 ? shown : undefined;
    });
    expect(entries.every(({ isCertain }) => isCertain)).toBe(true);
    const waiting = entries.filter(({ state }) => state === AsyncLockState.WAITING);
    const held = entries.filter(({ state }) => state === AsyncLockState.HELD);
    expect(waiting).toHaveLength(2);
    for (const { lockId, activity } of waiting) {
      const holder = held.find((one) => one.lockId === lockId);
      expect(holder?.activity).not.toBe(activity);
      expect(waiting.some((one) => one.activity === holder?.activity)).toBe(true);
    }
  });

  it('tells the siblings of Promise.all apart', async () => {
    const mutex = new library.Mutex();
    const seen: number[] = [];
    await Promise.all(
      [1, 2, 3].map(() => mutex.runExclusive(async () => seen.push(tracking.tracker.activities?.current ?? 0))),
    );
    expect(new Set(seen).size).toBe(3);
    expect(tracking.tracker.activities?.current).toBe(0);
  });
});
