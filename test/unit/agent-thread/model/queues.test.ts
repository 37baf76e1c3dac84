/** The queues of a program as the agent thread reads them: over threads and their ends, never twice, and whatever a program has scribbled. */
import { beforeEach, describe, expect, test } from 'vitest';
import { QueueCells } from '../../../../agent/agent-thread/model/queue-cells.ts';
import type { QueueFeature, QueueReader } from '../../../../agent/agent-thread/model/queue-totals.ts';
import { Queues } from '../../../../agent/agent-thread/model/queues.ts';
import type { MetricSink } from '../../../../agent/agent-thread/telemetry/metrics.ts';
import { ChannelQueue } from '../../../../agent/shared-memory/channel-queue.ts';
import { CELL, CellPhase, CHANNEL, channelBytes } from '../../../../agent/shared-memory/channel-words.ts';
import { HEADER } from '../../../../agent/shared-memory/layout.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import {
  claimQueueCell,
  QUEUE_CELL,
  type QueueCell,
  type QueueKind,
} from '../../../../agent/shared-memory/queue-cells.ts';
import { collectFrom, only, type Written } from '../../../support/recording-sink.ts';
import { LockWorld, NOW_NS, type WorldThread } from './lock-world.ts';

const MS = 1e6;
const S = 1e9;
let world: LockWorld;
let main: WorldThread;
let worker: WorldThread;
let queues: Queues;
let extra: QueueReader[];
let off: QueueFeature[];
let dropped: number;

function cell(thread: WorldThread, name: string, kind: QueueKind): QueueCell {
  const claimed = claimQueueCell(world.memory, thread.claim, world.name(name), kind);
  if (claimed === undefined) throw new Error('no cell is free');
  return claimed;
}

const collect = (): Written => collectFrom(queues);
/** The one series of a metric that has this name. */
function valueOf(metric: string, name: string, written = collect()): number | undefined {
  const found = Object.entries(only(written, `gridwatch.${metric}`)).filter(([labels]) =>
    labels.startsWith(`gridwatch.queue.name=${name},`),
  );
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0]?.[1];
}

beforeEach(() => {
  world = new LockWorld();
  main = world.thread('main');
  worker = world.thread('worker-1');
  extra = [];
  off = [];
  dropped = 0;
  const settings = { memory: world.memory, totals: world.queues, text: (number: number) => world.locks.text(number) };
  queues = new Queues({
    memory: world.memory,
    totals: world.queues,
    readers: [
      new QueueCells(settings),
      { read: (nowNs) => world.locks.index.readChannels(nowNs) },
      {
        read: (nowNs) => {
          for (const reader of extra) reader.read(nowNs);
        },
        end: (thread, nowNs) => {
          for (const reader of extra) reader.end?.(thread, nowNs);
        },
      },
    ],
    isOn: (feature) => !off.includes(feature),
    nowNs: () => world.nowNs,
    onDrop: (count) => void (dropped += count),
  });
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
    queues.end(worker.claim, world.nowNs);
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
    queues.end(worker.claim, world.nowNs);
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

describe('a channel', () => {
  interface Opened {
    readonly blockAt: number;
    readonly send: (sentNs?: number) => void;
    readonly receive: () => void;
  }

  function open(name: string, capacity: number): Opened {
    const itemBytes = 8;
    const bytes = channelBytes(capacity, itemBytes);
    const identity = { kind: 'channel', name, bytes, numberA: capacity, numberB: itemBytes } as const;
    const blockAt = world.lockMemory.findOrCreate(identity, () => {});
    if (blockAt === undefined) throw new Error('no room');
    const { views } = world.lockMemory;
    const holder = main.word;
    const queue = new ChannelQueue({ views, blockAt, capacity, itemBytes, holder, isDead: () => false });
    return {
      blockAt,
      send: (sentNs = 0) => {
        const at = queue.claimToSend();
        views.f64[(at + CELL.SENT_NS) >> 3] = sentNs;
        queue.publish(at);
      },
      receive: () => void queue.take(queue.findItem()),
    };
  }

  test('shows what came, what went, what is in it and for how long', () => {
    const jobs = open('jobs', 10);
    for (let i = 5; i > 0; i--) jobs.send(NOW_NS - i * S);
    jobs.receive();
    jobs.receive();
    for (let i = 0; i < 2; i++) {
      const written = collect();
      expect(valueOf('queue.arrivals', 'jobs', written)).toBe(5);
      expect(valueOf('queue.completions', 'jobs', written)).toBe(2);
      expect(valueOf('queue.size', 'jobs', written)).toBe(3);
      expect(valueOf('queue.capacity', 'jobs', written)).toBe(10);
      expect(valueOf('queue.oldest_item.age', 'jobs', written)).toBe(3 * S);
    }
  });

  test('without the times of its items has no age', () => {
    const jobs = open('jobs', 10);
    jobs.send();
    expect(valueOf('queue.oldest_item.age', 'jobs')).toBe(0);
    expect(valueOf('queue.size', 'jobs')).toBe(1);
  });

  test('has the waits that its receivers wrote into their cells', () => {
    open('jobs', 10);
    cell(main, 'jobs', 'channel').waits.record(5 * MS);
    cell(worker, 'jobs', 'channel').waits.record(6 * MS);
    const written = collect();
    expect(valueOf('queue.wait.duration', 'jobs', written)).toBe(2);
    expect(valueOf('queue.capacity', 'jobs', written)).toBe(10);
  });

  test('whose ticket turns out to have no item counts nothing twice', () => {
    const jobs = open('jobs', 4);
    const { i32 } = world.lockMemory.views;
    jobs.send();
    expect(valueOf('queue.arrivals', 'jobs')).toBe(1);
    /* A sender takes a ticket; it is counted as long as nobody knows better. */
    Atomics.add(i32, (jobs.blockAt + CHANNEL.TAIL) >> 2, 2);
    expect(valueOf('queue.arrivals', 'jobs')).toBe(2);
    Atomics.add(i32, (jobs.blockAt + CHANNEL.SKIPPED) >> 2, 1);
    expect(valueOf('queue.arrivals', 'jobs')).toBe(2);
    Atomics.add(i32, (jobs.blockAt + CHANNEL.TAIL) >> 2, 2);
    expect(valueOf('queue.arrivals', 'jobs')).toBe(2);
    Atomics.add(i32, (jobs.blockAt + CHANNEL.TAIL) >> 2, 2);
    expect(valueOf('queue.arrivals', 'jobs')).toBe(3);
  });

  test('counts on over tickets that wrap', () => {
    const jobs = open('jobs', 4);
    const { i32 } = world.lockMemory.views;
    for (const field of [CHANNEL.TAIL, CHANNEL.HEAD]) i32[(jobs.blockAt + field) >> 2] = 0x7ffffffe;
    expect(valueOf('queue.arrivals', 'jobs')).toBe(0x3fffffff);
    for (const field of [CHANNEL.TAIL, CHANNEL.HEAD]) i32[(jobs.blockAt + field) >> 2] = 0xfffffffe | 0;
    expect(valueOf('queue.arrivals', 'jobs')).toBe(0x7fffffff);
    for (const field of [CHANNEL.TAIL, CHANNEL.HEAD]) i32[(jobs.blockAt + field) >> 2] = 8;
    expect(valueOf('queue.completions', 'jobs')).toBe(0x7fffffff + 5);
  });

  test('has lost items with senders that died', () => {
    const jobs = open('jobs', 4);
    expect(valueOf('queue.aborts', 'jobs')).toBeUndefined();
    world.lockMemory.views.i32[(jobs.blockAt + BLOCK.ABANDONMENTS) >> 2] = 2;
    expect(valueOf('queue.aborts', 'jobs')).toBe(2);
  });

  test('in a buffer of the program’s is read a last time when nobody uses it any more, and never twice', () => {
    const bytes = channelBytes(4, 8);
    const own = world.ownLock('own', bytes);
    const { i32 } = own.views;
    i32[BLOCK.NUMBER_A >> 2] = 4;
    i32[BLOCK.NUMBER_B >> 2] = 8;
    i32[BLOCK.KIND >> 2] = 6;
    const notice = { lock: 'adopt', lockId: own.id, buffer: own.views.buffer, blockAt: 0 };
    world.locks.told(worker.claim, notice);
    i32[CHANNEL.TAIL >> 2] = 6;
    i32[CHANNEL.CELLS >> 2] = CellPhase.FULL;
    expect(valueOf('queue.size', 'own')).toBe(3);
    i32[CHANNEL.TAIL >> 2] = 8;
    world.locks.end(worker.claim);
    expect(valueOf('queue.arrivals', 'own')).toBe(4);
    expect(valueOf('queue.size', 'own')).toBe(0);
    world.locks.told(main.claim, notice);
    expect(valueOf('queue.arrivals', 'own')).toBe(4);
  });

  test('that was scribbled on is passed over', () => {
    const jobs = open('jobs', 4);
    jobs.send();
    collect();
    const { i32 } = world.lockMemory.views;
    for (let field = CHANNEL.TAIL; field < CHANNEL.CELLS; field += 4) i32[(jobs.blockAt + field) >> 2] = 0x6b6b6b6b;
    expect(() => collect()).not.toThrow();
    expect(valueOf('queue.size', 'jobs')).toBeGreaterThanOrEqual(0);
  });
});

describe('the source', () => {
  test('is silent while none of its features runs, and goes on where it was', () => {
    const jobs = cell(main, 'jobs', 'pool');
    jobs.add(QUEUE_CELL.ARRIVALS, 5);
    off = ['messages', 'pools', 'queues'];
    expect(collect()).toEqual({});
    off = ['messages', 'queues'];
    expect(valueOf('queue.arrivals', 'jobs')).toBe(5);
    off = ['pools'];
    expect(collect()).toEqual({});
  });

  test('counts queues that found no cell, once', () => {
    world.memory.i32[HEADER.QUEUES_DROPPED >> 2] = 3;
    collect();
    collect();
    expect(dropped).toBe(3);
  });

  test('tells of the others when one of its readers fails, and of the failure', () => {
    cell(main, 'jobs', 'pool').add(QUEUE_CELL.ARRIVALS, 5);
    extra.push({
      read: () => {
        throw new Error('broken');
      },
    });
    const sums: string[] = [];
    const sink = { sum: (name: string) => sums.push(name), gauge: () => {}, histogram: () => {} };
    expect(() => queues.collect(sink as unknown as MetricSink)).toThrow('broken');
    expect(sums).toContain('gridwatch.queue.arrivals');
  });

  test('hands each reader the end of a thread', () => {
    const ended: number[] = [];
    extra.push({ read: () => {}, end: ({ slot }) => void ended.push(slot) });
    queues.end(worker.claim, world.nowNs);
    expect(ended).toEqual([worker.claim.slot]);
  });
});
