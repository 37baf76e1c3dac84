/**
 * The mutex under real threads, which take it in every way: one at a time has it, nobody waits for ever, whoever gives up takes nothing with it; and threads
 * that are terminated at any moment, hundreds of them, leave a lock that goes on and tells (M1, M2, M3, M4, P2, Q3).
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { Mutex } from '../../agent/app-thread/sync/index.ts';
import { BLOCK } from '../../agent/shared-memory/lock-memory.ts';
import { DIED } from '../../agent/shared-memory/lock-word.ts';
import { type Counted, Outcomes } from '../support/outcomes.ts';
import { Random, runSeed } from '../support/random.ts';
import { joinThread, startThread, startThreads, type TestThread } from '../support/threads.ts';
import { LOCKER } from './threads/locker-words.ts';

const THREADS = 4;
const ROUNDS = 40_000;
const KILLS = 150;
const AT_ONCE = 3;

let file: URL;
beforeAll(async () => {
  file = await joinThread(new URL('threads/locker.ts', import.meta.url));
});

/** The block of a lock, as its readers find it. */
function blockOf({ handle }: Mutex): Int32Array {
  return new Int32Array(handle.buffer, handle.byteOffset, 384);
}

describe.each([
  ['a mutex', false],
  ['a fair mutex', true],
])('%s', (what, fair) => {
  test('M1, M2, M3, P2, Q3: threads that take it in every way', async () => {
    const mutex = new Mutex({ fair });
    const buffer = new SharedArrayBuffer(64);
    new Int32Array(buffer)[LOCKER.STARTING] = THREADS;
    const outcomes = new Outcomes(what);
    const threads = startThreads(THREADS, file, buffer, () => ({ handle: mutex.handle, rounds: ROUNDS }));
    for (const thread of threads) {
      expect(await thread.message()).toBe('started');
      outcomes.add((await thread.message()) as Counted);
    }
    await Promise.all(threads.map(async ({ gone }) => gone));
    const words = new Int32Array(buffer);
    expect(words[LOCKER.FIRST]).toBe(words[LOCKER.ACQUIRED]);
    const block = blockOf(mutex);
    expect(block[BLOCK.WORD >> 2]).toBe(0);
    expect(block[BLOCK.ACQUISITIONS >> 2]).toBe(words[LOCKER.ACQUIRED]);
    expect(block[BLOCK.CONTENTIONS >> 2]).toBeGreaterThan(0);
    outcomes.report('blocked', 'asynchronous', 'at once', 'timed out', 'aborted');
  });

  test('M4, P2: threads terminated at any moment', async () => {
    const mutex = new Mutex({ fair });
    const buffer = new SharedArrayBuffer(64);
    const words = new Int32Array(buffer);
    const outcomes = new Outcomes(`${what}, terminations`);
    const random = new Random(runSeed);
    const start = (index: number): TestThread => startThread(file, buffer, index, { handle: mutex.handle, rounds: 0 });
    const living = Array.from({ length: AT_ONCE }, (_, index) => start(index));
    for (const thread of living) expect(await thread.message()).toBe('started');
    for (let kill = 0; kill < KILLS; kill++) {
      for (let turns = random.below(20); turns > 0; turns--) await turnOfTheLoop();
      const victim = random.below(AT_ONCE);
      const { worker, gone } = living[victim] as TestThread;
      await worker.terminate();
      await gone;
      /* The others go on, whatever it held, and whomever it was about to wake. */
      const acquired = Atomics.load(words, LOCKER.ACQUIRED);
      const deadlineMs = performance.now() + 10_000;
      while (Atomics.load(words, LOCKER.ACQUIRED) === acquired && performance.now() < deadlineMs) await turnOfTheLoop();
      if (Atomics.load(words, LOCKER.ACQUIRED) === acquired) outcomes.forbidden('nobody goes on', `after ${kill}`);
      else outcomes.acceptable('the others go on');
      living[victim] = start(AT_ONCE + kill);
      const first = await living[victim].message();
      if (first !== 'started') outcomes.forbidden('section', String(first));
    }
    await Promise.all(living.map(async ({ worker, gone }) => [await worker.terminate(), await gone]));
    /* Whether it was left abandoned or not: it can be had, and who has it is told what is so. */
    const block = blockOf(mutex);
    const lease = mutex.acquire({ timeoutMs: 5_000 });
    const told = Atomics.load(words, LOCKER.ABANDONED) + Number(lease.abandoned);
    lease.release();
    /* A thread that was told may have died before it counted that, so those who were told may be more than those who counted. */
    expect(block[BLOCK.ABANDONMENTS >> 2]).toBeGreaterThanOrEqual(told);
    expect((block[BLOCK.WORD >> 2] as number) & DIED).toBe(0);
    outcomes.acceptable('told of an abandoned lock', told);
    outcomes.report('the others go on', 'told of an abandoned lock');
  });
});
