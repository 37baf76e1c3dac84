/**
 * Wait words under real threads: three begin and end waits as fast as they can while one reads. What is read was the word
 * at one moment, whole, and its sums never go back (W1, W2).
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ControlMemory } from '../../agent/shared-memory/layout.ts';
import { readWaitWord, type WaitSnapshot } from '../../agent/shared-memory/wait-word.ts';
import { Outcomes } from '../support/outcomes.ts';
import { startThreads } from '../support/threads.ts';

const WRITERS = 3;
const WAITS = 400_000;
/** After the last wait. */
const NOW_NS = (WAITS + 10) * 1000;
const STATES = ['parked', 'waiting_lock', 'waiting_queue'] as const;

/** How many of the waits up to and including `n` were in a state. */
const countOf = (state: number, n: number): number => Math.floor((n + 3 - (state === 0 ? 3 : state)) / 3);

/** The word as it must be after `waits` waits were begun. */
function expected(waits: number, isGoingOn: boolean): Omit<WaitSnapshot, 'waits'> {
  const state = waits % 3;
  const sums = [0, 1, 2].map((i) => {
    const finished = countOf(i, waits) - (isGoingOn && i === state ? 1 : 0);
    return finished * 10 + (isGoingOn && i === state ? NOW_NS - waits * 1000 : 0);
  });
  return {
    state: isGoingOn ? (STATES[state] as (typeof STATES)[number]) : 'none',
    targetId: isGoingOn ? waits : 0,
    mode: 0,
    sinceNs: waits * 1000,
    parkedNs: sums[0] as number,
    waitingLockNs: sums[1] as number,
    waitingQueueNs: sums[2] as number,
  };
}

test('W1, W2: wait words read while they are written', async () => {
  const memory = ControlMemory.create(0);
  const outcomes = new Outcomes('wait words');
  const lastWaits = new Array<number>(WRITERS).fill(0);
  const readAll = (): void => {
    for (let slot = 0; slot < WRITERS; slot++) {
      const snapshot = readWaitWord(memory, slot, NOW_NS);
      if (snapshot === undefined) {
        outcomes.acceptable('nothing read');
        continue;
      }
      const { waits, ...rest } = snapshot;
      const last = lastWaits[slot] as number;
      const wanted = JSON.stringify(expected(waits, rest.state !== 'none'));
      if (waits < last) outcomes.forbidden('went back', `${waits} after ${last}`);
      else if (JSON.stringify(rest) !== wanted)
        outcomes.forbidden('torn', `${JSON.stringify(snapshot)}, not ${wanted}`);
      else outcomes.acceptable(rest.state === 'none' ? 'whole, no wait' : 'whole, in a wait');
      lastWaits[slot] = waits;
    }
  };

  const file = new URL('threads/waiter.ts', import.meta.url);
  const threads = startThreads(WRITERS, file, memory.buffer, () => ({ waits: WAITS }));
  const over = new AbortController();
  const ended = Promise.all(threads.map(async ({ message }) => message())).finally(() => over.abort());
  while (!over.signal.aborted) {
    for (let i = 0; i < 1000; i++) readAll();
    await turnOfTheLoop();
  }
  await ended;
  await Promise.all(threads.map(async ({ gone }) => gone));
  readAll();
  expect(lastWaits).toEqual(new Array(WRITERS).fill(WAITS));
  outcomes.report('whole, no wait', 'whole, in a wait');
});
