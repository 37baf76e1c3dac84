/**
 * RwLock, semaphore, condition and barrier under real threads, without the agent: who is in at once, what is lost, and that all come to an end.
 * A wake-up that is lost at a condition or barrier is made good by nobody: the test would not end.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RwLock } from '../../agent/app-thread/sync/index.ts';
import { type Counted, Outcomes } from '../support/outcomes.ts';
import { joinThreadFile, startThread, startThreads } from '../support/threads.ts';
import { DATA, DATA_BYTES, type LockedKind, PARTIES } from './threads/lock-tasks.ts';

let joined: Awaited<ReturnType<typeof joinThreadFile>>;
beforeAll(async () => {
  joined = await joinThreadFile(new URL('threads/lock-user.ts', import.meta.url));
});
afterAll(async () => joined.remove());

async function run(
  kind: LockedKind,
  threads: number,
  turns: number,
): Promise<{ outcomes: Outcomes; data: Int32Array }> {
  const outcomes = new Outcomes(kind);
  const buffer = new SharedArrayBuffer(DATA_BYTES);
  const users = startThreads(threads, joined.file, buffer, () => ({ kind, turns }));
  await Promise.all(users.map(async ({ message }) => message()));
  const data = new Int32Array(buffer);
  Atomics.store(data, DATA.GATE, 1);
  Atomics.notify(data, DATA.GATE);
  const results = (await Promise.all(users.map(async ({ message }) => message()))) as Counted[];
  await Promise.all(users.map(async ({ gone }) => gone));
  for (const counted of results) outcomes.add(counted);
  return { outcomes, data };
}

test('Y1: an RwLock', async () => {
  const { outcomes, data } = await run('rwlock', 6, 8000);
  outcomes.report('read', 'wrote', 'gave up');
  expect(data[DATA.X]).toBe(data[DATA.WRITES]);
  expect(data[DATA.X]).toBe(outcomes.count('wrote'));
});

test('a writer is not starved by readers of whom some are always in', async () => {
  const buffer = new SharedArrayBuffer(DATA_BYTES);
  const readers = Array.from({ length: 4 }, (_, i) => startThread(joined.file, buffer, i, { kind: 'readers' }));
  await Promise.all(readers.map(async ({ message }) => message()));
  const lock = new RwLock('stress readers');
  const outcomes = new Outcomes('readers and a writer');
  const data = new Int32Array(buffer);
  for (let i = 0; i < 200; i++) {
    /* They are at it again. */
    const reads = Atomics.load(data, DATA.READS);
    while (Atomics.load(data, DATA.READS) - reads < 2) await turnOfTheLoop();
    const wasRead = lock.tryAcquireWrite() === undefined;
    if (!wasRead) lock.releaseWrite();
    outcomes.acceptable(wasRead ? 'somebody was in' : 'nobody was in');
    lock.withWrite(() => outcomes.acceptable('wrote'), { timeoutMs: 20_000 });
  }
  await Promise.all(readers.map(async ({ worker }) => worker.terminate()));
  await Promise.all(readers.map(async ({ gone }) => gone));
  outcomes.report('somebody was in', 'wrote');
  expect(outcomes.count('wrote')).toBe(200);
  expect(outcomes.count('somebody was in')).toBeGreaterThan(50);
});

test('P1: a semaphore', async () => {
  const { outcomes, data } = await run('semaphore', 6, 8000);
  outcomes.report('acquired', 'gave up', 'a second one');
  expect(data[DATA.INSIDE]).toBe(0);
});

test('K1, K2: a bounded queue on a mutex and two conditions', async () => {
  const { outcomes, data } = await run('condition', 8, 2000);
  outcomes.report('produced', 'consumed', 'notified', 'notified, asynchronously', 'gave up');
  expect([data[DATA.PRODUCED], data[DATA.CONSUMED], data[DATA.ITEMS]]).toEqual([8000, 8000, 0]);
});

test('B1: a barrier', async () => {
  const { outcomes } = await run('barrier', PARTIES, 3000);
  outcomes.report('passed');
  expect(outcomes.count('passed')).toBe(PARTIES * 3000);
});
