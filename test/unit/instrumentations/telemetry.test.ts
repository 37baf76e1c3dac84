/** What the instrumentations tell an SDK is what the catalog says: a program with the agent and one with its own SDK feed the same metrics. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { InstrumentType, type MetricData } from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it } from 'vitest';
import { AsyncMutexInstrumentation, GenericPoolInstrumentation } from '../../../agent/instrumentations.ts';
import { eventually } from '../../support/eventually.ts';
import { Measured } from '../../support/measured.ts';

const require = createRequire(import.meta.url);

interface CatalogMetric {
  readonly name: string;
  readonly instrument: string;
  readonly unit: string;
  readonly valueType: string;
  readonly description: string;
  readonly attributes: readonly { readonly name: string; readonly required: boolean }[];
}

const CATALOG = JSON.parse(readFileSync(new URL('../../../agent/catalog.json', import.meta.url), 'utf8')) as {
  readonly metrics: readonly CatalogMetric[];
};

const INSTRUMENTS: Readonly<Record<string, string>> = {
  [InstrumentType.HISTOGRAM]: 'histogram',
  [InstrumentType.OBSERVABLE_COUNTER]: 'counter',
  [InstrumentType.OBSERVABLE_UP_DOWN_COUNTER]: 'updowncounter',
  [InstrumentType.OBSERVABLE_GAUGE]: 'gauge',
};

function told({ descriptor, dataPoints }: MetricData): object {
  const { name, unit, description } = descriptor;
  const { type, valueType } = descriptor as unknown as { type: string; valueType: number };
  const attributes = [...new Set(dataPoints.flatMap((point) => Object.keys(point.attributes)))].toSorted();
  return { name, instrument: INSTRUMENTS[type], unit, description, attributes, isInteger: valueType === 0 };
}

function listed(metric: CatalogMetric | undefined): object | undefined {
  if (metric === undefined) return undefined;
  const { name, instrument, unit, description, valueType } = metric;
  const attributes = metric.attributes.filter(({ required }) => required).map((attribute) => attribute.name);
  return { name, instrument, unit, description, attributes: attributes.toSorted(), isInteger: valueType === 'int' };
}

let measured: Measured;
let instrumentation: AsyncMutexInstrumentation | GenericPoolInstrumentation;

afterEach(async () => {
  instrumentation.disable();
  await measured.provider.shutdown();
});

function start(made: typeof instrumentation): void {
  measured = new Measured();
  instrumentation = made;
  made.setMeterProvider(measured.provider);
}

describe('metrics', () => {
  it('of a promise lock, with the age of the oldest who waits', async () => {
    start(new AsyncMutexInstrumentation());
    const { Mutex } = require('async-mutex') as typeof import('async-mutex');
    const mutex = new Mutex();
    const release = await mutex.acquire();
    const waits = mutex.acquire();
    const ageS = async (): Promise<number> => {
      const metrics = await measured.metrics();
      const age = metrics.find(({ descriptor }) => descriptor.name === 'gridwatch.lock.oldest_waiter.age');
      return Number(age?.dataPoints[0]?.value ?? 0);
    };
    /* A wait is shown when it has lasted for a while. */
    await eventually('a wait is shown', async () => (await ageS()) > 0);
    release();
    (await waits)();
    expect(await ageS()).toBe(0);
    const metrics = await measured.metrics();
    expect(metrics.map(({ descriptor }) => descriptor.name).toSorted()).toEqual([
      'gridwatch.lock.aborts',
      'gridwatch.lock.acquisitions',
      'gridwatch.lock.contentions',
      'gridwatch.lock.hold.duration',
      'gridwatch.lock.oldest_waiter.age',
      'gridwatch.lock.timeouts',
      'gridwatch.lock.wait.duration',
      'gridwatch.lock.waiter.count',
    ]);
    const inCatalog = metrics.map(({ descriptor }) => CATALOG.metrics.find(({ name }) => name === descriptor.name));
    expect(metrics.map(told)).toEqual(inCatalog.map(listed));
  });

  it('of a pool', async () => {
    start(new GenericPoolInstrumentation());
    const { createPool } = require('generic-pool') as typeof import('generic-pool');
    const factory = { create: async () => ({}), destroy: async () => {} };
    const pool = createPool(factory, { max: 1, maxWaitingClients: 1 });
    const resource = await pool.acquire();
    const metrics = await measured.metrics();
    await pool.release(resource);
    expect(metrics.map(({ descriptor }) => descriptor.name).toSorted()).toEqual([
      'gridwatch.pool.thread.count',
      'gridwatch.pool.thread.limit',
      'gridwatch.queue.aborts',
      'gridwatch.queue.arrivals',
      'gridwatch.queue.capacity',
      'gridwatch.queue.completions',
      'gridwatch.queue.oldest_item.age',
      'gridwatch.queue.rejections',
      'gridwatch.queue.size',
      'gridwatch.queue.wait.duration',
    ]);
    const inCatalog = metrics.map(({ descriptor }) => CATALOG.metrics.find(({ name }) => name === descriptor.name));
    expect(metrics.map(told)).toEqual(inCatalog.map(listed));
  });
});
