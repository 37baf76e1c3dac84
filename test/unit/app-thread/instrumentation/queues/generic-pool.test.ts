/** generic-pool does what it did, to the microtask; and who waits for its resources, and who has them, is counted. */
import { beforeEach, describe, expect, it } from 'vitest';
import { expectTheSame, queueCopy, type Scenario } from '../../../../support/queue-copies.ts';
import { AT_REST, QueueTracking } from '../../../../support/queue-tracking.ts';

/** Of its declarations, which describe an ES module, this is what is used. */
interface Pool {
  readonly size: number;
  readonly available: number;
  readonly borrowed: number;
  readonly pending: number;
  acquire(priority?: number): Promise<object>;
  release(resource: object): Promise<void>;
  destroy(resource: object): Promise<void>;
  use<T>(run: (resource: object) => Promise<T>): Promise<T>;
  drain(): Promise<void>;
  clear(): Promise<void>;
  on(event: string, listener: (error: Error) => void): void;
}

interface Library {
  readonly Pool: abstract new () => Pool;
  createPool(
    factory: { create(): Promise<object>; destroy(resource: object): Promise<void>; validate?(): Promise<boolean> },
    options?: object,
  ): Pool;
}

function factory(): { create(): Promise<object>; destroy(): Promise<void>; validate(): Promise<boolean> } {
  let made = 0;
  return { create: async () => ({ id: ++made }), destroy: async () => {}, validate: async () => true };
}

const SCENARIOS: Record<string, Scenario<Library>> = {
  'borrowed and given back': async ({ createPool }, log) => {
    const pool = createPool(factory(), { max: 2, priorityRange: 3 });
    const results = [1, 2, 3, 4].map(async (i) => {
      const resource = await pool.acquire(i % 3);
      log(`has ${i}`, [resource, pool.pending, pool.borrowed, pool.size]);
      await Promise.resolve();
      await (i === 2 ? pool.destroy(resource) : pool.release(resource));
      log(`gave back ${i}`);
    });
    await Promise.all(results);
    log('used', await pool.use(async (resource) => resource));
    await pool.use(() => Promise.reject(new RangeError('used'))).catch((error: unknown) => log('rejected', error));
    await pool.release({}).catch((error: unknown) => log('rejected', error));
    await pool.drain();
    await pool.acquire().catch((error: unknown) => log('rejected', error));
    await pool.clear();
  },
  'refused and timed out': async ({ createPool }, log) => {
    const pool = createPool(factory(), { max: 1, maxWaitingClients: 1, acquireTimeoutMillis: 5 });
    const resource = await pool.acquire();
    const results = [1, 2].map((i) => pool.acquire().catch((error: unknown) => log(`rejected ${i}`, error)));
    await Promise.all(results);
    await pool.release(resource);
    log('has', await pool.acquire());
  },
  'resources that cannot be made': async ({ createPool }, log) => {
    let tries = 0;
    const create = async (): Promise<object> => {
      if (tries++ === 0) throw new RangeError('first');
      return { tries };
    };
    const pool = createPool({ ...factory(), create }, { max: 1, testOnBorrow: true });
    pool.on('factoryCreateError', (error) => log('event', error));
    log('has', await pool.acquire());
  },
  'the surface': ({ createPool, Pool }, log) => {
    const pool = createPool(factory(), { autostart: false });
    log('class', Pool);
    log('keys', Object.keys(pool));
    const { prototype } = Pool as unknown as { prototype: object };
    for (const name of Object.getOwnPropertyNames(prototype).filter((one) => one !== '_waitingClientsQueue'))
      log(name, Object.getOwnPropertyDescriptor(prototype, name)?.value);
    try {
      createPool({} as never);
    } catch (error) {
      log('thrown', error);
    }
  },
};

describe('generic-pool', () => {
  let tracking: QueueTracking;
  let library: Library;

  beforeEach(() => {
    tracking = new QueueTracking();
    library = queueCopy<Library>('generic-pool', tracking.tracker);
  });

  it.each(Object.entries(SCENARIOS))('does what it did: %s', async (_, scenario) => {
    await expectTheSame(scenario, queueCopy<Library>('generic-pool'), library, tracking);
  });

  it('counts who waits, who has a resource, and how many there are', async () => {
    const pool = library.createPool(factory(), { max: 2, maxWaitingClients: 5 });
    const first = await pool.acquire();
    const second = await pool.acquire();
    const waiting = [pool.acquire(), pool.acquire()];
    expect(Object.keys(tracking.queues)).toEqual([
      expect.stringMatching(
        /^generic-pool@test\/unit\/app-thread\/instrumentation\/queues\/generic-pool\.test\.ts:\d+$/,
      ),
    ]);
    const kind = 'connection_pool';
    expect(tracking.only).toMatchObject({ kind, arrivals: 4, size: 2, active: 2, threads: 2, limit: 2, capacity: 5 });
    await pool.release(first);
    await pool.destroy(second);
    for (const resource of await Promise.all(waiting)) await pool.release(resource);
    expect(tracking.only).toMatchObject({ arrivals: 4, completions: 4, waits: 4, services: 4, ...AT_REST });
  });

  it('counts no resource that was destroyed while nobody had it, nor a bound of a pool that is drained', async () => {
    const pool = library.createPool(factory(), { max: 2, maxWaitingClients: 5 });
    const resources = [await pool.acquire(), await pool.acquire()];
    for (const resource of resources) await pool.release(resource);
    expect(tracking.only).toMatchObject({ active: 0, threads: 2, limit: 2, capacity: 5 });
    await pool.drain();
    expect(tracking.only).toMatchObject({ threads: 2, limit: 0, capacity: 0 });
    await pool.clear();
    expect(tracking.only).toMatchObject({ threads: 0, limit: 0, capacity: 0 });
  });

  it('counts who is refused, and who gives up', async () => {
    const pool = library.createPool(factory(), { max: 1, maxWaitingClients: 1, acquireTimeoutMillis: 5 });
    const resource = await pool.acquire();
    await Promise.allSettled([pool.acquire(), pool.acquire()]);
    expect(tracking.only).toMatchObject({ arrivals: 2, rejections: 1, aborts: 1, size: 0, active: 1 });
    await pool.release(resource);
    await pool.drain();
    await pool.acquire().catch(() => {});
    expect(tracking.only).toMatchObject({ arrivals: 2, completions: 1, rejections: 2, ...AT_REST });
  });
});
