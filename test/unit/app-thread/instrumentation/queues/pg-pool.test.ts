/** pg-pool does what it did, to the microtask; who waits for a client and who has one is counted as the program sees it. */
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { logOf, queueCopy, type Scenario } from '../../../../support/queue-copies.ts';
import { QueueTracking, THREE_ASKED } from '../../../../support/queue-tracking.ts';

type Callback = (error?: unknown, value?: unknown, release?: (error?: unknown) => void) => void;

interface Client extends EventEmitter {
  query(text: string, values: unknown, callback: Callback): void;
  release(error?: unknown): void;
}

interface Pool extends EventEmitter {
  readonly waitingCount: number;
  readonly idleCount: number;
  readonly totalCount: number;
  connect(): Promise<Client>;
  connect(callback: Callback): void;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
}

type Library = new (options: object) => Pool;

/** What a pool needs of a client of `pg`. */
class FakeClient extends EventEmitter {
  readonly _queryable = true;
  readonly _ending = false;
  readonly connection = { stream: { destroy: () => this.#fails?.(new Error('cut off')) } };
  readonly #options: { readonly fails?: string };
  #fails: Callback | undefined;

  constructor(options: object) {
    super();
    this.#options = options;
  }

  connect(callback: Callback): void {
    const { fails } = this.#options;
    if (fails === 'never') this.#fails = callback;
    else setImmediate(() => callback(fails === undefined ? undefined : new Error(fails)));
  }

  query(text: string, _: unknown, callback: Callback): void {
    setImmediate(() => (text === 'wrong' ? callback(new Error('wrong')) : callback(undefined, text)));
  }

  ref(): void {}

  unref(): void {}

  end(callback?: () => void): void {
    this.emit('end');
    if (callback !== undefined) setImmediate(callback);
  }
}

const poolOf = (Library: Library, options: object = {}): Pool =>
  new Library({ Client: FakeClient, max: 2, idleTimeoutMillis: 0, ...options });

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const SCENARIOS: Record<string, Scenario<Library>> = {
  'clients in order': async (Library, log) => {
    const pool = poolOf(Library);
    const take = async (i: number): Promise<void> => {
      const client = await pool.connect();
      log(`has ${i}`, [pool.totalCount, pool.idleCount, pool.waitingCount]);
      await turn();
      client.release();
      log(`gave ${i}`, [pool.totalCount, pool.idleCount, pool.waitingCount]);
    };
    const all = [1, 2, 3, 4, 5].map(take);
    log('asked', [pool.totalCount, pool.idleCount, pool.waitingCount]);
    await Promise.all(all);
    await pool.end();
    log('ended', [pool.totalCount, Object.keys(pool)]);
  },
  'callbacks and queries': async (Library, log) => {
    const pool = poolOf(Library, { max: 1 });
    pool.on('acquire', () => log('acquire'));
    pool.on('release', (error) => log('release', error));
    await new Promise<void>((resolve) => {
      pool.connect((error, client, release) => {
        log('connected', [error, typeof client, release?.name, release?.length]);
        release?.();
        try {
          release?.();
        } catch (again) {
          log('again', again);
        }
        resolve();
      });
    });
    log('query', await pool.query('one'));
    await pool.query('wrong').catch((error: unknown) => log('rejected', error));
    log('several', await Promise.all(['a', 'b', 'c'].map((text) => pool.query(text))));
    await pool.end();
    await pool.connect().catch((error: unknown) => log('closed', error));
    await pool.end().catch((error: unknown) => log('ended twice', error));
  },
  'a connection fails': async (Library, log) => {
    const pool = poolOf(Library, { fails: 'refused' });
    await Promise.all([1, 2, 3].map((i) => pool.connect().catch((error: unknown) => log(`rejected ${i}`, error))));
    log('counts', [pool.totalCount, pool.waitingCount]);
  },
  'too long': async (Library, log) => {
    const pool = poolOf(Library, { max: 1, connectionTimeoutMillis: 5 });
    const client = await pool.connect();
    await pool.connect().catch((error: unknown) => log('rejected', error));
    log('counts', [pool.totalCount, pool.waitingCount]);
    client.release();
    const next = await pool.connect();
    next.release(new Error('broken'));
    log('counts', [pool.totalCount, pool.waitingCount]);
    const never = poolOf(Library, { connectionTimeoutMillis: 5, fails: 'never' });
    await never.connect().catch((error: unknown) => log('rejected', error));
  },
};

describe('the same for the program', () => {
  it.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => {
    const plain = await logOf(queueCopy<Library>('pg-pool'), scenario);
    const followed = await logOf(queueCopy<Library>('pg-pool', new QueueTracking().tracker), scenario);
    expect(followed).toEqual(plain);
    expect(plain.filter((line) => line.startsWith('failed'))).toEqual([]);
  });
});

describe('what is counted', () => {
  let tracking: QueueTracking;
  let Library: Library;

  beforeEach(() => {
    tracking = new QueueTracking();
    Library = queueCopy<Library>('pg-pool', tracking.tracker);
  });

  it('who waits, who has a client, and how many there are', async () => {
    const pool = poolOf(Library);
    const asked = [1, 2, 3].map(() => pool.connect());
    expect(tracking.only).toMatchObject(THREE_ASKED);
    expect(Object.keys(tracking.queues)[0]).toMatch(/^pg-pool@test\/unit\/.*\/pg-pool\.test\.ts:\d+$/);
    const first = await (asked[0] as Promise<Client>);
    await (asked[1] as Promise<Client>);
    expect(tracking.only).toMatchObject({ size: 1, active: 2, waits: 2 });
    first.release();
    expect(tracking.only).toMatchObject({ size: 0, active: 2, waits: 3, completions: 1, services: 1 });
    for (const client of await Promise.all(asked.slice(1))) client.release();
    expect(tracking.only).toMatchObject({ size: 0, active: 0, completions: 3, services: 3, threads: 2 });
    await pool.end();
    await expect(pool.connect()).rejects.toThrow('Cannot use a pool');
    expect(tracking.only).toMatchObject({ arrivals: 3, rejections: 1, threads: 0, limit: 0 });
  });

  it('who gave up in the queue, and whose connection failed', async () => {
    const pool = poolOf(Library, { max: 1, connectionTimeoutMillis: 5 });
    const client = await pool.connect();
    await expect(pool.connect()).rejects.toThrow('timeout exceeded');
    expect(tracking.only).toMatchObject({ arrivals: 2, aborts: 1, size: 0, active: 1, waits: 1 });
    client.release(new Error('broken'));
    expect(tracking.only).toMatchObject({ completions: 1, errors: 1, active: 0, threads: 0 });
    const failing = new QueueTracking();
    const broken = poolOf(queueCopy<Library>('pg-pool', failing.tracker), { fails: 'refused' });
    await expect(broken.connect()).rejects.toThrow('refused');
    expect(failing.only).toMatchObject({ arrivals: 1, aborts: 1, size: 0, waits: 0, threads: 0 });
  });

  it('queries are clients taken and given back; nothing while it is switched off', async () => {
    const pool = poolOf(Library);
    await Promise.all(['a', 'b', 'c'].map((text) => pool.query(text)));
    await expect(pool.query('wrong')).rejects.toThrow('wrong');
    expect(tracking.only).toMatchObject({ arrivals: 4, completions: 4, errors: 1, size: 0, active: 0 });
    tracking.switchOff('queues');
    await pool.query('a');
    expect(tracking.only).toMatchObject({ arrivals: 4, completions: 4 });
  });
});
