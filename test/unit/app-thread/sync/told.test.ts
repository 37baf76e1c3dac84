/**
 * What the locks of a thread tell the agent: of waits, of whom they were for, of new orders, of locks outside of lock memory. The thread is this one, with a
 * recorder of its own; other threads are words in lock memory.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { setLockLink } from '../../../../agent/app-thread/lock-link.ts';
import { Mutex } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { AsyncLockState, readAsyncLocks } from '../../../../agent/shared-memory/async-locks.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../../../agent/shared-memory/lock-memory.ts';
import { lookUpName } from '../../../../agent/shared-memory/names.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';
import { codeOf } from './codes.ts';
import { otherThread } from './other-thread.ts';

const early = new Mutex();
const { memory: locks } = lockThread();
const tracking = new LockTracking({ stacks: 'all' }, locks.baseS);
const { memory, notices, slot } = tracking;

beforeAll(() => tracking.link(locks.views.buffer));
afterAll(() => setLockLink(locks.views.buffer, undefined));

const idOf = ({ handle }: Mutex): number => new Int32Array(handle.buffer, handle.byteOffset)[BLOCK.ID >> 2] as number;
const wordOf = ({ handle }: Mutex): Int32Array => new Int32Array(handle.buffer, handle.byteOffset, 384);

/** Runs `fn` with a clock that stands still until the thread has parked: however late the machine lets it get there, its time is not up before. */
function withTimeToPark(fn: () => void): void {
  const thread = lockThread();
  const { clock, atomics } = thread;
  const standing = vi.spyOn(clock, 'nowNs').mockReturnValue(clock.nowNs());
  const { waitAsync, notify } = atomics;
  const wait = (words: Int32Array, index: number, value: number, timeoutMs: number): string => {
    standing.mockRestore();
    return atomics.wait(words, index, value, timeoutMs);
  };
  thread.atomics = { wait: wait as typeof Atomics.wait, waitAsync, notify };
  try {
    fn();
  } finally {
    thread.atomics = atomics;
    standing.mockRestore();
  }
}

test('a lock that was made before the agent is adopted when it is there, as are later ones; those in lock memory need not be', () => {
  const later = new Mutex();
  new Mutex('in lock memory');
  expect(notices.map(({ lock, lockId }) => [lock, lockId])).toEqual([
    ['adopt', idOf(early)],
    ['adopt', idOf(later)],
  ]);
  const { thread } = lockThread();
  expect(locks.views.i32[locks.threadAt(thread, LOCK_THREAD.AGENT_SLOT) >> 2]).toBe(slot + 1);
});

test('each new order of locks is told once, with the gates and where the inner one was taken', () => {
  const [a, b, c] = [new Mutex('a'), new Mutex('b'), new Mutex('c')];
  const nested = (): void => a.withLock(() => b.withLock(() => c.withLock(() => {})));
  for (let i = 0; i < 3; i++) nested();
  const { orders } = tracking.told();
  expect(orders.map(({ outer, inner, gates }) => [outer.lockId, inner.lockId, gates])).toEqual([
    [idOf(a), idOf(b), []],
    [idOf(b), idOf(c), [idOf(a)]],
    [idOf(a), idOf(c), [idOf(b)]],
  ]);
  expect(lookUpName(memory, orders[0]?.stackNumber ?? 0)).toContain('told.test.ts');
  b.withLock(() => a.withLock(() => {}));
  expect(tracking.told().orders.map(({ outer, inner }) => [outer.lockId, inner.lockId])).toEqual([[idOf(b), idOf(a)]]);
  nested();
  expect(tracking.told().orders).toEqual([]);
});

test('a long wait is told with its outcome, its site, and the holder that it was for; the holder is asked who it is', () => {
  const mutex = new Mutex('waited for');
  const { word } = otherThread();
  wordOf(mutex)[BLOCK.WORD >> 2] = word;
  withTimeToPark(() => expect(codeOf(() => mutex.acquire({ timeoutMs: 5 }))).toBe('LOCK_TIMEOUT'));
  const { waits } = tracking.told();
  expect(waits).toHaveLength(1);
  expect(waits[0]).toMatchObject({ lockId: idOf(mutex), kind: 'mutex', mode: 'exclusive', outcome: 'timeout' });
  expect(waits[0]?.holder.holderWord).toBe(word);
  expect(waits[0]?.durationNs).toBeGreaterThanOrEqual(5e6);
  expect(lookUpName(memory, waits[0]?.siteNumber ?? 0)).toMatch(/told\.test\.ts:\d+$/);
  expect(wordOf(mutex)[BLOCK.ASK >> 2]).toBe(1);
});

test('who was asked answers when it releases; the next one reads it', async () => {
  const mutex = new Mutex('asked for');
  const lease = await mutex.acquireAsync();
  const waits = mutex.acquireAsync();
  const waiting = readAsyncLocks(memory, slot).find(({ state }) => state === AsyncLockState.WAITING);
  expect(waiting).toMatchObject({ lockId: idOf(mutex), kind: 'mutex' });
  /* As a blocked waiter does after its first millisecond. */
  wordOf(mutex)[BLOCK.ASK >> 2] = 1;
  /* So long that the timer of the waits is due: it comes before the notification, finds the lock free, and asks nobody. */
  const soonNs = lockThread().clock.nowNs() + 12e6;
  while (lockThread().clock.nowNs() < soonNs);
  lease.release();
  expect(wordOf(mutex)[BLOCK.ASK >> 2]).toBe(0);
  const next = await waits;
  expect(wordOf(mutex)[BLOCK.ASK >> 2]).toBe(0);
  const [wait] = tracking.told().waits;
  expect(wait).toMatchObject({ lockId: idOf(mutex), outcome: 'acquired' });
  expect(wait?.holder.holderWord).toBe(lockThread().word);
  expect(lookUpName(memory, wait?.holder.siteNumber ?? 0)).toMatch(/told\.test\.ts:\d+$/);
  expect(readAsyncLocks(memory, slot).map(({ state, lockId }) => [state, lockId])).toEqual([
    [AsyncLockState.HELD, idOf(mutex)],
  ]);
  next.release();
  expect(readAsyncLocks(memory, slot)).toEqual([]);
});

test('short waits add up by their holder until they are worth a record', async () => {
  const mutex = new Mutex('often waited for');
  let waited = 0;
  for (let i = 0; i < 2000 && tracking.told().blames.length === 0; i++, waited++) {
    const lease = await mutex.acquireAsync();
    const next = mutex.acquireAsync();
    lease.release();
    (await next).release();
  }
  expect(waited).toBeGreaterThan(1);
  expect(waited).toBeLessThan(2000);
});
