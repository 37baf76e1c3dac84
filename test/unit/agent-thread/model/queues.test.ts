/** The queues of a program as the agent thread reads them: over threads and their ends, never twice, and whatever a program has scribbled. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { MetricSink } from '../../../../agent/agent-thread/telemetry/metrics.ts';
import { HEADER } from '../../../../agent/shared-memory/layout.ts';
import { QUEUE_CELL } from '../../../../agent/shared-memory/queue-cells.ts';
import { only } from '../../../support/recording-sink.ts';
import { NOW_NS } from './lock-world.ts';
import { QueueWorld } from './queue-world.ts';

const MS = 1e6;
const S = 1e9;
let queues = new QueueWorld();
let { world, main, worker, cell, collect, valueOf } = queues;

beforeEach(() => {
  queues = new QueueWorld();
  ({ world, main, worker, cell, collect, valueOf } = queues);
});

describe('a queue', () => {
  test('is the sum of its cells on all threads, and counted once', () => {
    for (const thread of [main, worker]) {
      const jobs = cell(thread, 'jobs', 'task_queue');
      jobs.add(QUEUE_CELL.ARRIVALS, 5);
      jobs.add(QUEUE_CELL.COMPLETIONS, 3);
      jobs.add(QUEUE_CELL.REJECTIONS, 2);
      jobs.add(QUEUE_CELL.ABORTS, 1);
      jobs.add(QUEUE_CELL.SIZE, 4);
      jobs.waits.record(2 * MS);
      jobs.services.record(3 * MS);
    }
    for (let i = 0; i < 2; i++) {
      const written = collect();
      expect(valueOf('queue.arrivals', 'jobs', written)).toBe(10);
      expect(valueOf('queue.completions', 'jobs', written)).toBe(6);
      expect(valueOf('queue.rejections', 'jobs', written)).toBe(4);
      expect(valueOf('queue.aborts', 'jobs', written)).toBe(2);
      expect(valueOf('queue.size', 'jobs', written)).toBe(8);
      expect(valueOf('queue.wait.duration', 'jobs', written)).toBe(2);
      expect(valueOf('queue.service.duration', 'jobs', written)).toBe(2);
    }
  });

  test('counts on over a word that wraps', () => {
    const jobs = cell(main, 'jobs', 'pool');
    jobs.add(QUEUE_CELL.ARRIVALS, 0x7fffffff);
    expect(valueOf('queue.arrivals', 'jobs')).toBe(0x7fffffff);
    jobs.add(QUEUE_CELL.ARRIVALS, 0x7fffffff);
    jobs.add(QUEUE_CELL.ARRIVALS, 5);
    expect(valueOf('queue.arrivals', 'jobs')).toBe(0xfffffffe + 5);
  });

  test('says how long its oldest item waits, and 0 when nothing does', () => {
    const jobs = cell(main, 'jobs', 'pool');
    jobs.add(QUEUE_CELL.SIZE);
    jobs.setOldestSince(NOW_NS - 3 * S);
    expect(valueOf('queue.oldest_item.age', 'jobs')).toBe(3 * S);
    jobs.add(QUEUE_CELL.SIZE, -1);
    jobs.setOldestSince(0);
    expect(valueOf('queue.oldest_item.age', 'jobs')).toBe(0);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -5, NOW_NS * 2])(
    'that was scribbled on (%d) has no age',
    (since) => {
      const jobs = cell(main, 'jobs', 'pool');
      jobs.add(QUEUE_CELL.SIZE);
      jobs.setOldestSince(since);
      expect(valueOf('queue.oldest_item.age', 'jobs')).toBe(0);
    },
  );

  test('of a thread that has ended is empty, and what it counted stays counted', () => {
    const jobs = cell(worker, 'jobs', 'pool');
    jobs.add(QUEUE_CELL.ARRIVALS, 5);
    jobs.add(QUEUE_CELL.SIZE, 5);
    jobs.add(QUEUE_CELL.THREADS, 2);
    collect();
    jobs.add(QUEUE_CELL.ARRIVALS, 2);
    jobs.waits.record(MS);
    queues.queues.end(worker.claim, world.nowNs);
    world.end(worker);
    /* The next one gets the same cell, and counts from zero. */
    cell(main, 'jobs', 'pool').add(QUEUE_CELL.ARRIVALS, 1);
    const written = collect();
    expect(valueOf('queue.arrivals', 'jobs', written)).toBe(8);
    expect(valueOf('queue.wait.duration', 'jobs', written)).toBe(1);
    expect(valueOf('queue.size', 'jobs', written)).toBe(0);
    expect(Object.values(only(written, 'gridwatch.pool.thread.count'))).toEqual([0, 0]);
  });

  test('gives back the cell of one that died while it claimed it', () => {
    cell(worker, 'jobs', 'pool');
    world.memory.i32[(world.memory.queueCellAt(0) + QUEUE_CELL.KIND) >> 2] = 0;
    queues.queues.end(worker.claim, world.nowNs);
    expect(world.memory.i32[world.memory.queueCellAt(0) >> 2]).toBe(0);
  });
});

describe('a pool', () => {
  test('is as busy as those who worked, those who still do included', () => {
    const pool = cell(main, 'pool', 'pool');
    pool.add(QUEUE_CELL.THREADS, 2);
    collect();
    pool.addActive(1, NOW_NS + 2 * S);
    world.nowNs = NOW_NS + 10 * S;
    /* One of two for eight of ten seconds. */
    expect(valueOf('pool.utilization', 'pool')).toBeCloseTo(0.4);
    world.nowNs = NOW_NS + 20 * S;
    pool.addActive(-1, NOW_NS + 15 * S);
    expect(valueOf('pool.utilization', 'pool')).toBeCloseTo(0.25);
    world.nowNs = NOW_NS + 30 * S;
    expect(valueOf('pool.utilization', 'pool')).toBe(0);
  });

  test.each([Number.NaN, Number.NEGATIVE_INFINITY, -1e18, 1e300])(
    'that was scribbled on (%d) stays within 0 and 1',
    (busy) => {
      const pool = cell(main, 'pool', 'pool');
      pool.add(QUEUE_CELL.THREADS, 2);
      collect();
      const at = world.memory.queueCellAt(0);
      for (const field of [QUEUE_CELL.BUSY_NS, QUEUE_CELL.BUSY_UNTIL_NS]) {
        world.memory.f64[(at + field) >> 3] = busy;
        world.nowNs += 10 * S;
        const utilization = valueOf('pool.utilization', 'pool');
        expect(utilization).toBeGreaterThanOrEqual(0);
        expect(utilization).toBeLessThanOrEqual(1);
      }
    },
  );

  test('shows who works and who does not, and how many may', () => {
    const pool = cell(main, 'pool', 'pool');
    pool.add(QUEUE_CELL.THREADS, 4);
    pool.add(QUEUE_CELL.LIMIT, 8);
    pool.addActive(3, NOW_NS);
    const written = collect();
    expect(Object.values(only(written, 'gridwatch.pool.thread.count'))).toEqual([3, 1]);
    expect(Object.values(only(written, 'gridwatch.pool.thread.limit'))).toEqual([8]);
  });
});

describe('the source', () => {
  test('is silent while none of its features runs, and goes on where it was', () => {
    const jobs = cell(main, 'jobs', 'pool');
    jobs.add(QUEUE_CELL.ARRIVALS, 5);
    queues.off = ['messages', 'pools', 'queues'];
    expect(collect()).toEqual({});
    queues.off = ['messages', 'queues'];
    expect(valueOf('queue.arrivals', 'jobs')).toBe(5);
    queues.off = ['pools'];
    expect(collect()).toEqual({});
  });

  test('counts queues that found no cell, once', () => {
    world.memory.i32[HEADER.QUEUES_DROPPED >> 2] = 3;
    collect();
    collect();
    expect(queues.dropped).toBe(3);
  });

  test('tells of the others when one of its readers fails, and of the failure', () => {
    cell(main, 'jobs', 'pool').add(QUEUE_CELL.ARRIVALS, 5);
    queues.extra.push({
      read: () => {
        throw new Error('broken');
      },
    });
    const sums: string[] = [];
    const sink = { sum: (name: string) => sums.push(name), gauge: () => {}, histogram: () => {} };
    expect(() => queues.queues.collect(sink as unknown as MetricSink)).toThrow('broken');
    expect(sums).toContain('gridwatch.queue.arrivals');
  });

  test('hands each reader the end of a thread', () => {
    const ended: number[] = [];
    queues.extra.push({ read: () => {}, end: ({ slot }) => void ended.push(slot) });
    queues.queues.end(worker.claim, world.nowNs);
    expect(ended).toEqual([worker.claim.slot]);
  });
});
