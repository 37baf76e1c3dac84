/** Channels of gridwatch/sync, as queues: what their blocks tell the agent thread. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ChannelQueue } from '../../../../agent/shared-memory/channel-queue.ts';
import { CELL, CellPhase, CHANNEL, channelBytes } from '../../../../agent/shared-memory/channel-words.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
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
