/**
 * BullMQ's interface for telemetry: jobs are counted where they are added and where they are processed, and whatever telemetry the program has is asked as before.
 * BullMQ's own `trace` calls it; there is no Redis here.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Telemetry } from 'bullmq';
import { beforeEach, describe, expect, it } from 'vitest';
import { bullmqTelemetryOf } from '../../../../agent/app-thread/queues/bullmq.ts';
import { QueueTracking } from '../../../support/queue-tracking.ts';

type Trace = (
  telemetry: Telemetry,
  kind: number,
  queue: string,
  operation: string,
  destination: string,
  callback: (span: { setAttributes(a: object): void; addEvent(name: string): void }, metadata: string) => unknown,
  metadata?: string,
) => Promise<unknown>;

const require = createRequire(import.meta.url);
const main = require.resolve('bullmq');
const { trace } = require(join(main, '..', 'utils', 'index.js')) as { trace: Trace };
const PRODUCER = 3;
const CONSUMER = 4;

let tracking: QueueTracking;
let telemetry: Telemetry;

beforeEach(() => {
  tracking = new QueueTracking();
  telemetry = bullmqTelemetryOf(tracking.tracker, undefined);
});

const add = async (queue = 'mail-7'): Promise<string> =>
  (await trace(telemetry, PRODUCER, queue, 'add', queue, (_, metadata) => metadata)) as string;

const work = (metadata: string, fn: Parameters<Trace>[5] = () => {}, queue = 'mail-7'): Promise<unknown> =>
  trace(telemetry, CONSUMER, queue, 'process', queue, (span, unused) => fn(span, unused), metadata);

describe('without telemetry of its own', () => {
  it('counts what is added, waits and is processed', async () => {
    const before = Date.now();
    const metadata = await add();
    expect((JSON.parse(metadata) as { gridwatch: number }).gridwatch).toBeGreaterThanOrEqual(before);
    expect(tracking.only).toMatchObject({ kind: 'task_queue', arrivals: 1, active: 0, completions: 0, waits: 0 });
    expect(Object.keys(tracking.queues)).toEqual(['bullmq:mail-*']);
    await work(metadata, () => expect(tracking.only).toMatchObject({ active: 1, waits: 1 }));
    expect(tracking.only).toMatchObject({ active: 0, completions: 1, errors: 0, services: 1 });
  });

  it('counts all jobs that are added together, none that could not be, and those that fail', async () => {
    await trace(telemetry, PRODUCER, 'mail', 'addBulk', 'mail', (span) =>
      span.setAttributes({ 'bullmq.job.bulk.count': 5 }),
    );
    const failing = trace(telemetry, PRODUCER, 'mail', 'add', 'mail', () => Promise.reject(new Error('no Redis')));
    await expect(failing).rejects.toThrow('no Redis');
    await work('', (span) => span.addEvent('job failed'), 'mail');
    expect(tracking.only).toMatchObject({ arrivals: 5, completions: 1, errors: 1, waits: 0, services: 1 });
  });

  it('counts each job of a flow, and the flow itself not', async () => {
    await trace(telemetry, PRODUCER, 'mail', 'addFlow', 'mail', async () => {
      for (const queue of ['mail', 'mail', 'print'])
        await trace(telemetry, PRODUCER, 'the name of the job', 'addNode', queue, (_, metadata) => metadata);
    });
    expect(tracking.queues).toMatchObject({ 'bullmq:mail': { arrivals: 2 }, 'bullmq:print': { arrivals: 1 } });
  });

  it('takes nothing of what travels on trust', async () => {
    for (const metadata of ['{', 'null', '7', '{"gridwatch":"x","traceparent":7}', '{"gridwatch":1e400}'])
      await work(metadata);
    expect(tracking.only).toMatchObject({ completions: 5, active: 0 });
  });

  it('counts nothing of what is no job, nor while it is switched off', async () => {
    await trace(telemetry, 0, 'mail', 'pause', 'mail', () => {});
    tracking.switchOff('queues');
    await add();
    expect(tracking.queues).toEqual({});
  });
});

it('asks the telemetry that the program has for everything, with its own contexts', async () => {
  const asked: unknown[] = [];
  const own: Telemetry<string> = {
    tracer: {
      startSpan: (name, options, context) => {
        asked.push(['startSpan', name, options, context]);
        return {
          setSpanOnContext: (before) => `${before}+${name}`,
          setAttribute: (...args) => asked.push(['setAttribute', ...args]),
          setAttributes: (attributes) => asked.push(['setAttributes', attributes]),
          addEvent: (event) => asked.push(['addEvent', event]),
          recordException: (exception) => asked.push(['recordException', exception]),
          end: () => asked.push('end'),
        };
      },
    },
    contextManager: {
      with: (context, fn) => {
        asked.push(['with', context]);
        return fn() as ReturnType<typeof fn>;
      },
      active: () => 'active',
      getMetadata: (context) => JSON.stringify({ traceparent: context }),
      fromMetadata: (active, metadata) => `${active}<${(JSON.parse(metadata) as { traceparent: string }).traceparent}`,
    },
  };
  const program = async (given: Telemetry): Promise<unknown[]> => {
    asked.length = 0;
    telemetry = given;
    const metadata = await add();
    await work(metadata);
    await expect(work(metadata, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    return [...asked];
  };
  const plain = await program(own);
  expect(await program(bullmqTelemetryOf(tracking.tracker, own as never))).toEqual(plain);
  expect('root' in telemetry.contextManager).toBe(false);
  expect(tracking.only).toMatchObject({ arrivals: 1, completions: 2, errors: 1, waits: 2 });
});
