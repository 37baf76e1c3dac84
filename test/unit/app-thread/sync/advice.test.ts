/** What the errors of locks say: which value is wrong, and what to do. A program has nothing but the message. */
import { expect, test } from 'vitest';
import { Barrier, Channel, Condition, Mutex, RwLock, Semaphore } from '../../../../agent/app-thread/sync/index.ts';

/** The code without its beginning, and the message. */
function said(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code?.replace('ERR_GRIDWATCH_', '')}: ${message}`;
  }
  return 'nothing';
}

/** The same of a promise that rejects. */
async function saidLater(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing',
    (error: unknown) =>
      said(() => {
        throw error;
      }),
  );
}

test('options that differ are named, with both values, and only those', () => {
  const agreed = 'give it the same options everywhere, or another name';
  new Mutex({ name: 'advice-mutex', fair: true });
  expect(said(() => new Mutex('advice-mutex'))).toBe(
    `LOCK_KIND: 'advice-mutex' exists with { fair: true }, not { fair: false }: ${agreed}`,
  );
  new Semaphore('advice-semaphore', { permits: 2 });
  expect(said(() => new Semaphore('advice-semaphore', { permits: 3 }))).toBe(
    `LOCK_KIND: 'advice-semaphore' exists with { permits: 2 }, not { permits: 3 }: ${agreed}`,
  );
  new Barrier('advice-barrier', { parties: 4 });
  expect(said(() => new Barrier('advice-barrier', { parties: 5 }))).toBe(
    `LOCK_KIND: 'advice-barrier' exists with { parties: 4 }, not { parties: 5 }: ${agreed}`,
  );
  new Channel('advice-channel', { capacity: 8 });
  expect(said(() => new Channel('advice-channel', { capacity: 8, itemBytes: 16 }))).toBe(
    `LOCK_KIND: 'advice-channel' exists with { itemBytes: 240 }, not { itemBytes: 16 }: ${agreed}`,
  );
  expect(said(() => new Channel('advice-channel', { capacity: 9, itemBytes: 16 }))).toBe(
    `LOCK_KIND: 'advice-channel' exists with { capacity: 8, itemBytes: 240 }, not { capacity: 9, itemBytes: 16 }: ${agreed}`,
  );
});

test('what cannot be called is refused before the lock is taken', async () => {
  const [mutex, lock, semaphore] = [new Mutex(), new RwLock(), new Semaphore({ permits: 1 })];
  const refused = 'LOCK_OPTION: what runs with the lock held must be a function, not';
  expect(said(() => mutex.withLock(3 as never))).toBe(`${refused} 3`);
  expect(said(() => lock.withRead(mutex as never))).toContain(refused);
  expect(said(() => semaphore.withLock('f' as never))).toBe(`${refused} 'f'`);
  expect(await saidLater(mutex.withLockAsync(undefined as never))).toBe(`${refused} undefined`);
  expect(await saidLater(lock.withWriteAsync(null as never))).toBe(`${refused} null`);
  for (const free of [mutex.tryAcquire(), lock.tryAcquireWrite(), semaphore.tryAcquire()]) expect(free).toBeDefined();
});

test('an item that no channel can carry', async () => {
  const channel = new Channel({ capacity: 1 });
  const refused = 'ITEM_TYPE: the item cannot be sent: () => 1 could not be cloned. Send plain data without functions';
  expect(said(() => channel.send({ work: () => 1 }))).toContain(refused);
  expect(await saidLater(channel.sendAsync(() => 1))).toContain(refused);
  const own = new RangeError('mine');
  const item = {
    get value() {
      throw own;
    },
  };
  expect(said(() => channel.trySend(item))).toContain('ITEM_TYPE: the item cannot be sent: mine. ');
  expect(() => channel.send(item)).toThrow(expect.objectContaining({ cause: own }));
  expect(channel.size).toBe(0);
});

test('a lock that is taken again, or given back twice', () => {
  const [mutex, lock, semaphore] = [new Mutex('again'), new RwLock('doc'), new Semaphore('slots', { permits: 1 })];
  const lease = mutex.acquire();
  expect(said(() => mutex.acquire())).toBe(
    "LOCK_REENTRY: this thread has the mutex 'again' already, and would wait for itself: these locks are not reentrant. Take it once, in the caller, or use tryAcquire",
  );
  lease.release();
  expect(said(() => lease.release())).toBe(
    "LOCK_NOT_HELD: the mutex 'again' is not held by this lease and thread: release it once, on the thread that has acquired it; withLock and using do",
  );
  lock.acquireRead();
  expect(said(() => lock.acquireWrite())).toContain('a reader cannot become a writer');
  semaphore.acquire();
  expect(said(() => semaphore.acquire())).toContain('Release one first, or give it more permits');
});

test('a wait that runs out of time says what it has not seen', async () => {
  const soon = { timeoutMs: 1 };
  const mutex = new Mutex('paper');
  const lease = mutex.acquire();
  expect(await saidLater(mutex.acquireAsync(soon))).toBe(
    "LOCK_TIMEOUT: the mutex 'paper' could not be acquired within 1 ms",
  );
  expect(said(() => new Condition('ink').wait(mutex, soon))).toBe(
    "LOCK_TIMEOUT: the condition 'ink' was not notified within 1 ms",
  );
  expect(said(() => new Condition('ink').wait(lease as never))).toContain(
    'a condition waits with the Mutex itself, not',
  );
  const barrier = new Barrier('gate', { parties: 2 });
  expect(said(() => barrier.wait(soon))).toBe(
    "LOCK_TIMEOUT: the barrier 'gate' was not reached by all parties within 1 ms",
  );
  expect(said(() => barrier.wait())).toContain("the barrier 'gate' is broken: ");
  expect(said(() => barrier.wait())).toContain('; call reset() once');
  const channel = new Channel('pipe', { capacity: 1 });
  expect(said(() => channel.receive(soon))).toBe(
    "LOCK_TIMEOUT: the channel 'pipe' was full, or had no item, within 1 ms",
  );
});
