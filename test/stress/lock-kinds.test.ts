/**
 * RwLock, semaphore, condition and barrier under real threads, without the agent: who is in at once, what is lost, and that all come to an end.
 * A wake-up that is lost at a condition or barrier is made good by nobody: the test would not end.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import '../../agent/app-thread/sync/index.ts';
import { type Counted, Outcomes } from '../support/outcomes.ts';
import { joinThreadFile, startThreads } from '../support/threads.ts';
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
