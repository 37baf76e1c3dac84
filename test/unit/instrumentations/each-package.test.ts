/** Each instrumentation whose package needs no worker threads, in the way in which its users use the package: what it has measured in the end. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import * as exported from '../../../agent/instrumentations.ts';
import { Measured } from '../../support/measured.ts';

const require = createRequire(import.meta.url);

type Name = keyof typeof exported;

const CLASSES = new Map(Object.entries(exported));

/** Two uses of one lock, queue or pool that has room for one. */
type Use = () => Promise<unknown>;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const twice = (use: Use): Promise<unknown> => Promise.all([use(), use()]);

async function borrowed<T>(borrow: () => Promise<T>, giveBack: (one: T) => unknown): Promise<void> {
  const one = await borrow();
  await turn();
  await giveBack(one);
}

const servers: Server[] = [];

async function answering(): Promise<string> {
  const server = createServer((_, response) => response.end('answer'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const LOCKS: Partial<Record<Name, Use>> = {
  AsyncMutexInstrumentation: () => {
    const mutex = new (require('async-mutex') as typeof import('async-mutex')).Mutex();
    return twice(() => mutex.runExclusive(turn));
  },
  AsyncLockInstrumentation: () => {
    const lock = new (require('async-lock') as new () => { acquire(key: string, run: Use): Promise<unknown> })();
    return twice(() => lock.acquire('key', turn));
  },
  AsyncSemaInstrumentation: () => {
    const sema = new (require('async-sema') as typeof import('async-sema')).Sema(1);
    return twice(() =>
      borrowed(
        () => sema.acquire(),
        () => sema.release(),
      ),
    );
  },
  PLimitInstrumentation: () => {
    const limit = (require('p-limit') as typeof import('p-limit')).default(1);
    return twice(() => limit(turn));
  },
};

const QUEUES: Partial<Record<Name, Use>> = {
  FastqInstrumentation: () => {
    const queue = (require('fastq') as typeof import('fastq')).promise(turn, 1);
    return twice(() => queue.push(undefined));
  },
  PQueueInstrumentation: () => {
    const queue = new (require('p-queue') as typeof import('p-queue')).default({ concurrency: 1 });
    return twice(() => queue.add(turn));
  },
  AsyncQueueInstrumentation: () => {
    interface AsyncQueue {
      pushAsync(task: unknown): Promise<unknown>;
    }
    const { queue } = require('async') as {
      queue(worker: (task: unknown, done: () => void) => void, limit: number): AsyncQueue;
    };
    const own = queue((_, done) => setImmediate(done), 1);
    return twice(() => own.pushAsync({}));
  },
  BottleneckInstrumentation: () => {
    const Bottleneck = require('bottleneck') as typeof import('bottleneck').default;
    const limiter = new Bottleneck({ maxConcurrent: 1 });
    return twice(() => limiter.schedule(turn));
  },
  GenericPoolInstrumentation: () => {
    const { createPool } = require('generic-pool') as typeof import('generic-pool');
    const pool = createPool({ create: async () => ({}), destroy: async () => {} }, { max: 1 });
    return twice(() =>
      borrowed(
        () => pool.acquire(),
        (one) => pool.release(one),
      ),
    );
  },
  TarnInstrumentation: () => {
    const pool = new (require('tarn') as typeof import('tarn')).Pool({
      create: async () => ({}),
      destroy: () => {},
      min: 0,
      max: 1,
    });
    return twice(() =>
      borrowed(
        () => pool.acquire().promise,
        (one) => pool.release(one),
      ),
    );
  },
  PgPoolInstrumentation: () => {
    interface PgPool {
      connect(): Promise<{ release(): void }>;
      end(): Promise<void>;
    }
    const Client: unknown = require('../../fixtures/apps/fake-client.cjs');
    const pool = new (require('pg-pool') as new (options: object) => PgPool)({ Client, max: 1, idleTimeoutMillis: 0 });
    return twice(() =>
      borrowed(
        () => pool.connect(),
        (one) => one.release(),
      ),
    );
  },
  Mysql2PoolInstrumentation: async () => {
    const { createServer: serve, createPool } = require('mysql2') as typeof import('mysql2');
    const server = serve((connection) => {
      connection.on('error', () => {});
      connection.serverHandshake({
        protocolVersion: 10,
        serverVersion: 'of the test',
        connectionId: 1,
        statusFlags: 2,
        characterSet: 8,
        capabilityFlags: 0xfff7ff,
      });
    });
    server.listen(0);
    const listener = Reflect.get(server, '_server') as Server;
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    const pool = createPool({ host: '127.0.0.1', port, user: 'tester', connectionLimit: 1 }).promise();
    await twice(() =>
      borrowed(
        () => pool.getConnection(),
        (one) => one.release(),
      ),
    );
    await pool.end();
    listener.close();
  },
  UndiciPoolInstrumentation: async () => {
    const origin = await answering();
    const pool = new (require('undici') as typeof import('undici')).Pool(origin, { connections: 1, pipelining: 1 });
    await twice(async () => (await pool.request({ path: '/', method: 'GET' })).body.text());
    await pool.close();
  },
};

const measured: Measured[] = [];
const made: { disable(): void }[] = [];

afterEach(async () => {
  for (const instrumentation of made.splice(0)) instrumentation.disable();
  for (const { provider } of measured.splice(0)) await provider.shutdown();
  for (const server of servers.splice(0)) server.close();
});

async function valuesAfter(name: Name, use: Use): Promise<Record<string, number>> {
  const own = new Measured();
  const Instrumentation = CLASSES.get(name);
  if (Instrumentation === undefined) throw new Error(`there is no ${name}`);
  const instrumentation = new Instrumentation();
  instrumentation.setMeterProvider(own.provider);
  made.push(instrumentation);
  measured.push(own);
  await use();
  return own.values();
}

it.each(Object.entries(LOCKS) as [Name, Use][])('%s measures', async (name, use) => {
  expect(await valuesAfter(name, use)).toEqual({
    'gridwatch.lock.acquisitions': 2,
    'gridwatch.lock.contentions': 1,
    'gridwatch.lock.timeouts': 0,
    'gridwatch.lock.aborts': 0,
    'gridwatch.lock.waiter.count': 0,
    'gridwatch.lock.oldest_waiter.age': 0,
    'gridwatch.lock.wait.duration': 1,
    'gridwatch.lock.hold.duration': 2,
  });
});

it.each(Object.entries(QUEUES) as [Name, Use][])('%s measures', async (name, use) => {
  expect(await valuesAfter(name, use)).toMatchObject({
    'gridwatch.queue.arrivals': 2,
    'gridwatch.queue.completions': 2,
    'gridwatch.queue.rejections': 0,
    'gridwatch.queue.aborts': 0,
    'gridwatch.queue.size': 0,
    'gridwatch.queue.oldest_item.age': 0,
    'gridwatch.queue.wait.duration': 2,
    'gridwatch.queue.service.duration': 2,
  });
});

it('no package is left out but those of worker pools', () => {
  const pools = [
    'PiscinaInstrumentation',
    'TinypoolInstrumentation',
    'WorkerpoolInstrumentation',
    'PoolifierInstrumentation',
  ];
  expect([...Object.keys(LOCKS), ...Object.keys(QUEUES), ...pools].toSorted()).toEqual(
    Object.keys(exported).toSorted(),
  );
});
