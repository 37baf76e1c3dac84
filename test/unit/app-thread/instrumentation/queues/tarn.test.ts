/** tarn does what it did, to the microtask; and who waits for its resources, and who has them, is counted. */
import { beforeEach, describe, expect, it } from 'vitest';
import { expectTheSame, queueCopy, type Scenario } from '../../../../support/queue-copies.ts';
import { AT_REST, QueueTracking } from '../../../../support/queue-tracking.ts';

type Library = typeof import('tarn');

function options(more: object = {}): ConstructorParameters<Library['Pool']>[0] {
  let made = 0;
  return { create: async () => ({ id: ++made }), destroy: () => {}, min: 0, max: 2, ...more };
}

const SCENARIOS: Record<string, Scenario<Library>> = {
  'borrowed and given back': async ({ Pool }, log) => {
    const pool = new Pool<object>(options() as never);
    for (const event of [
      'acquireRequest',
      'acquireSuccess',
      'release',
      'createRequest',
      'createSuccess',
      'poolDestroySuccess',
    ])
      pool.on(event as 'release', (...args: unknown[]) => log(event, args));
    const results = [1, 2, 3, 4].map(async (i) => {
      const pending = pool.acquire();
      const resource = await pending.promise;
      log(`has ${i}`, [resource, pool.numUsed(), pool.numPendingAcquires()]);
      await Promise.resolve();
      log('released', pool.release(resource));
    });
    await Promise.all(results);
    log('released', pool.release({}));
    await pool.destroy();
  },
  'timed out and aborted': async ({ Pool, TimeoutError }, log) => {
    const pool = new Pool<object>(options({ max: 1, acquireTimeoutMillis: 5 }) as never);
    const resource = await pool.acquire().promise;
    const rejected = (error: unknown): void => log('rejected', [String(error), error instanceof TimeoutError]);
    await pool.acquire().promise.catch(rejected);
    const pending = pool.acquire();
    pending.abort();
    await pending.promise.catch(rejected);
    pool.release(resource);
    await pool.destroy();
  },
  'resources that cannot be made, or are not valid': async ({ Pool }, log) => {
    const create = (): Promise<never> => Promise.reject(new RangeError('none'));
    const pool = new Pool<object>(options({ create, propagateCreateError: true }) as never);
    await pool.acquire().promise.catch((error: unknown) => log('rejected', error));
    await pool.destroy();
    let tries = 0;
    const other = new Pool<object>(options({ validate: () => tries++ > 0 }) as never);
    log('has', await other.acquire().promise);
  },
  'the surface': ({ Pool }, log) => {
    const pool = new Pool<object>(options() as never);
    log('class', Pool);
    log('keys', Object.keys(pool));
    for (const name of Object.getOwnPropertyNames(Pool.prototype).filter((one) => one !== 'destroyed'))
      log(name, Object.getOwnPropertyDescriptor(Pool.prototype, name)?.value);
    try {
      void new Pool({} as never);
    } catch (error) {
      log('thrown', error);
    }
  },
};

describe('tarn', () => {
  let tracking: QueueTracking;
  let library: Library;

  beforeEach(() => {
    tracking = new QueueTracking();
    library = queueCopy<Library>('tarn', tracking.tracker);
  });

  it.each(Object.entries(SCENARIOS))('does what it did: %s', async (_, scenario) => {
    await expectTheSame(scenario, queueCopy<Library>('tarn'), library, tracking);
  });

  it('counts who waits, who has a resource, and how many there are', async () => {
    const pool = new library.Pool<object>(options() as never);
    const first = await pool.acquire().promise;
    const second = await pool.acquire().promise;
    const waiting = [pool.acquire(), pool.acquire()];
    expect(Object.keys(tracking.queues)).toEqual([
      expect.stringMatching(/^tarn@test\/unit\/app-thread\/instrumentation\/queues\/tarn\.test\.ts:\d+$/),
    ]);
    const kind = 'connection_pool';
    expect(tracking.only).toMatchObject({ kind, arrivals: 4, size: 2, active: 2, threads: 2, limit: 2 });
    pool.release(first);
    pool.release(second);
    for (const { promise } of waiting) pool.release(await promise);
    expect(tracking.only).toMatchObject({ arrivals: 4, completions: 4, waits: 4, services: 4, ...AT_REST });
    await pool.destroy();
    expect(tracking.only).toMatchObject({ threads: 0, limit: 0 });
  });

  it('counts who gives up', async () => {
    const pool = new library.Pool<object>(options({ max: 1, acquireTimeoutMillis: 5 }) as never);
    const resource = await pool.acquire().promise;
    const aborted = pool.acquire();
    aborted.abort();
    await Promise.allSettled([aborted.promise, pool.acquire().promise]);
    expect(tracking.only).toMatchObject({ arrivals: 3, aborts: 2, size: 0, active: 1 });
    pool.release(resource);
    expect(tracking.only).toMatchObject({ completions: 1, ...AT_REST });
    await pool.destroy();
  });
});
