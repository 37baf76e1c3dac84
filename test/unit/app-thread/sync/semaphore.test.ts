/** The semaphore as one thread uses it: how many come in, asynchronously and not, and what is an error. */
import { describe, expect, test } from 'vitest';
import { Semaphore } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { holdersOf, sweepDead } from '../../../../agent/shared-memory/lock-holders.ts';
import { tryPermit } from '../../../../agent/shared-memory/semaphore-words.ts';
import { codeOf, codeOfAsync } from './codes.ts';
import { otherThread } from './other-thread.ts';

const wordsOf = ({ handle }: Semaphore): Int32Array<SharedArrayBuffer> =>
  new Int32Array(handle.buffer, handle.byteOffset);

describe('permits', () => {
  test('as many as there are', () => {
    const semaphore = new Semaphore({ permits: 3 });
    const leases = [semaphore.acquire(), semaphore.acquire(), semaphore.acquire()];
    expect(semaphore.tryAcquire()).toBeUndefined();
    leases[1]?.release();
    expect(semaphore.tryAcquire()).toBeDefined();
    expect(semaphore.permits).toBe(3);
  });

  test('release() gives the last one back', () => {
    const semaphore = new Semaphore('last', { permits: 2 });
    const first = semaphore.acquire();
    semaphore.acquire();
    semaphore.release();
    semaphore.withLock(() => expect(semaphore.tryAcquire()).toBeUndefined());
    first.release();
    expect(codeOf(() => semaphore.release())).toBe('LOCK_NOT_HELD');
    expect(codeOf(() => first.release())).toBe('LOCK_NOT_HELD');
  });

  test('asynchronous waiters come in in order, as permits are released', async () => {
    const semaphore = new Semaphore({ permits: 2 });
    let inside = 0;
    let most = 0;
    const order: number[] = [];
    const task = async (i: number): Promise<void> =>
      semaphore.withLockAsync(async () => {
        order.push(i);
        most = Math.max(most, ++inside);
        await Promise.resolve();
        inside--;
      });
    await Promise.all(Array.from({ length: 20 }, async (_, i) => task(i)));
    expect(most).toBe(2);
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('who gives up loses nothing for the others', async () => {
    const semaphore = new Semaphore({ permits: 1 });
    const lease = await semaphore.acquireAsync();
    const abort = new AbortController();
    const first = codeOfAsync(semaphore.acquireAsync({ signal: abort.signal }));
    const second = semaphore.acquireAsync();
    const third = codeOfAsync(semaphore.acquireAsync({ timeoutMs: 1 }));
    abort.abort('enough');
    expect([await first, await third]).toEqual(['enough', 'LOCK_TIMEOUT']);
    lease.release();
    (await second).release();
    expect(wordsOf(semaphore)[BLOCK.ABORTS >> 2]).toBe(1);
    expect(wordsOf(semaphore)[BLOCK.TIMEOUTS >> 2]).toBe(1);
  });
});

describe('errors', () => {
  test('a thread that has all permits does not wait for itself', () => {
    const semaphore = new Semaphore({ permits: 2 });
    semaphore.acquire();
    semaphore.acquire();
    expect(codeOf(() => semaphore.acquire())).toBe('LOCK_REENTRY');
    semaphore.release();
    tryPermit(wordsOf(semaphore), 0, otherThread().word, { index: 0, value: 0 });
    expect(codeOf(() => semaphore.acquire({ timeoutMs: 1 }))).toBe('LOCK_TIMEOUT');
  });

  test('all users of one name agree on the permits', () => {
    expect(new Semaphore('agreed', { permits: 4 }).name).toBe('agreed');
    expect(codeOf(() => new Semaphore('agreed', { permits: 5 }))).toBe('LOCK_KIND');
    expect(Semaphore.from(new Semaphore('agreed', { permits: 4 }).handle).permits).toBe(4);
  });

  test.each([0, 1025, 1.5, undefined, '2'])('permits: %s', (permits) => {
    expect(codeOf(() => new Semaphore({ permits: permits as number }))).toBe('LOCK_OPTION');
    expect(codeOf(() => Semaphore.bytes(permits as number))).toBe('LOCK_OPTION');
  });

  test("in the caller's buffer", () => {
    const buffer = new SharedArrayBuffer(Semaphore.bytes(8));
    new Semaphore({ permits: 8, buffer }).acquire();
    const again = new Semaphore({ permits: 8, buffer });
    again.release();
    expect(codeOf(() => again.release())).toBe('LOCK_NOT_HELD');
    expect(codeOf(() => new Semaphore({ permits: 9, buffer: new SharedArrayBuffer(Semaphore.bytes(8)) }))).toBe(
      'LOCK_OPTION',
    );
  });
});

test('a thread that ends leaves its permits: who gets them is told, once', () => {
  const semaphore = new Semaphore('abandoned', { permits: 3 });
  const { memory } = lockThread();
  const words = wordsOf(semaphore);
  const { word: dead } = otherThread();
  const place = { index: 0, value: 0 };
  for (let i = 0; i < 2; i++) tryPermit(words, 0, dead, place);
  const own = semaphore.acquire();
  expect(holdersOf(memory.views, semaphore.handle.byteOffset, memory)).toEqual(
    expect.arrayContaining([
      { word: dead, mode: 'shared', isPending: false, count: 2 },
      { word: lockThread().word, mode: 'shared', isPending: false, count: 1 },
    ]),
  );
  expect(semaphore.tryAcquire()).toBeUndefined();
  expect(sweepDead(memory.views, semaphore.handle.byteOffset, memory, dead)).toBe(2);
  expect(sweepDead(memory.views, semaphore.handle.byteOffset, memory, dead)).toBe(0);
  expect(words[BLOCK.ABANDONMENTS >> 2]).toBe(2);
  const told = [semaphore.acquire(), semaphore.acquire()];
  expect(told.map(({ abandoned }) => abandoned)).toEqual([true, true]);
  for (const lease of [own, ...told]) lease.release();
  expect(semaphore.withLock(({ abandoned }) => abandoned)).toBe(false);
});

test('a waiter finds out by itself that a thread has ended', () => {
  const semaphore = new Semaphore({ permits: 1 });
  const other = otherThread();
  tryPermit(wordsOf(semaphore), 0, other.word, { index: 0, value: 0 });
  other.end();
  expect(semaphore.withLock(({ abandoned }) => abandoned, { timeoutMs: 500 })).toBe(true);
});

test('counts: of a semaphore with one permit as of a mutex, else as of a shared lock', () => {
  const one = new Semaphore({ permits: 1 });
  const two = new Semaphore({ permits: 2 });
  for (const semaphore of [one, two]) semaphore.withLock(() => {});
  expect(wordsOf(one)[BLOCK.ACQUISITIONS >> 2]).toBe(1);
  expect(wordsOf(two)[BLOCK.SHARED_ACQUISITIONS >> 2]).toBe(1);
});
