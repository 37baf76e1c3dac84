/**
 * Threads terminated at random moments, hundreds of them, while they use an RwLock, a semaphore, a condition and a barrier, without the agent: what they
 * held is held by nobody for ever, who gets it next is told, and who waits is woken.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Barrier, Condition, Mutex, RwLock, Semaphore } from '../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../agent/app-thread/sync/lock-thread.ts';
import { BARRIER } from '../../agent/shared-memory/barrier-words.ts';
import { holdersOf } from '../../agent/shared-memory/lock-holders.ts';
import { BLOCK } from '../../agent/shared-memory/lock-memory.ts';
import { Outcomes } from '../support/outcomes.ts';
import { Random, runSeed } from '../support/random.ts';
import { joinThreadFile, startThread } from '../support/threads.ts';
import { DATA, DATA_BYTES, type LockedKind, PARTIES, PERMITS, taskOf } from './threads/lock-tasks.ts';

const KILLS = 120;
const AT_ONCE = 4;
/** Longer than a waiter takes to see that a holder is dead. */
const LONG = { timeoutMs: 20_000 } as const;

let joined: Awaited<ReturnType<typeof joinThreadFile>>;
beforeAll(async () => {
  joined = await joinThreadFile(new URL('threads/lock-user.ts', import.meta.url));
});
afterAll(async () => joined.remove());

interface Run {
  readonly outcomes: Outcomes;
  readonly data: Int32Array;
}

/** Starts and terminates threads in turn, and does what `beside` does meanwhile. `indexOf`: the n-th thread's number. */
async function killMany(
  kind: LockedKind,
  indexOf: (lane: number) => number,
  beside: (run: Run) => Promise<void>,
): Promise<Run> {
  const outcomes = new Outcomes(`deaths, ${kind}`);
  const buffer = new SharedArrayBuffer(DATA_BYTES);
  const random = new Random(runSeed);
  const run = { outcomes, data: new Int32Array(buffer) };
  let started = 0;
  const lanesLeft = new Set(Array.from({ length: AT_ONCE }, (_, lane) => lane));
  const killInTurn = async (lane: number): Promise<void> => {
    while (started++ < KILLS) {
      const thread = startThread(joined.file, buffer, indexOf(lane), { kind });
      thread.worker.on('message', (message) => {
        if (Array.isArray(message)) outcomes.forbidden(String(message[0]), String(message[1]));
      });
      expect(await thread.message()).toBe('started');
      for (let turns = random.below(300); turns > 0; turns--) await turnOfTheLoop();
      await thread.worker.terminate();
      await thread.gone;
      outcomes.acceptable('terminated');
    }
  };
  const goOn = async (): Promise<void> => {
    while (lanesLeft.size > 0) {
      await beside(run);
      await turnOfTheLoop();
    }
  };
  const lanes = Array.from(lanesLeft, async (lane) => killInTurn(lane).finally(() => lanesLeft.delete(lane)));
  await Promise.all([goOn(), ...lanes]);
  expect(outcomes.count('terminated')).toBe(KILLS);
  return run;
}

/** One turn of the task on the test's own thread, which is never terminated. */
function taskBeside(kind: LockedKind): (run: Run) => Promise<void> {
  let task: ReturnType<typeof taskOf> | undefined;
  return async ({ outcomes, data }) => {
    task ??= taskOf(kind, { data, random: new Random(runSeed), tally: outcomes, index: 0, isMortal: true });
    await task();
  };
}

const abandonmentsOf = ({ handle }: { readonly handle: RwLock['handle'] }): number =>
  new Int32Array(handle.buffer, handle.byteOffset)[BLOCK.ABANDONMENTS >> 2] as number;

test('Y1, Y2, Y4: an RwLock', async () => {
  const { outcomes, data } = await killMany('rwlock', (lane) => lane, taskBeside('rwlock'));
  const lock = new RwLock('stress rwlock');
  lock.withWrite(({ abandoned }) => {
    if (data[DATA.X] !== data[DATA.Y] && !abandoned) outcomes.forbidden('torn at the end', 'and not told');
  }, LONG);
  lock.withRead(({ abandoned }) => expect(abandoned).toBe(false));
  const { memory } = lockThread();
  expect(holdersOf(memory.views, lock.handle.byteOffset, memory)).toEqual([]);
  for (let i = 0; i < abandonmentsOf(lock); i++) outcomes.acceptable('abandoned');
  outcomes.report('read', 'wrote', 'abandoned');
});

test('P1: a semaphore', async () => {
  const { outcomes } = await killMany('semaphore', (lane) => lane, taskBeside('semaphore'));
  const semaphore = new Semaphore('stress semaphore', { permits: PERMITS });
  const leases = Array.from({ length: PERMITS }, () => semaphore.acquire(LONG));
  expect(semaphore.tryAcquire()).toBeUndefined();
  for (const lease of leases) lease.release();
  for (let i = 0; i < abandonmentsOf(semaphore); i++) outcomes.acceptable('abandoned');
  outcomes.report('acquired', 'abandoned');
});

test('K2, K4: a condition', async () => {
  const { outcomes, data } = await killMany(
    'condition',
    (lane) => lane + 4,
    async () => {},
  );
  /* What the dead have left half done is put right by whoever has the mutex; then all is done that can be. */
  const mutex = new Mutex('stress queue');
  const conditions = [new Condition('stress not empty'), new Condition('stress not full')];
  mutex.withLock(() => Atomics.store(data, DATA.ITEMS, 0), LONG);
  for (const condition of conditions) condition.notifyAll();
  expect(conditions.map((condition) => condition.notifyAll())).toEqual([0, 0]);
  const users = [0, 1].map((index) =>
    startThread(joined.file, data.buffer as SharedArrayBuffer, index, { kind: 'condition', turns: 500 }),
  );
  await Promise.all(users.map(async ({ message }) => message()));
  Atomics.store(data, DATA.GATE, 1);
  Atomics.notify(data, DATA.GATE);
  await Promise.all(users.map(async ({ message }) => message()));
  await Promise.all(users.map(async ({ gone }) => gone));
  expect(data[DATA.ITEMS]).toBe(0);
  outcomes.report('terminated');
});

test('B1-B3: a barrier', async () => {
  const { outcomes, data } = await killMany(
    'barrier',
    (lane) => lane,
    async () => {},
  );
  const barrier = new Barrier('stress barrier', { parties: PARTIES });
  barrier.reset();
  const places = Array.from({ length: PARTIES }, async () => barrier.waitAsync(LONG));
  expect(new Set(await Promise.all(places))).toEqual(new Set([0, 1, 2, 3]));
  /* Now and then a round is complete before the death is known. This one is not. */
  const thread = startThread(joined.file, data.buffer as SharedArrayBuffer, 0, { kind: 'barrier' });
  await thread.message();
  const { buffer, byteOffset } = barrier.handle;
  while ((Atomics.load(new Int32Array(buffer, byteOffset), BARRIER.STATE >> 2) & 0x7ff) === 0) await turnOfTheLoop();
  await thread.worker.terminate();
  await thread.gone;
  await expect(barrier.waitAsync(LONG)).rejects.toMatchObject({ code: 'ERR_GRIDWATCH_BARRIER_BROKEN' });
  for (let i = 0; i < abandonmentsOf(barrier); i++) outcomes.acceptable('broken by a death');
  outcomes.report('broken by a death');
});
