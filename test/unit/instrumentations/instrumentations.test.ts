/** The instrumentations in a test's own process, with real packages and a real meter provider: which there are, and when they measure. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it } from 'vitest';
import { PATCHED_PACKAGES } from '../../../agent/app-thread/instrumentation/patched-packages.ts';
import * as exported from '../../../agent/instrumentations.ts';
import { Measured } from '../../support/measured.ts';

const require = createRequire(import.meta.url);

type Instrumentation = InstanceType<(typeof exported)[keyof typeof exported]>;

const made: Instrumentation[] = [];

function make<T extends Instrumentation>(instrumentation: T): T {
  made.push(instrumentation);
  return instrumentation;
}

const providers: MeterProvider[] = [];

afterEach(async () => {
  for (const instrumentation of made.splice(0)) instrumentation.disable();
  for (const provider of providers.splice(0)) await provider.shutdown();
});

function measured(): Measured {
  const own = new Measured();
  providers.push(own.provider);
  return own;
}

interface FastQueue {
  push(value: number): Promise<unknown>;
}
interface Fastq {
  promise(worker: () => Promise<void>, concurrency: number): FastQueue;
}

describe('one class a package', () => {
  it('for each package that the agent follows, and for no other', () => {
    const names = Object.values(exported).map((Class) => make(new Class({ enabled: false })).instrumentationName);
    expect(names.toSorted()).toEqual(PATCHED_PACKAGES.map(({ module }) => `gridwatch/${module}`).toSorted());
  });

  it('which the README lists', () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    const [, table = ''] = readme.split('### In a NodeSDK of your own');
    const listed = new Set(Array.from(table.matchAll(/`(\w+Instrumentation)`/g), ([, name]) => String(name)));
    expect([...listed].toSorted()).toEqual(Object.keys(exported).toSorted());
  });
});

interface Tarn {
  readonly Pool: new (options: object) => { acquire(): { promise: Promise<object> }; release(resource: object): void };
}

async function useTarn(): Promise<void> {
  const { Pool } = require('tarn') as Tarn;
  const pool = new Pool({ create: async () => ({}), destroy: () => {}, min: 0, max: 1 });
  pool.release(await pool.acquire().promise);
}

interface GenericPool {
  createPool(factory: object): { acquire(): Promise<object>; release(resource: object): Promise<void> };
}

async function useGenericPool(): Promise<void> {
  const pool = (require('generic-pool') as GenericPool).createPool({
    create: async () => ({}),
    destroy: async () => {},
  });
  await pool.release(await pool.acquire());
}

async function useUndici(): Promise<void> {
  const server = createServer((_, response) => response.end('answer'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { Pool } = require('undici') as typeof import('undici');
  const pool = new Pool(origin, { connections: 1 });
  for (const path of ['/1', '/2']) await (await pool.request({ path, method: 'GET' })).body.text();
  await pool.close();
  server.close();
}

describe('a package', () => {
  it('is patched when it is loaded, and measured as long as the instrumentation is enabled', async () => {
    const arrivals = measured();
    const instrumentation = make(new exported.FastqInstrumentation());
    instrumentation.setMeterProvider(arrivals.provider);
    const push = async (queue = (require('fastq') as Fastq).promise(async () => {}, 1)): Promise<FastQueue> => {
      await queue.push(1);
      return queue;
    };
    const queue = await push();
    instrumentation.disable();
    expect(instrumentation.isEnabled()).toBe(false);
    const quiet = await push();
    await push(queue);
    instrumentation.enable();
    for (const each of [queue, quiet, undefined]) await push(each);
    expect(await arrivals.queues('arrivals')).toEqual({ fastq: 4 });
  });

  it('is patched if it was required before', async () => {
    await useTarn();
    const arrivals = measured();
    make(new exported.TarnInstrumentation()).setMeterProvider(arrivals.provider);
    await useTarn();
    expect(await arrivals.queues('arrivals')).toEqual({ tarn: 1 });
  });

  it('is left alone by an instrumentation that is not enabled, until it is, and as it was when it is disabled', async () => {
    const { prototype } = (require('tarn') as Tarn).Pool;
    const before = Object.getOwnPropertyDescriptors(prototype);
    const arrivals = measured();
    const instrumentation = make(new exported.TarnInstrumentation({ enabled: false }));
    instrumentation.setMeterProvider(arrivals.provider);
    expect(Object.getOwnPropertyDescriptors(prototype)).toEqual(before);
    await useTarn();
    instrumentation.enable();
    expect(Object.getOwnPropertyDescriptors(prototype)).not.toEqual(before);
    await useTarn();
    instrumentation.disable();
    expect(Object.getOwnPropertyDescriptors(prototype)).toEqual(before);
    await useTarn();
    expect(await arrivals.queues('arrivals')).toEqual({ tarn: 1 });
  });

  it('whose lock is held and waited for is told of that to its end, and of nothing new, when it is disabled meanwhile', async () => {
    const locks = measured();
    const instrumentation = make(new exported.AsyncMutexInstrumentation());
    instrumentation.setMeterProvider(locks.provider);
    const { Mutex, Semaphore } = require('async-mutex') as typeof import('async-mutex');
    const patched = Object.getOwnPropertyDescriptors(Semaphore.prototype);
    const mutex = new Mutex();
    const first = await mutex.acquire();
    const second = mutex.acquire();
    instrumentation.disable();
    first();
    (await second)();
    await mutex.runExclusive(() => {});
    instrumentation.enable();
    expect(Object.getOwnPropertyDescriptors(Semaphore.prototype)).toEqual(patched);
    await mutex.runExclusive(() => {});
    expect(await locks.values()).toMatchObject({
      'gridwatch.lock.acquisitions': 3,
      'gridwatch.lock.contentions': 1,
      'gridwatch.lock.waiter.count': 0,
      'gridwatch.lock.hold.duration': 3,
    });
    instrumentation.disable();
    expect(Object.getOwnPropertyDescriptors(Semaphore.prototype)).not.toEqual(patched);
  });

  it('whose pool has lent something is told when it is given back, when it is disabled meanwhile', async () => {
    const pools = measured();
    const instrumentation = make(new exported.TarnInstrumentation());
    instrumentation.setMeterProvider(pools.provider);
    const { Pool } = require('tarn') as Tarn;
    const pool = new Pool({ create: async () => ({}), destroy: () => {}, min: 0, max: 1 });
    const resource = await pool.acquire().promise;
    const waiting = pool.acquire().promise;
    instrumentation.disable();
    pool.release(resource);
    pool.release(await waiting);
    instrumentation.enable();
    expect(await pools.values()).toMatchObject({
      'gridwatch.queue.arrivals': 2,
      'gridwatch.queue.completions': 2,
      'gridwatch.queue.size': 0,
      'gridwatch.pool.thread.count active': 0,
      'gridwatch.pool.thread.count idle': 1,
    });
  });

  it('is patched once by two instrumentations of one class, and told to the first', async () => {
    const [first, second] = [measured(), measured()];
    make(new exported.GenericPoolInstrumentation()).setMeterProvider(first.provider);
    make(new exported.GenericPoolInstrumentation()).setMeterProvider(second.provider);
    await useGenericPool();
    expect([await first.queues('arrivals'), await second.queues('arrivals')]).toEqual([{ 'generic-pool': 1 }, {}]);
  });

  it('is measured with another meter once there is one', async () => {
    const [first, second] = [measured(), measured()];
    const instrumentation = make(new exported.GenericPoolInstrumentation());
    instrumentation.setMeterProvider(first.provider);
    await useGenericPool();
    instrumentation.setMeterProvider(second.provider);
    await useGenericPool();
    expect(await second.queues('arrivals')).toEqual({ 'generic-pool': 2 });
  });

  /* The second time it was required before, by its own files in another order than when they are loaded. */
  it.each([1, 2])('of undici is told by undici what becomes of a request, to its end: %i', async () => {
    const [first, second] = [measured(), measured()];
    make(new exported.UndiciPoolInstrumentation()).setMeterProvider(first.provider);
    make(new exported.UndiciPoolInstrumentation()).setMeterProvider(second.provider);
    await useUndici();
    const counted = [await first.queues('arrivals'), await first.queues('completions'), await first.queues('aborts')];
    expect(counted).toEqual([{ undici: 2 }, { undici: 2 }, { undici: 0 }]);
    expect(await second.queues('arrivals')).toEqual({});
  });

  it('counts in the same memory as all others do: a program that asks for its own is shown one', () => {
    make(new exported.FastqInstrumentation());
    require('fastq');
    const before = process.memoryUsage().arrayBuffers;
    make(new exported.AsyncMutexInstrumentation());
    make(new exported.AsyncSemaInstrumentation());
    require('async-mutex');
    require('async-sema');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });
});
