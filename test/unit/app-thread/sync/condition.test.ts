/** The condition as one thread uses it: who is notified, what becomes of the mutex, and what is an error. */
import { describe, expect, test } from 'vitest';
import { Condition, Mutex } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { CONDITION, enterCondition } from '../../../../agent/shared-memory/condition-words.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { sweepDead } from '../../../../agent/shared-memory/lock-holders.ts';
import { codeOf, codeOfAsync } from './codes.ts';
import { otherThread } from './other-thread.ts';

const wordsOf = ({ handle }: Condition): Int32Array => new Int32Array(handle.buffer, handle.byteOffset);

describe('notifications', () => {
  test('wake the one that has waited longest, and only that one', async () => {
    const condition = new Condition();
    const mutex = new Mutex();
    const order: number[] = [];
    const waits = [0, 1, 2].map(async (i) =>
      mutex.withLockAsync(async () => {
        await condition.waitAsync(mutex);
        order.push(i);
      }),
    );
    await mutex.withLockAsync(() => {});
    expect(condition.notifyOne()).toBe(true);
    await waits[0];
    expect(order).toEqual([0]);
    expect(condition.notifyAll()).toBe(2);
    await Promise.all(waits);
    expect(order).toEqual([0, 1, 2]);
    expect(wordsOf(condition)[CONDITION.NOTIFICATIONS >> 2]).toBe(3);
    expect(wordsOf(condition)[BLOCK.SHARED_ACQUISITIONS >> 2]).toBe(3);
    expect(wordsOf(condition)[BLOCK.SHARED_CONTENTIONS >> 2]).toBe(3);
  });

  test('are not kept, and counted, when nobody waits', async () => {
    const condition = new Condition('unheard');
    const mutex = new Mutex();
    expect(condition.notifyOne()).toBe(false);
    expect(condition.notifyAll()).toBe(0);
    expect(wordsOf(condition)[BLOCK.UNHEARD >> 2]).toBe(2);
    expect(codeOf(() => mutex.withLock(() => condition.wait(mutex, { timeoutMs: 1 })))).toBe('LOCK_TIMEOUT');
  });
});

describe('the mutex', () => {
  test('is free while the wait lasts, and held again after it, by the same lease', async () => {
    const condition = new Condition();
    const mutex = new Mutex();
    const lease = await mutex.acquireAsync();
    const wait = condition.waitAsync(mutex);
    mutex.withLock(() => expect(condition.notifyOne()).toBe(true));
    expect(await wait).toEqual({ abandoned: false });
    expect(mutex.tryAcquire()).toBeUndefined();
    lease.release();
    mutex.acquire().release();
  });

  test('is held again after a time-out and an abort', async () => {
    const condition = new Condition('late');
    const mutex = new Mutex();
    {
      using lease = mutex.acquire();
      expect(codeOf(() => condition.wait(mutex, { timeoutMs: 1 }))).toBe('LOCK_TIMEOUT');
      expect(mutex.tryAcquire()).toBeUndefined();
      expect(lease.abandoned).toBe(false);
    }
    const lease = await mutex.acquireAsync();
    const abort = new AbortController();
    const wait = codeOfAsync(condition.waitAsync(mutex, { signal: abort.signal }));
    abort.abort('enough');
    expect(await wait).toBe('enough');
    expect(mutex.tryAcquire()).toBeUndefined();
    lease.release();
    mutex.acquire().release();
    /* Nobody is left in the entries. */
    expect(condition.notifyAll()).toBe(0);
  });

  test('must be held, by a call of the same manner', async () => {
    const condition = new Condition();
    const mutex = new Mutex('not held');
    expect(codeOf(() => condition.wait(mutex))).toBe('LOCK_NOT_HELD');
    expect(await codeOfAsync(condition.waitAsync(mutex))).toBe('LOCK_NOT_HELD');
    mutex.acquire();
    expect(await codeOfAsync(condition.waitAsync(mutex))).toBe('LOCK_NOT_HELD');
    mutex.release();
    await mutex.acquireAsync();
    expect(codeOf(() => condition.wait(mutex))).toBe('LOCK_NOT_HELD');
    mutex.release();
    expect(codeOf(() => condition.wait({} as Mutex))).toBe('LOCK_OPTION');
  });

  test('holds measured before and after a wait are one each', () => {
    const condition = new Condition();
    const mutex = new Mutex();
    for (let i = 0; i < 3; i++) codeOf(() => mutex.withLock(() => condition.wait(mutex, { timeoutMs: 0 })));
    const { buffer, byteOffset } = mutex.handle;
    const cells = new Uint32Array(buffer, byteOffset + BLOCK.HOLDS + 8, 120);
    expect(cells.reduce((sum, count) => sum + count, 0)).toBe(6);
  });
});

describe('an abort and a notification at the same moment', () => {
  test('the notification is given on', async () => {
    const condition = new Condition();
    const mutex = new Mutex();
    const abort = new AbortController();
    const first = codeOfAsync(mutex.withLockAsync(async () => condition.waitAsync(mutex, { signal: abort.signal })));
    const second = mutex.withLockAsync(async () => condition.waitAsync(mutex));
    await mutex.withLockAsync(() => {});
    abort.abort('enough');
    expect(condition.notifyOne()).toBe(true);
    expect(await first).toBe('enough');
    expect(await second).toEqual({ abandoned: false });
  });
});

describe('threads that end', () => {
  test('K4: a notification that one had not taken is given on', async () => {
    const condition = new Condition('ended');
    const mutex = new Mutex();
    const { memory } = lockThread();
    const other = otherThread();
    enterCondition(wordsOf(condition), 0, other.word);
    const wait = mutex.withLockAsync(async () => condition.waitAsync(mutex));
    await mutex.withLockAsync(() => {});
    expect(condition.notifyOne()).toBe(true);
    other.end();
    sweepDead(memory.views, condition.handle.byteOffset, memory, other.word);
    expect(await wait).toEqual({ abandoned: false });
  });

  test('one that is known to be dead is not notified', async () => {
    const condition = new Condition();
    const other = otherThread();
    enterCondition(wordsOf(condition), 0, other.word);
    other.end();
    expect(condition.notifyOne()).toBe(false);
    enterCondition(wordsOf(condition), 0, other.word);
    expect(condition.notifyAll()).toBe(0);
  });
});
