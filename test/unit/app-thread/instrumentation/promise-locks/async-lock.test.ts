/** async-lock does what it did, to the microtask; its keys are counted by class. */
import { createRequire } from 'node:module';
import { beforeEach, describe, expect, it } from 'vitest';
import { AsyncLockState } from '../../../../../agent/shared-memory/async-locks.ts';
import { LockTracking } from '../../../../support/lock-tracking.ts';
import { commonJsCopy, logOf, type Scenario, unhandledRejection } from '../../../../support/promise-lock-copies.ts';

type Done = (error?: unknown, value?: unknown) => void;

interface Lock {
  acquire(key: unknown, run: unknown, ...rest: unknown[]): Promise<unknown>;
  isBusy(key?: string): boolean;
}

type Library = new (options?: object) => Lock;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

const SCENARIOS: Record<string, Scenario<Library>> = {
  'promises, in order': async (AsyncLock, log) => {
    const lock = new AsyncLock();
    const results = await Promise.allSettled([
      lock.acquire('a', () => log('sync')),
      lock.acquire('a', async () => {
        await Promise.resolve();
        log('async', lock.isBusy('a'));
        return 'value';
      }),
      lock.acquire('b', () => log('other key')),
      lock.acquire('a', () => {
        throw new RangeError('thrown');
      }),
      lock.acquire('a', () => Promise.reject(new RangeError('rejected'))),
      lock.acquire('a', () => log('first'), { skipQueue: true }),
      lock.acquire(7, () => log('a number')),
      lock.acquire('falsy', () => Promise.reject(new Error(''))),
    ]);
    for (const result of results) log(result.status, result.status === 'fulfilled' ? result.value : result.reason);
    log('busy', lock.isBusy());
  },
  callbacks: async (AsyncLock, log) => {
    const lock = new AsyncLock();
    await new Promise<void>((resolve) => {
      const over =
        (name: string, last = false): Done =>
        (error, value) => {
          log(name, error ?? value);
          if (last) resolve();
        };
      log(
        'returns',
        lock.acquire('a', (done: Done) => setImmediate(() => done(undefined, 1)), over('first')),
      );
      void lock.acquire(
        'a',
        (done: Done) => {
          done(undefined, 2);
          done(undefined, 3);
        },
        over('second'),
      );
      void lock.acquire('a', () => 4, over('third'), {});
      void lock.acquire(
        'a',
        (done: Done) => {
          throw new RangeError(`thrown before ${done.length}`);
        },
        over('fourth', true),
      );
    });
    log('promise of a callback', await lock.acquire('b', (done: Done) => done(undefined, 5)));
    log('no callback at the end', await lock.acquire('b', (done: Done) => done()));
  },
  'several keys': async (AsyncLock, log) => {
    const lock = new AsyncLock();
    const results = await Promise.all([
      lock.acquire(['a', 'b', 'a'], () => {
        log('both', [lock.isBusy('a'), lock.isBusy('b')]);
        return 1;
      }),
      lock.acquire('b', () => log('then b')),
      lock.acquire([], () => 'none'),
      new Promise(
        (resolve) =>
          void lock.acquire(
            ['c', 'd'],
            (done: Done) => done(undefined, 2),
            (_: unknown, value: unknown) => resolve(value),
          ),
      ),
    ]);
    log('results', results);
  },
  timeouts: async (AsyncLock, log) => {
    const lock = new AsyncLock({ timeout: 5 });
    for (const [key, options] of [
      ['a', {}],
      ['b', { maxExecutionTime: 5 }],
      ['c', { maxOccupationTime: 5 }],
    ] as const) {
      const { promise, resolve } = withResolvers();
      const held = lock.acquire(key, () => promise, options).catch((error: unknown) => log('too long', error));
      await lock.acquire(key, () => log('next')).catch((error: unknown) => log('timed out', error));
      resolve();
      await held;
    }
    log('free again', await lock.acquire('a', () => 'ran'));
    log('busy', lock.isBusy());
  },
  'too many': async (AsyncLock, log) => {
    const lock = new AsyncLock({ maxPending: 1 });
    const results = await Promise.allSettled([1, 2, 3].map((i) => lock.acquire('a', () => i)));
    for (const result of results) log(result.status, result.status === 'fulfilled' ? result.value : result.reason);
  },
  'a rejection that nobody handles': async (AsyncLock, log) => {
    const lock = new AsyncLock();
    void lock.acquire('a', () => Promise.reject(new Error('mine')));
    await unhandledRejection();
    log('over');
  },
  'what is wrong': (AsyncLock, log) => {
    const lock = new AsyncLock();
    for (const run of [undefined, 3]) {
      try {
        void lock.acquire('a', run);
      } catch (error) {
        log('thrown', error);
      }
    }
    log('keys', Object.keys(lock));
    log('function', AsyncLock.prototype.acquire);
  },
  'another Promise': async (AsyncLock, log) => {
    class Own<T> extends Promise<T> {}
    const lock = new AsyncLock({ Promise: Own });
    const promise = lock.acquire('a', () => 1);
    log('own', promise instanceof Own);
    log('value', await promise);
  },
  'reentrant in a domain': async (AsyncLock, log) => {
    const domain = createRequire(import.meta.url)('node:domain').create() as { run<T>(fn: () => T): T };
    const lock = domain.run(() => new AsyncLock({ domainReentrant: true }));
    await domain.run(() => lock.acquire('a', () => lock.acquire('a', () => log('inside'))));
    log('busy', lock.isBusy());
  },
};

describe('async-lock', () => {
  let tracking: LockTracking;
  let AsyncLock: Library;

  beforeEach(() => {
    tracking = new LockTracking({ names: 'full' });
    AsyncLock = commonJsCopy<Library>('async-lock', tracking.tracker);
  });

  it.each(Object.keys(SCENARIOS))('does what it did: %s', async (name) => {
    const scenario = SCENARIOS[name] as Scenario<Library>;
    const plain = await logOf(commonJsCopy<Library>('async-lock'), scenario);
    expect(await logOf(AsyncLock, scenario)).toEqual(plain);
    expect(plain.length).toBeGreaterThan(0);
    expect(tracking.entries).toEqual([]);
    tracking.switchOff('promise_locks');
    expect(await logOf(AsyncLock, scenario)).toEqual(plain);
  });

  it('tells the order of two keys of one class, and of none with itself', async () => {
    const lock = new AsyncLock();
    const transfer = (from: string, to: string): Promise<unknown> => lock.acquire(from, () => lock.acquire(to, turn));
    await transfer('user-1', 'user-2');
    await transfer('user-2', 'user-1');
    const [there, back] = tracking.told().orders.map(({ outer, inner }) => [outer.lockId, inner.lockId]);
    expect(there).toHaveLength(2);
    /* They are the same locks when they are used again. */
    expect(back).toEqual(there?.toReversed());
  });

  it.each([
    [{ timeout: 1000 }, {}, true],
    [{}, { timeout: 1000 }, true],
    [{ timeout: 1000 }, { timeout: 60_000 }, false],
    [{}, {}, false],
  ])('says that a wait ends by itself, soon: made with %j, asked with %j, %j', async (made, asked, isTimed) => {
    const lock = new AsyncLock(made);
    const waits = [lock.acquire('a', turn), lock.acquire('a', turn, asked)];
    const waiting = tracking.entries.find(({ state }) => state === AsyncLockState.WAITING);
    expect(waiting?.isTimed === true).toBe(isTimed);
    await Promise.all(waits);
  });

  it('counts keys of one class together, and knows them by name', async () => {
    const lock = new AsyncLock();
    const waits = ['user-1', 'user-2', 'user-1'].map((key) => lock.acquire(key, turn));
    const waiting = tracking.entries.find(({ state }) => state === AsyncLockState.WAITING);
    expect(waiting).toMatchObject({ className: 'user-*', instance: 'user-1' });
    await Promise.all(waits);
    expect(tracking.classes).toEqual({
      'user-*': expect.objectContaining({ acquisitions: 3, contentions: 1, holds: 3 }),
    });
  });

  it('counts who timed out, and who was refused', async () => {
    const lock = new AsyncLock({ maxPending: 1 });
    let end = (): void => {};
    const held = lock.acquire('a', () => new Promise<void>((resolve) => (end = resolve)));
    const timedOut = lock.acquire('a', () => 0, { timeout: 5 });
    await expect(lock.acquire('a', () => 0)).rejects.toThrow(/Too many/);
    await expect(timedOut).rejects.toThrow(/timed out/);
    end();
    await held;
    expect(tracking.only).toMatchObject({ acquisitions: 1, contentions: 0, timeouts: 1, aborts: 1, waiters: 0 });
  });

  it('runs each function as an activity of its own', async () => {
    const lock = new AsyncLock();
    const current = (): number => tracking.tracker.activities?.current ?? 0;
    const seen = await Promise.all(
      [1, 2].map((key) =>
        lock.acquire(`k${key}`, async () => {
          await Promise.resolve();
          return current();
        }),
      ),
    );
    expect(new Set([...seen, 0]).size).toBe(3);
    expect(current()).toBe(0);
  });
});
