/** What the agent gets to know of RwLocks, semaphores, conditions and barriers: long waits with outcome and holder, entries of activities, orders. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setLockLink } from '../../../../agent/app-thread/lock-link.ts';
import { Barrier, Condition, Mutex, RwLock, Semaphore } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { readAsyncLocks } from '../../../../agent/shared-memory/async-locks.ts';
import { readIdentity } from '../../../../agent/shared-memory/lock-block.ts';
import { Entry, leaveRead, tryRead, tryWrite } from '../../../../agent/shared-memory/rw-lock-words.ts';
import { tryPermit } from '../../../../agent/shared-memory/semaphore-words.ts';
import { readWaitWord } from '../../../../agent/shared-memory/wait-word.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';
import { codeOf } from './codes.ts';
import { otherThread } from './other-thread.ts';

const { memory: locks } = lockThread();
const tracking = new LockTracking({}, locks.baseS);
const { memory, slot } = tracking;

beforeAll(() => tracking.link(locks.views.buffer));
afterAll(() => setLockLink(locks.views.buffer, undefined));

const idOf = ({ handle }: { readonly handle: RwLock['handle'] }): number =>
  readIdentity(
    {
      ...lockThread().memory.views,
      i32: new Int32Array(handle.buffer),
      u8: new Uint8Array(handle.buffer),
      buffer: handle.buffer,
    },
    handle.byteOffset,
  )?.id ?? 0;
const wordsOf = ({ handle }: { readonly handle: RwLock['handle'] }): Int32Array =>
  new Int32Array(handle.buffer, handle.byteOffset);

/** So long that what waits meanwhile has waited long. */
function spend(ms: number): void {
  const { clock } = lockThread();
  for (const untilNs = clock.nowNs() + ms * 1e6; clock.nowNs() < untilNs; );
}

test('a writer that waited for a reader names it', async () => {
  const lock = new RwLock();
  const other = otherThread();
  expect(tryRead(wordsOf(lock), 0, other.word, false, { index: 0, value: 0 })).toBe(Entry.IN);
  const write = lock.acquireWriteAsync();
  expect(readAsyncLocks(memory, slot)).toMatchObject([
    { state: 1, kind: 'rwlock', mode: 'exclusive', lockId: idOf(lock) },
  ]);
  spend(2);
  leaveRead(wordsOf(lock), 0, other.word);
  const lease = await write;
  expect(readAsyncLocks(memory, slot)).toMatchObject([{ state: 2, kind: 'rwlock', mode: 'exclusive' }]);
  lease.release();
  expect(readAsyncLocks(memory, slot)).toEqual([]);
  const ref = { lockId: idOf(lock), kind: 'rwlock', mode: 'exclusive' };
  expect(tracking.told().waits).toMatchObject([{ ...ref, outcome: 'acquired', holder: { holderWord: other.word } }]);
});

test('a reader that gave up names the writer it waited for', () => {
  const lock = new RwLock('given up');
  const other = otherThread();
  tryWrite(wordsOf(lock), 0, lockThread().memory, other.word, { index: 0, value: 0 });
  expect(codeOf(() => lock.acquireRead({ timeoutMs: 3 }))).toBe('LOCK_TIMEOUT');
  const wait = { lockId: idOf(lock), kind: 'rwlock', mode: 'shared', outcome: 'timeout' };
  expect(tracking.told().waits).toMatchObject([{ ...wait, holder: { holderWord: other.word } }]);
});

test('waits at a semaphore, a condition and a barrier', () => {
  const semaphore = new Semaphore({ permits: 1 });
  const other = otherThread();
  tryPermit(wordsOf(semaphore), 0, other.word, { index: 0, value: 0 });
  codeOf(() => semaphore.acquire({ timeoutMs: 3 }));
  const mutex = new Mutex();
  const condition = new Condition();
  codeOf(() => mutex.withLock(() => condition.wait(mutex, { timeoutMs: 3 })));
  const barrier = new Barrier({ parties: 2 });
  codeOf(() => barrier.wait({ timeoutMs: 3 }));
  expect(tracking.told().waits).toMatchObject([
    {
      lockId: idOf(semaphore),
      kind: 'semaphore',
      mode: 'exclusive',
      outcome: 'timeout',
      holder: { holderWord: other.word },
    },
    { lockId: idOf(condition), kind: 'condition', mode: 'shared', outcome: 'timeout', holder: { holderWord: 0 } },
    { lockId: idOf(barrier), kind: 'barrier', mode: 'shared', outcome: 'timeout', holder: { holderWord: 0 } },
  ]);
});

test('a thread at a condition or a barrier waits as at a queue, at any other lock for the lock', () => {
  const statesNs = (): { lock: number; queue: number } => {
    const wait = readWaitWord(memory, slot, lockThread().clock.nowNs());
    return { lock: wait?.waitingLockNs ?? -1, queue: wait?.waitingQueueNs ?? -1 };
  };
  const mutex = new Mutex();
  const before = statesNs();
  codeOf(() => mutex.withLock(() => new Condition().wait(mutex, { timeoutMs: 3 })));
  codeOf(() => new Barrier({ parties: 2 }).wait({ timeoutMs: 3 }));
  const after = statesNs();
  expect(after.lock).toBe(before.lock);
  expect(after.queue - before.queue).toBeGreaterThanOrEqual(6e6);
  const semaphore = new Semaphore({ permits: 1 });
  tryPermit(wordsOf(semaphore), 0, otherThread().word, { index: 0, value: 0 });
  codeOf(() => semaphore.acquire({ timeoutMs: 3 }));
  expect(statesNs().lock - after.lock).toBeGreaterThanOrEqual(2e6);
  tracking.told();
});

test('a callback that waits at a condition holds the mutex after it for certain, as before', async () => {
  const mutex = new Mutex();
  const condition = new Condition();
  const holds = (): unknown[] => readAsyncLocks(memory, slot).filter(({ kind }) => kind === 'mutex');
  const done = mutex.withLockAsync(async () => {
    const activity = lockThread().recording?.activities?.current;
    expect(activity).toBeGreaterThan(0);
    expect(holds()).toMatchObject([{ state: 2, activity, isCertain: true }]);
    const wait = condition.waitAsync(mutex);
    expect(readAsyncLocks(memory, slot)).toMatchObject([{ state: 1, kind: 'condition', activity, isCertain: true }]);
    condition.notifyOne();
    await wait;
    expect(holds()).toMatchObject([{ state: 2, activity, isCertain: true }]);
  });
  await done;
  expect(holds()).toEqual([]);
});

test('orders: of two locks, with their modes, and not of a lock with itself', () => {
  const lock = new RwLock();
  const semaphore = new Semaphore({ permits: 2 });
  for (let i = 0; i < 2; i++) {
    lock.withRead(() => lock.withRead(() => semaphore.withLock(() => semaphore.withLock(() => {}))));
  }
  const [outer, inner] = [
    { lockId: idOf(lock), mode: 'shared' },
    { lockId: idOf(semaphore), mode: 'shared' },
  ];
  const { orders } = tracking.told();
  expect(orders.length).toBeGreaterThan(0);
  for (const order of orders) expect(order).toMatchObject({ outer, inner });
});
