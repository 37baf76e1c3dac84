/** What queues have counted, and which series of it are sent. */
import { expect, test } from 'vitest';
import { type QueueFeature, QueueTotals } from '../../../../agent/agent-thread/model/queue-totals.ts';
import type { QueueKind } from '../../../../agent/shared-memory/queue-cells.ts';
import { collectFrom, only, type Written } from '../../../support/recording-sink.ts';

const S = 1e9;

function written(totals: QueueTotals, nowNs = 0, off: readonly QueueFeature[] = []): Written {
  return collectFrom({ collect: (sink) => totals.emit(sink, nowNs, (feature) => !off.includes(feature)) });
}

function metricsOf(sent: Written): string[] {
  return Object.keys(sent)
    .map((series) => series.replace(/\{.*/, ''))
    .toSorted();
}

test('a queue that is new has the zeros of all that it can have', () => {
  const totals = new QueueTotals();
  totals.of('piscina@work.js', 'pool');
  const queue = 'gridwatch.queue.name=piscina@work.js,gridwatch.queue.kind=pool';
  expect(written(totals)).toEqual({
    [`gridwatch.queue.size{${queue}}`]: 0,
    [`gridwatch.queue.arrivals{${queue}}`]: 0,
    [`gridwatch.queue.completions{${queue}}`]: 0,
    [`gridwatch.queue.rejections{${queue}}`]: 0,
    [`gridwatch.queue.aborts{${queue}}`]: 0,
    [`gridwatch.queue.oldest_item.age{${queue}}`]: 0,
    [`gridwatch.pool.thread.count{${queue},gridwatch.pool.thread.state=active}`]: 0,
    [`gridwatch.pool.thread.count{${queue},gridwatch.pool.thread.state=idle}`]: 0,
    [`gridwatch.pool.utilization{${queue}}`]: 0,
  });
});

test('a port has a direction and errors, and no series of what ports cannot have', () => {
  const totals = new QueueTotals();
  const port = totals.of('worker-1', 'message_port', 'to_worker');
  port.errors = 2;
  const sent = written(totals);
  expect(metricsOf(sent)).toEqual([
    'gridwatch.message.errors',
    'gridwatch.queue.arrivals',
    'gridwatch.queue.completions',
    'gridwatch.queue.oldest_item.age',
    'gridwatch.queue.size',
  ]);
  expect(only(sent, 'gridwatch.message.errors')).toEqual({
    'gridwatch.queue.name=worker-1,gridwatch.queue.kind=message_port,gridwatch.queue.direction=to_worker': 2,
  });
});

test('histograms are sent once there is something in them', () => {
  const totals = new QueueTotals();
  const port = totals.of('worker-1', 'message_port', 'to_parent');
  port.waits.record(1e6);
  port.waits.record(2e6);
  port.serialises.record(1e5);
  const sent = written(totals);
  expect(Object.values(only(sent, 'gridwatch.queue.wait.duration'))).toEqual([2]);
  expect(Object.values(only(sent, 'gridwatch.message.serialize.duration'))).toEqual([1]);
  expect(Object.keys(only(sent, 'gridwatch.queue.service.duration'))).toEqual([]);
});

test('a capacity is sent where there is one, rejections and aborts of any queue that has had some', () => {
  const totals = new QueueTotals();
  const channel = totals.of('jobs', 'channel');
  channel.holds(3, 2 * S, 100);
  channel.aborts = 1;
  const sent = written(totals);
  expect(Object.values(only(sent, 'gridwatch.queue.capacity'))).toEqual([100]);
  expect(Object.values(only(sent, 'gridwatch.queue.aborts'))).toEqual([1]);
  expect(Object.values(only(sent, 'gridwatch.queue.rejections'))).toEqual([]);
});

test('what is there now is put together anew at each look: sizes add up, of ages the greatest counts', () => {
  const totals = new QueueTotals();
  const queue = totals.of('fastq@app.js:1', 'task_queue');
  queue.holds(2, 5 * S);
  queue.holds(0, 9 * S);
  queue.holds(1, 7 * S);
  queue.holds(-4, 8 * S);
  expect(Object.values(only(written(totals), 'gridwatch.queue.size'))).toEqual([3]);
  expect(Object.values(only(written(totals), 'gridwatch.queue.oldest_item.age'))).toEqual([7 * S]);
  totals.reset();
  expect(Object.values(only(written(totals), 'gridwatch.queue.size'))).toEqual([0]);
  expect(Object.values(only(written(totals), 'gridwatch.queue.oldest_item.age'))).toEqual([0]);
});

test('utilization is the part of the time since the last export that was worked, of the workers there were', () => {
  const totals = new QueueTotals();
  const pool = totals.of('piscina@work.js', 'pool');
  const utilization = (nowNs: number): number | undefined =>
    Object.values(only(written(totals, nowNs), 'gridwatch.pool.utilization'))[0];
  pool.use.has(1, 4, 8);
  /* Nobody knows since when: as it is now. */
  expect(utilization(10 * S)).toBe(0.25);
  pool.use.busyNs += 10 * S;
  expect(utilization(15 * S)).toBe(0.5);
  /* The same question at a flush. */
  expect(utilization(15.05 * S)).toBe(0.5);
  expect(utilization(20 * S)).toBe(0);
  /* It cannot have worked more than all the time. */
  pool.use.busyNs += 1000 * S;
  expect(utilization(25 * S)).toBe(1);
});

test('a queue with a bound of its own shows as many places as may be taken; without one it has no workers', () => {
  const totals = new QueueTotals();
  const bounded = totals.of('p-queue@app.js:3', 'task_queue');
  totals.of('fastq@app.js:4', 'task_queue').use.has(2, 0, 0);
  bounded.use.has(2, 0, 5);
  const of = 'gridwatch.queue.name=p-queue@app.js:3,gridwatch.queue.kind=task_queue';
  expect(only(written(totals), 'gridwatch.pool.thread.count')).toEqual({
    [`${of},gridwatch.pool.thread.state=active`]: 2,
    [`${of},gridwatch.pool.thread.state=idle`]: 3,
  });
  expect(only(written(totals), 'gridwatch.pool.thread.limit')).toEqual({ [of]: 5 });
});

test('more at work than there are is believed, and nobody is idle then', () => {
  const totals = new QueueTotals();
  totals.of('piscina@work.js', 'pool').use.has(5, 4, 4);
  expect(Object.values(only(written(totals), 'gridwatch.pool.thread.count'))).toEqual([5, 0]);
});

test.each<[QueueFeature, readonly QueueKind[]]>([
  ['messages', ['message_port', 'broadcast', 'ipc']],
  ['pools', ['pool']],
  ['queues', ['task_queue', 'channel', 'libuv', 'http_agent', 'connection_pool']],
])('without %s its kinds are not sent, and the others are', (feature, kinds) => {
  const totals = new QueueTotals();
  const all: readonly QueueKind[] = [
    'message_port',
    'broadcast',
    'pool',
    'task_queue',
    'channel',
    'ipc',
    'libuv',
    'http_agent',
    'connection_pool',
  ];
  for (const kind of all) totals.of('it', kind);
  const sent = Object.keys(only(written(totals, 0, [feature]), 'gridwatch.queue.size'));
  expect(sent).toEqual(
    all.filter((kind) => !kinds.includes(kind)).map((kind) => `gridwatch.queue.name=it,gridwatch.queue.kind=${kind}`),
  );
});

test('a total stays the same, and beyond the bound names are counted together, by kind and direction', () => {
  const totals = new QueueTotals(2);
  const first = totals.of('a', 'pool');
  totals.of('b', 'pool');
  const third = totals.of('c', 'pool');
  expect(totals.of('a', 'pool')).toBe(first);
  expect(third.name).toBe('_OTHER');
  expect(totals.of('d', 'pool')).toBe(third);
  expect(totals.of('d', 'message_port', 'to_worker')).not.toBe(third);
  expect(totals.of('d', 'message_port', 'to_worker').name).toBe('_OTHER');
});

test('a name is shown on one line; one that is empty is called after its kind', () => {
  const totals = new QueueTotals();
  expect(totals.of(' a\nb\u0000 ', 'pool').name).toBe('a b');
  expect(totals.of('', 'libuv').name).toBe('libuv');
});
