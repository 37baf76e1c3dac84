/** Threads that know what they do, against what a collector is told of them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { answersOf, askOracle, type OracleThread } from '../support/thread-oracle.ts';

const SECONDS = 10;
const DEADLINE_MS = 120_000;
/** A thread that goes from one thing to the next does each for a fifth of the time, and a sample may fall 100 ms late on either side of a change. */
const MIX_TOLERANCE_S = 0.5;
const NOT_PINNED = 'no thread could be pinned to a CPU: `taskset`, of util-linux, is not here or not allowed';

describe.skipIf(process.platform !== 'linux')('the time of threads by state', () => {
  let threads: readonly OracleThread[];

  beforeAll(async () => {
    threads = await askOracle(SECONDS);
  }, DEADLINE_MS * 2);

  it.for(['waiting_lock', 'parked', 'idle', 'blocked_io', 'running', 'runnable'])(
    '%s is as the thread knows it',
    (state, { skip }) => {
      const answer = answersOf(threads).find((one) => one.state === state);
      if (answer === undefined) return skip(NOT_PINNED);
      const { trueS, error, bar } = answer;
      /* On a machine that is busy the spinning thread gets less of it, and the kernel counts in ticks. */
      const tickError = 0.01 / trueS;
      expect(Math.abs(error)).toBeLessThanOrEqual(bar + tickError);
      if (state !== 'running' && state !== 'runnable') expect(trueS).toBeGreaterThan(SECONDS * 0.9);
    },
  );

  it('leaves next to nothing of any thread unknown', () => {
    for (const { exportedS } of threads) expect(exportedS['unknown']).toBeLessThanOrEqual(SECONDS * 0.03);
  });

  it('is right for a thread that goes from one thing to the next', () => {
    const mix = threads.find(({ name }) => name === 'mix');
    for (const state of ['running', 'runnable', 'waiting_lock', 'parked', 'idle', 'blocked_io']) {
      const off = Math.abs((mix?.exportedS[state] ?? Number.NaN) - (mix?.trueS[state] ?? Number.NaN));
      expect([state, off < MIX_TOLERANCE_S]).toEqual([state, true]);
    }
  });

  it('shows that two threads on one CPU are each runnable half of the time', ({ skip }) => {
    const crowd = threads.filter(({ name }) => name.startsWith('crowd-'));
    if (crowd.length < 2) return skip(NOT_PINNED);
    for (const { exportedS } of crowd) {
      const { running = 0, runnable = 0 } = exportedS;
      expect(runnable / (running + runnable)).toBeGreaterThan(0.4);
    }
  });
});
