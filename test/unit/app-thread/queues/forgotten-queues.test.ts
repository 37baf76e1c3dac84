/** What a queue leaves behind that the program has forgotten, and what it costs to know who waits longest. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Hidden } from '../../../../agent/app-thread/async-locks/hidden.ts';
import { FollowedPool } from '../../../../agent/app-thread/queues/followed-pool.ts';
import { TrackedQueue } from '../../../../agent/app-thread/queues/tracked-queue.ts';
import { eventually } from '../../../support/eventually.ts';
import { AT_REST, QueueTracking } from '../../../support/queue-tracking.ts';

const JOBS = { name: 'jobs', kind: 'task_queue' } as const;

test('a queue that was collected as garbage leaves nothing behind, whatever is told of its items afterwards', () => {
  const tracking = new QueueTracking();
  const [gone, stays] = [new TrackedQueue(tracking.tracker, JOBS), new TrackedQueue(tracking.tracker, JOBS)];
  const served = gone.starts();
  gone.arrives();
  gone.setThreads(2, 2);
  stays.arrives();
  gone.vanished();
  gone.vanished();
  const left = { size: 1, active: 0, aborts: 1, threads: 0, limit: 0 };
  expect(tracking.only).toMatchObject(left);
  gone.ends(served, 'done');
  expect(tracking.only).toMatchObject(left);
});

test('the oldest of many that wait is known without a search', () => {
  const tracking = new QueueTracking();
  const queue = new TrackedQueue(tracking.tracker, JOBS);
  const items = Array.from({ length: 100_000 }, () => queue.arrives());
  const startedMs = performance.now();
  for (const item of items) queue.begins(item);
  /* 20 ms; as many steps as there are items before it, for each of them, would take minutes. */
  expect(performance.now() - startedMs).toBeLessThan(5000);
  expect(tracking.only).toMatchObject({ ...AT_REST, active: 100_000 });
});

test('a pool of connections that was collected as garbage leaves nothing behind', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const tracking = new QueueTracking();
  const forget = (): void => {
    const target = {};
    const pool = new FollowedPool(tracker, { kind: 'connection_pool', library: 'pg-pool', target, isMade: false });
    Hidden.set(target, pool);
    pool.hands({ pool: target }, pool.queue.arrives());
    pool.queue.arrives();
    pool.has(1, 1);
  };
  const { tracker } = tracking;
  forget();
  expect(tracking.only).toMatchObject({ size: 1, active: 1, threads: 1, limit: 1 });
  await eventually('nothing is left of it', () => {
    collectGarbage();
    const { size, active, threads, limit } = tracking.only;
    return size + active + threads + limit === 0;
  });
});
