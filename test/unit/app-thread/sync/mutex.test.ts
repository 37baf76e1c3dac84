/** The mutex as a program sees it, fair or not: who has it, who is told what, and what is an error. Other threads are words in lock memory. */
import { getEnvironmentData } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { type Lease, type LockHandle, Mutex } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { Semaphore } from '../../../../agent/app-thread/sync/semaphore.ts';
import { HistogramReader, HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { DIED, WAITERS } from '../../../../agent/shared-memory/lock-word.ts';
import { codeOf, codeOfAsync } from './codes.ts';
import { otherThread } from './other-thread.ts';

const WORD = BLOCK.WORD >> 2;

function blockOf({ handle }: { readonly handle: LockHandle }): Int32Array {
  return new Int32Array(handle.buffer, handle.byteOffset, 384);
}

describe.each([
  ['a mutex', false],
  ['a fair mutex', true],
])('%s', (_, fair) => {
  test('has one holder at a time, and its word says who', () => {
    const mutex = new Mutex({ fair });
    const lease = mutex.acquire();
    expect(blockOf(mutex)[WORD]).toBe(lockThread().word);
    expect(mutex.tryAcquire()).toBeUndefined();
    lease.release();
    expect(blockOf(mutex)[WORD]).toBe(0);
    const again = mutex.tryAcquire();
    expect(again?.abandoned).toBe(false);
    again?.release();
  });

  test('is released at the end of a block and of a function, however it ends', async () => {
    const mutex = new Mutex({ fair });
    {
      using lease = mutex.acquire();
      expect(lease.abandoned).toBe(false);
    }
    expect(mutex.withLock(() => blockOf(mutex)[WORD])).toBe(lockThread().word);
    const fails = (): never => {
      throw new Error('of the function');
    };
    expect(() => mutex.withLock(fails)).toThrow('of the function');
    await expect(mutex.withLockAsync(async () => fails())).rejects.toThrow('of the function');
    expect(await mutex.withLockAsync(async ({ abandoned }) => abandoned)).toBe(false);
    mutex.withLock((lease) => lease.release());
    expect(blockOf(mutex)[WORD]).toBe(0);
  });

  test('a thread does not wait for itself; what is not held is not released', async () => {
    const mutex = new Mutex({ fair });
    const lease = mutex.acquire();
    expect(codeOf(() => mutex.acquire({ timeoutMs: 1 }))).toBe('LOCK_REENTRY');
    lease.release();
    expect(codeOf(() => lease.release())).toBe('LOCK_NOT_HELD');
    expect(codeOf(() => mutex.release())).toBe('LOCK_NOT_HELD');
    const later = mutex.acquire();
    expect(codeOf(() => lease.release())).toBe('LOCK_NOT_HELD');
    mutex.release();
    expect(codeOf(() => later.release())).toBe('LOCK_NOT_HELD');
    const other = otherThread();
    blockOf(mutex)[WORD] = other.word;
    expect(codeOf(() => mutex.release())).toBe('LOCK_NOT_HELD');
    blockOf(mutex)[WORD] = 0;
    await mutex.acquireAsync();
    expect(codeOf(() => mutex.acquire())).toBe('LOCK_REENTRY');
    mutex.release();
    expect(blockOf(mutex)[WORD]).toBe(0);
  });

  test('waits as long as it is told, and leaves nothing behind', async () => {
    const mutex = new Mutex({ fair });
    const block = blockOf(mutex);
    block[WORD] = otherThread().word;
    const startedMs = performance.now();
    expect(codeOf(() => mutex.acquire({ timeoutMs: 0 }))).toBe('LOCK_TIMEOUT');
    expect(codeOf(() => mutex.acquire({ timeoutMs: 20 }))).toBe('LOCK_TIMEOUT');
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(20);
    expect(await codeOfAsync(mutex.acquireAsync({ timeoutMs: 0 }))).toBe('LOCK_TIMEOUT');
    expect(await codeOfAsync(mutex.acquireAsync({ timeoutMs: 5 }))).toBe('LOCK_TIMEOUT');
    expect(block[BLOCK.TIMEOUTS >> 2]).toBe(4);
    /* As its holder would release it: nobody is queued any more. */
    expect(block[WORD] & WAITERS).toBe(WAITERS);
    block[WORD] = 0;
    mutex.acquire({ timeoutMs: 0 }).release();
    expect(block[WORD]).toBe(0);
  });

  test('asynchronous waiters of one thread are served in order', async () => {
    const mutex = new Mutex({ fair });
    const order: number[] = [];
    const first = await mutex.acquireAsync();
    const later = [1, 2, 3].map((number) => mutex.withLockAsync(() => order.push(number)));
    first.release();
    await Promise.all(later);
    expect(order).toEqual([1, 2, 3]);
    expect(blockOf(mutex)[BLOCK.ACQUISITIONS >> 2]).toBe(4);
    expect(blockOf(mutex)[BLOCK.CONTENTIONS >> 2]).toBe(3);
    expect(blockOf(mutex)[BLOCK.ASYNC_CONTENTIONS >> 2]).toBe(3);
  });

  test('Q3: who is aborted is rejected with the reason, and the next one is served', async () => {
    const mutex = new Mutex({ fair });
    const lease = await mutex.acquireAsync();
    const controller = new AbortController();
    const aborted = mutex.acquireAsync({ signal: controller.signal });
    const next = mutex.acquireAsync();
    controller.abort(new Error('no longer wanted'));
    await expect(aborted).rejects.toThrow('no longer wanted');
    await expect(mutex.acquireAsync({ signal: controller.signal })).rejects.toThrow('no longer wanted');
    lease.release();
    (await next).release();
    expect(blockOf(mutex)[BLOCK.ABORTS >> 2]).toBe(1);
  });

  test('M4: of a holder that died the next one is told, once, by whichever call', async () => {
    const mutex = new Mutex({ fair });
    const acquisitions: (() => Promise<Lease> | Lease | undefined)[] = [
      () => mutex.acquire(),
      () => mutex.acquireAsync(),
      () => mutex.acquire({ timeoutMs: 1000 }),
    ];
    for (const acquire of acquisitions) {
      const other = otherThread();
      blockOf(mutex)[WORD] = other.word;
      other.end();
      const lease = await acquire();
      expect(lease?.abandoned).toBe(true);
      lease?.release();
      const after = await acquire();
      expect(after?.abandoned).toBe(false);
      after?.release();
    }
    expect(blockOf(mutex)[BLOCK.ABANDONMENTS >> 2]).toBe(3);
    blockOf(mutex)[WORD] = DIED;
    const told = fair ? mutex.acquire() : mutex.tryAcquire();
    expect(told?.abandoned).toBe(true);
    told?.release();
  });
});

describe('which mutex it is', () => {
  test('one name is one mutex; without a name each is new; a handle brings it elsewhere', () => {
    const orders = new Mutex('orders');
    expect(orders.name).toBe('orders');
    expect(new Mutex({ name: 'orders' }).handle).toBe(orders.handle);
    const lease = orders.acquire();
    expect(new Mutex('orders').tryAcquire()).toBeUndefined();
    new Mutex('orders').release();
    expect(codeOf(() => lease.release())).toBe('LOCK_NOT_HELD');
    const one = new Mutex();
    const held = one.acquire();
    expect(new Mutex().tryAcquire()).toBeDefined();
    expect(Mutex.from(structuredClone(one.handle)).tryAcquire()).toBeUndefined();
    held.release();
    expect(one.handle.gridwatch).toBe('lock');
  });

  test("in the caller's buffer, at a place that is free", () => {
    const buffer = new SharedArrayBuffer(Mutex.BYTES * 2 + 64);
    const one = new Mutex({ buffer, name: 'first' });
    const two = new Mutex({ buffer, byteOffset: Mutex.BYTES });
    const lease = one.acquire();
    expect(new Mutex({ buffer }).tryAcquire()).toBeUndefined();
    expect(new Mutex({ buffer }).name).toBe('first');
    two.acquire().release();
    lease.release();
    expect(codeOf(() => new Mutex({ buffer, byteOffset: Mutex.BYTES + 128 }))).toBe('LOCK_OPTION');
    expect(codeOf(() => new Mutex({ buffer, byteOffset: 32 }))).toBe('LOCK_OPTION');
    const fair = new Mutex({ buffer: new SharedArrayBuffer(Mutex.FAIR_BYTES), fair: true });
    fair.acquire().release();
  });

  test('B1: a block that a thread began to make, and did not end, is made by the next', () => {
    const buffer = new SharedArrayBuffer(Mutex.BYTES);
    const other = otherThread();
    new Int32Array(buffer)[BLOCK.KIND >> 2] = other.word;
    other.end();
    const mutex = new Mutex({ buffer });
    expect(mutex.withLock(() => 'held')).toBe('held');
  });

  test('all who use one name must mean the same', () => {
    const fair = new Mutex({ name: 'in order', fair: true });
    expect(codeOf(() => new Mutex('in order'))).toBe('LOCK_KIND');
    Mutex.from(fair.handle).acquire().release();
    const buffer = new SharedArrayBuffer(Mutex.BYTES);
    new Int32Array(buffer)[BLOCK.KIND >> 2] = 3;
    expect(codeOf(() => new Mutex({ buffer }))).toBe('LOCK_KIND');
    expect(codeOf(() => Mutex.from({ ...fair.handle, buffer }))).toBe('LOCK_KIND');
  });

  test('workers find lock memory in their environment', () => {
    expect(getEnvironmentData('gridwatch.locks')).toBe(lockThread().memory.views.buffer);
  });
});

test.each<[what: string, options: unknown]>([
  ['a name that is empty', ''],
  ['a name that is no text', { name: 7 }],
  ['no options but a number', 7],
  ['nothing, where a name was meant', null],
  ['a name that would be cut, and then be that of another lock', 'x'.repeat(157)],
  ['a name of half characters, which are all alike in UTF-8', 'orders\ud800'],
  ['a buffer that is not shared', { buffer: new ArrayBuffer(4096) }],
  ['a place without a buffer', { byteOffset: 64 }],
  ['a place that is negative', { buffer: new SharedArrayBuffer(4096), byteOffset: -64 }],
  ['fairness that is no truth value', { fair: 'yes' }],
])('is no option: %s', (_, options) => {
  expect(codeOf(() => new Mutex(options as string))).toBe('LOCK_OPTION');
});

test('a name may be as long as a block has room for, and what is wrong with an option is said with its value', () => {
  const name = 'ü'.repeat(78);
  expect(new Mutex(name).name).toBe(name);
  expect(() => new Semaphore({ permits: 0 })).toThrow('permits must be a whole number from 1 to 1024, not 0');
  expect(() => new Mutex().acquire({ timeoutMs: -1 })).toThrow('timeoutMs must be a number of at least 0, not -1');
  expect(() => new Mutex('x'.repeat(157))).toThrow('may have 156 bytes in UTF-8; this one has 157');
});

test.each<[what: string, options: unknown]>([
  ['a negative time-out', { timeoutMs: -1 }],
  ['a time-out that is not a number', { timeoutMs: Number.NaN }],
  ['a time-out that is a text', { timeoutMs: '5' }],
  ['a number of milliseconds in place of options', 5],
])('is no way to wait, also where there is nothing to wait for: %s', async (_, options) => {
  const mutex = new Mutex();
  expect(codeOf(() => mutex.acquire(options as object))).toBe('LOCK_OPTION');
  expect(await codeOfAsync(mutex.acquireAsync(options as object))).toBe('LOCK_OPTION');
  expect(await codeOfAsync(mutex.acquireAsync({ signal: {} as AbortSignal }))).toBe('LOCK_OPTION');
});

test('is no handle', () => {
  const { handle } = new Mutex();
  for (const wrong of [
    undefined,
    7,
    {},
    { ...handle, buffer: {} },
    { ...handle, lockMemory: new SharedArrayBuffer(8) },
  ])
    expect(codeOf(() => Mutex.from(wrong as LockHandle))).toBe('LOCK_OPTION');
  expect(codeOf(() => Mutex.from({ ...handle, byteOffset: 64 }))).toBe('LOCK_KIND');
});

test('holds: all of the first ones are measured, then some, of which each stands for as many; their count is that of the acquisitions', () => {
  const mutex = new Mutex();
  const { buffer, byteOffset } = mutex.handle;
  const reader = new HistogramReader(buffer, byteOffset + BLOCK.HOLDS);
  const total = new HistogramTotal('waits');
  const countAfter = (acquisitions: number): number => {
    for (let i = 0; i < acquisitions; i++) mutex.acquire().release();
    reader.addNewTo(total);
    return total.counts.reduce((sum, count) => sum + count, 0);
  };
  expect(countAfter(10)).toBe(10);
  expect(countAfter(54)).toBe(64);
  /* The end of a row of 64 has been measured, whichever of it was. */
  expect(countAfter(64 * 64)).toBe(64 + 64 * 64);
  expect(countAfter(256 * 10)).toBe(64 + 64 * 64 + 256 * 10);
  expect(blockOf(mutex)[BLOCK.ACQUISITIONS >> 2]).toBe(64 + 64 * 64 + 256 * 10);
});
