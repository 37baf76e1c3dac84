/** What locks have counted, by class: over instances, threads and their ends, and never twice. */
import { beforeEach, describe, expect, test } from 'vitest';
import { CELL, claimClassCell } from '../../../../agent/shared-memory/class-cells.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../../../agent/shared-memory/lock-memory.ts';
import type { LockRef } from '../../../../agent/shared-memory/lock-records.ts';
import { SharedHistogramWriter } from '../../../../agent/shared-memory/shared-histogram.ts';
import { WaitState } from '../../../../agent/shared-memory/wait-word.ts';
import { collectFrom, only, type Written } from '../../../support/recording-sink.ts';
import { ASYNC_LOCK, count, LockWorld, NOW_NS, record } from './lock-world.ts';

const MS = 1e6;
const MUTEX = 'gridwatch.lock.kind=mutex';
let world: LockWorld;
const collect = (): Written => collectFrom(world.locks);
const valueOf = (metric: string, name: string, rest: string, written = collect()): number | undefined =>
  only(written, `gridwatch.lock.${metric}`)[`gridwatch.lock.name=${name},${rest}`];
const acquisitions = (name: string): number | undefined =>
  valueOf('acquisitions', name, `${MUTEX},gridwatch.lock.mode=exclusive`);

beforeEach(() => {
  world = new LockWorld();
});

describe('a lock with a name', () => {
  test('has all its zeros from the first look on', () => {
    world.lock('orders');
    const written = collect();
    for (const metric of ['acquisitions', 'contentions', 'timeouts', 'aborts'])
      expect(valueOf(metric, 'orders', `${MUTEX},gridwatch.lock.mode=exclusive`, written)).toBe(0);
    for (const metric of ['abandonments', 'waiter.count', 'oldest_waiter.age'])
      expect(valueOf(metric, 'orders', MUTEX, written)).toBe(0);
    expect(only(written, 'gridwatch.lock.wait.duration')).toEqual({});
  });

  test('is found however late it is made, and counts what was counted before it was found', () => {
    world.lock('first');
    collect();
    collect();
    collect();
    const late = world.lock('late');
    count(late, BLOCK.ACQUISITIONS, 5);
    expect(acquisitions('late')).toBe(5);
  });

  test('counts on over a word that wraps', () => {
    const lock = world.lock('orders');
    count(lock, BLOCK.ACQUISITIONS, 0x7fffffff);
    expect(acquisitions('orders')).toBe(0x7fffffff);
    count(lock, BLOCK.ACQUISITIONS, 0x7fffffff);
    count(lock, BLOCK.ACQUISITIONS, 5);
    expect(acquisitions('orders')).toBe(0xfffffffe + 5);
  });

  test('has waits and holds, those of many writers too', () => {
    const lock = world.lock('cache', 'rwlock');
    record(lock, BLOCK.WAITS, 2 * MS);
    record(lock, BLOCK.HOLDS, 3 * MS, 64);
    const shared = new SharedHistogramWriter(lock.views.buffer, lock.blockAt + BLOCK.SHARED_WAITS);
    shared.record(4 * MS);
    shared.record(5 * MS);
    count(lock, BLOCK.ACQUISITIONS);
    count(lock, BLOCK.SHARED_ACQUISITIONS, 9);
    const written = collect();
    const rwlock = 'gridwatch.lock.kind=rwlock,gridwatch.lock.mode';
    expect(valueOf('wait.duration', 'cache', `${rwlock}=exclusive`, written)).toBe(1);
    expect(valueOf('wait.duration', 'cache', `${rwlock}=shared`, written)).toBe(2);
    expect(valueOf('hold.duration', 'cache', `${rwlock}=exclusive`, written)).toBe(64);
    expect(valueOf('acquisitions', 'cache', `${rwlock}=shared`, written)).toBe(9);
  });

  test('whose permits many have is taken in shared mode', () => {
    const lock = world.lock('pool', 'semaphore', 16_384, 3);
    count(lock, BLOCK.SHARED_ACQUISITIONS, 9);
    const semaphore = 'gridwatch.lock.kind=semaphore,gridwatch.lock.mode';
    const written = collect();
    expect(valueOf('acquisitions', 'pool', `${semaphore}=shared`, written)).toBe(9);
    expect(valueOf('acquisitions', 'pool', `${semaphore}=exclusive`, written)).toBeUndefined();
  });

  test('counts apart the waits that have blocked no thread', () => {
    const lock = world.lock('orders');
    count(lock, BLOCK.CONTENTIONS, 5);
    count(lock, BLOCK.ASYNC_CONTENTIONS, 3);
    collect();
    count(lock, BLOCK.ASYNC_CONTENTIONS, 1);
    collect();
    expect(Array.from(world.locks.classes, ({ contention }) => contention)).toEqual([
      { waits: 5, asyncWaits: 4, waitedNs: 0 },
    ]);
  });

  test('that nobody has for itself is waited for in shared mode', () => {
    count(world.lock('ready', 'condition'), BLOCK.SHARED_ACQUISITIONS, 2);
    world.lock('start', 'barrier');
    const shared = only(collect(), 'gridwatch.lock.acquisitions');
    expect(shared).toEqual({
      'gridwatch.lock.name=ready,gridwatch.lock.kind=condition,gridwatch.lock.mode=shared': 2,
      'gridwatch.lock.name=start,gridwatch.lock.kind=barrier,gridwatch.lock.mode=shared': 0,
    });
  });

  test('is not among the locks when it is a channel', () => {
    world.lock('jobs', 'channel');
    expect(collect()).toEqual({});
  });

  test('has its name on one line, or that of its kind', () => {
    world.lock('a\nb\u0000c');
    world.lock('  ');
    expect(acquisitions('a b c')).toBe(0);
    expect(acquisitions('mutex')).toBe(0);
  });
});

describe('a lock in a buffer of its own', () => {
  test('counts for its class, together with others of the name, and stays counted when it is forgotten', () => {
    const main = world.thread('main');
    const named = world.lock('orders');
    const own = world.ownLock('orders');
    world.locks.told(main.claim, { lock: 'adopt', lockId: own.id, buffer: own.views.buffer, blockAt: 0 });
    count(named, BLOCK.ACQUISITIONS, 3);
    count(own, BLOCK.ACQUISITIONS, 4);
    expect(acquisitions('orders')).toBe(7);
    count(own, BLOCK.ACQUISITIONS, 5);
    world.locks.told(main.claim, { lock: 'forget', lockId: own.id });
    expect(acquisitions('orders')).toBe(12);
    expect(world.locks.index.size).toBe(1);
  });

  test('is followed as long as any of the threads that told of it lives, and is never counted twice', () => {
    const [one, two] = [world.thread('one'), world.thread('two')];
    const own = world.ownLock('shared');
    const adopt = { lock: 'adopt', lockId: own.id, buffer: own.views.buffer, blockAt: 0 };
    world.locks.told(one.claim, adopt);
    world.locks.told(two.claim, adopt);
    count(own, BLOCK.ACQUISITIONS, 2);
    world.locks.end(one.claim);
    count(own, BLOCK.ACQUISITIONS, 2);
    expect(acquisitions('shared')).toBe(4);
    world.locks.end(two.claim);
    expect(world.locks.index.size).toBe(0);
    /* A handle that was under way arrives. */
    const three = world.thread('three');
    world.locks.told(three.claim, adopt);
    count(own, BLOCK.ACQUISITIONS);
    expect(acquisitions('shared')).toBe(5);
  });

  test.each([
    ['nothing at all', undefined],
    ['no buffer', { lock: 'adopt', lockId: 7, blockAt: 0 }],
    ['a buffer without a block', { lock: 'adopt', lockId: 7, buffer: new SharedArrayBuffer(4096), blockAt: 0 }],
    ['an offset that is none', { lock: 'adopt', lockId: 7, buffer: new SharedArrayBuffer(4096), blockAt: 'x' }],
    ['an id that is none', { lock: 'adopt', lockId: {}, buffer: new SharedArrayBuffer(4096), blockAt: 0 }],
  ])('that is told of with %s is none', (_, message) => {
    world.locks.told(world.thread('main').claim, message);
    expect(world.locks.index.size).toBe(0);
    expect(collect()).toEqual({});
  });
});

test('of more locks in buffers than there may be the others are counted as lost', () => {
  const main = world.thread('main');
  for (let i = 0; i < 4100; i++) {
    const own = world.ownLock('many');
    world.locks.told(main.claim, { lock: 'adopt', lockId: own.id, buffer: own.views.buffer, blockAt: 0 });
  }
  expect(world.locks.index.size).toBe(4096);
  expect(world.dropped).toBe(4);
});

describe('locks without a block', () => {
  const promise = 'gridwatch.lock.kind=promise';

  test('count by class over threads, and stay counted when their threads end', () => {
    const [one, two] = [world.thread('one'), world.thread('two')];
    const number = world.name('async-mutex@app.js:3');
    for (const { claim } of [one, two]) {
      const cell = claimClassCell(world.memory, claim, number, 'promise', 'exclusive');
      cell?.add(CELL.ACQUISITIONS, 10);
      cell?.add(CELL.CONTENTIONS);
      cell?.waits.record(3 * MS);
    }
    const name = 'async-mutex@app.js:3';
    const mode = `${promise},gridwatch.lock.mode=exclusive`;
    expect(valueOf('acquisitions', name, mode)).toBe(20);
    world.locks.end(one.claim);
    world.end(one);
    expect(valueOf('acquisitions', name, mode)).toBe(20);
    /* Its cell counts from zero for the next. */
    const three = world.thread('three');
    claimClassCell(world.memory, three.claim, number, 'promise', 'exclusive')?.add(CELL.ACQUISITIONS, 1);
    const written = collect();
    expect(valueOf('acquisitions', name, mode, written)).toBe(21);
    expect(valueOf('wait.duration', name, mode, written)).toBe(2);
  });

  test('that found no cell are counted as lost', () => {
    const main = world.thread('main');
    for (let i = 0; i < 4099; i++) claimClassCell(world.memory, main.claim, 1, 'promise', 'exclusive');
    collect();
    expect(world.dropped).toBe(3);
    collect();
    expect(world.dropped).toBe(3);
  });
});

describe('who waits', () => {
  test('is counted while the wait lasts: threads, activities, and threads that are not observed', () => {
    const lock = world.lock('orders');
    const [one, two] = [world.thread('one'), world.thread('two')];
    world.block(one, lock, NOW_NS - 50 * MS);
    two.asyncLocks.open({ ...ASYNC_LOCK, lockId: lock.id, kind: 'mutex', sinceNs: NOW_NS - 70 * MS });
    const stranger = world.enter(99);
    world.tell(stranger.thread, LOCK_THREAD.AWAITED, lock.id);
    const written = collect();
    expect(valueOf('waiter.count', 'orders', MUTEX, written)).toBe(3);
    expect(valueOf('oldest_waiter.age', 'orders', MUTEX, written)).toBe(70 * MS);
    one.waitWord.end(NOW_NS);
    two.asyncLocks.close(0);
    world.tell(stranger.thread, LOCK_THREAD.AWAITED, 0);
    const after = collect();
    expect(valueOf('waiter.count', 'orders', MUTEX, after)).toBe(0);
    expect(valueOf('oldest_waiter.age', 'orders', MUTEX, after)).toBe(0);
  });

  test('for a lock without a block stands in its cell, and counts once', () => {
    const main = world.thread('main');
    const number = world.name('p-limit@app.js:9');
    const cell = claimClassCell(world.memory, main.claim, number, 'promise', 'exclusive');
    cell?.add(CELL.WAITERS, 4);
    cell?.setOldestSince(NOW_NS - 30 * MS);
    main.asyncLocks.open({ ...ASYNC_LOCK, classNumber: number, sinceNs: NOW_NS - 30 * MS });
    const written = collect();
    expect(valueOf('waiter.count', 'p-limit@app.js:9', 'gridwatch.lock.kind=promise', written)).toBe(4);
    expect(valueOf('oldest_waiter.age', 'p-limit@app.js:9', 'gridwatch.lock.kind=promise', written)).toBe(30 * MS);
  });

  test('in a raw Atomics.wait at a site that is a lock is counted by site; one that is parked is not', () => {
    const [one, two] = [world.thread('one'), world.thread('two')];
    one.waitWord.begin(WaitState.WAITING_LOCK, world.name('pool.js:12'), NOW_NS - 20 * MS);
    two.waitWord.begin(WaitState.PARKED, world.name('pool.js:99'), NOW_NS - 20 * MS);
    const counts = only(collect(), 'gridwatch.lock.waiter.count');
    expect(counts).toEqual({ 'gridwatch.lock.name=pool.js:12,gridwatch.lock.kind=atomics': 1 });
  });
});

describe('blame', () => {
  const ref = (lockId: number): LockRef => ({ lockId, classNumber: 0, kind: 'mutex', mode: 'exclusive' });

  test("is the holder's, by its thread and the place where it took the lock, also after its end", () => {
    const lock = world.lock('orders');
    const holder = world.thread('holder', 7);
    const siteNumber = world.name('app.js:10:3');
    world.locks.blame(ref(lock.id), { holderWord: holder.word, slot: 0, siteNumber }, 5 * MS);
    world.locks.threads.end(holder);
    world.locks.end(holder.claim);
    world.end(holder);
    world.locks.blame(ref(lock.id), { holderWord: holder.word, slot: 0, siteNumber }, 2 * MS);
    expect(only(collect(), 'gridwatch.lock.caused_wait.time')).toEqual({
      [`gridwatch.lock.name=orders,${MUTEX},thread.name=holder,gridwatch.lock.holder.site=app.js:10`]: 7 * MS,
    });
  });

  test('of a holder that is not known is nobody else’s', () => {
    const lock = world.lock('orders');
    world.thread('innocent');
    world.locks.blame(ref(lock.id), { holderWord: 0, slot: 0, siteNumber: 0 }, 5 * MS);
    expect(only(collect(), 'gridwatch.lock.caused_wait.time')).toEqual({
      [`gridwatch.lock.name=orders,${MUTEX},thread.name=_OTHER,gridwatch.lock.holder.site=unknown`]: 5 * MS,
    });
  });
});
