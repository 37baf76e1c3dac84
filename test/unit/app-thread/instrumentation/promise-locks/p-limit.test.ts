/** p-limit does what it did, to the microtask; it counts as a semaphore whose holders are the tasks. */
import { beforeEach, describe, expect, it } from 'vitest';
import { AsyncLockState } from '../../../../../agent/shared-memory/async-locks.ts';
import { eventually } from '../../../../support/eventually.ts';
import { LockTracking } from '../../../../support/lock-tracking.ts';
import { logOf, moduleCopy, type Scenario, unhandledRejection } from '../../../../support/promise-lock-copies.ts';

type Library = typeof import('p-limit') & { readonly pLimit: typeof import('p-limit').default };

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const SCENARIOS: Record<string, Scenario<Library>> = {
  'tasks in order': async ({ pLimit }, log) => {
    const limit = pLimit(2);
    const task = async (i: number): Promise<number> => {
      log(`begins ${i}`, [limit.activeCount, limit.pendingCount]);
      await Promise.resolve();
      return i;
    };
    const tasks = [1, 2, 3, 4, 5].map((i) => limit(task, i).then((value) => log('done', value)));
    log('counts', [limit.activeCount, limit.pendingCount]);
    await Promise.all(tasks);
    await Promise.resolve();
    log('counts', [limit.activeCount, limit.pendingCount]);
  },
  'every kind of result': async ({ pLimit }, log) => {
    const limit = pLimit(1);
    class Own<T> extends Promise<T> {}
    const results = await Promise.allSettled([
      limit(() => 1),
      limit(() => {
        throw new RangeError('thrown');
      }),
      limit(() => Promise.reject(new RangeError('rejected'))),
      limit(() => Own.resolve(2)),
      limit(() => Own.reject(new RangeError('own'))),
      // oxlint-disable-next-line no-thenable
      limit(() => ({ then: (resolve: (value: number) => void) => resolve(3) }) as unknown as Promise<number>),
      limit((...args: number[]) => args, 4, 5),
      limit(undefined as never),
    ]);
    for (const result of results) log(result.status, result.status === 'fulfilled' ? result.value : result.reason);
  },
  map: async ({ pLimit }, log) => {
    const limit = pLimit(2);
    log(
      'array',
      await limit.map([1, 2, 3], async (item, at) => {
        log('item', [item, at]);
        return item * 2;
      }),
    );
    log('set', await limit.map(new Set(['a', 'b', 'c']), (item) => item));
    await limit
      .map([1, 2, 3], (item) => (item === 2 ? Promise.reject(new Error('two')) : item))
      .catch((error: unknown) => log('rejected', error));
    const failing = function* (): Generator<number> {
      yield 1;
      throw new Error('iterable');
    };
    await limit.map(failing(), (item) => log('began', item)).catch((error: unknown) => log('rejected', error));
    await limit
      .map(3 as never, (item) => item)
      .then(
        (value) => log('no iterable', value),
        (error: unknown) => log('rejected', error),
      );
  },
  'the queue is cleared': async ({ pLimit }, log) => {
    const limit = pLimit({ concurrency: 1, rejectOnClear: true });
    const tasks = [1, 2, 3].map((i) => limit(async () => i));
    limit.clearQueue();
    for (const result of await Promise.allSettled(tasks))
      log(result.status, result.status === 'fulfilled' ? result.value : String(result.reason));
    const silent = pLimit(1);
    const first = silent(async () => 'first');
    void silent(async () => log('never'));
    silent.clearQueue();
    log('value', await first);
  },
  'another concurrency': async ({ pLimit }, log) => {
    const limit = pLimit(1);
    const tasks = [1, 2, 3].map((i) =>
      limit(async () => {
        log('begins', i);
        await turn();
      }),
    );
    limit.concurrency = 3;
    log('concurrency', limit.concurrency);
    await Promise.all(tasks);
  },
  'what is wrong, and the surface': async ({ pLimit }, log) => {
    for (const given of [0, 1.5, 'x', undefined]) {
      try {
        pLimit(given as never);
      } catch (error) {
        log('thrown', error);
      }
    }
    const limit = pLimit(1);
    log('function', limit);
    log('function', pLimit);
    log('own', Object.getOwnPropertyNames(limit).toSorted());
    log('keys', Object.keys(limit));
    log('clear', limit.clearQueue);
    log('map', limit.map);
  },
  'a rejection that nobody handles': async ({ pLimit }, log) => {
    void pLimit(1)(() => Promise.reject(new Error('mine')));
    await unhandledRejection();
    log('over');
  },
};

describe('p-limit', () => {
  let tracking: LockTracking;
  let library: Library;

  beforeEach(async () => {
    tracking = new LockTracking();
    library = await moduleCopy<Library>('p-limit', 'index.js', tracking.tracker);
  });

  it.each(Object.keys(SCENARIOS))('does what it did: %s', async (name) => {
    const scenario = SCENARIOS[name] as Scenario<Library>;
    const plain = await logOf(await moduleCopy<Library>('p-limit', 'index.js'), scenario);
    expect(await logOf(library, scenario)).toEqual(plain);
    expect(plain.length).toBeGreaterThan(0);
    expect(tracking.entries).toEqual([]);
    tracking.switchOff('promise_locks');
    expect(await logOf(library, scenario)).toEqual(plain);
  });

  it('counts tasks that had to wait', async () => {
    const limit = library.pLimit(2);
    await Promise.all([1, 2, 3, 4].map(() => limit(turn)));
    await limit.map([1, 2, 3], turn);
    expect(tracking.only).toMatchObject({ acquisitions: 7, contentions: 3, waits: 3, holds: 7, waiters: 0 });
    expect(Object.keys(tracking.classes)[0]).toMatch(/^p-limit@test\/unit\/.*p-limit\.test\.ts:\d+$/);
  });

  it('shows a task that waits for a place of its own limit', async () => {
    const limit = library.pLimit(1);
    void limit(() => limit(() => 'never'));
    const entries = await eventually('a task to wait', () => {
      const shown = tracking.entries;
      return shown.some(({ state }) => state === AsyncLockState.WAITING) ? shown : undefined;
    });
    const waiting = entries.find(({ state }) => state === AsyncLockState.WAITING);
    const held = entries.find(({ state }) => state === AsyncLockState.HELD);
    expect(entries.map(({ isCertain }) => isCertain)).toEqual([true, true]);
    expect(waiting?.activity).toBe(held?.activity);
    expect(waiting?.lockId).toBe(held?.lockId);
    limit.clearQueue();
    expect(tracking.only).toMatchObject({ aborts: 1, waiters: 0 });
  });
});
