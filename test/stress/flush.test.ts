/**
 * Flushes under real threads: six ask the real drain again and again, at once and alone, while it delivers now quickly and
 * now slowly. Each is answered, and told the truth.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Drain } from '../../agent/agent-thread/drain.ts';
import { Clock } from '../../agent/shared-memory/clock.ts';
import { AgentState, ControlMemory, HEADER } from '../../agent/shared-memory/layout.ts';
import { type Counted, Outcomes } from '../support/outcomes.ts';
import { Random, runSeed } from '../support/random.ts';
import { startThreads } from '../support/threads.ts';

const THREADS = 6;
const FLUSHES = 2000;

/* The poll never comes: a wake-up that is lost is a flush that is not answered. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval'] }));
afterEach(() => void vi.useRealTimers());

test('every flush is answered once all that was recorded before it is delivered', async () => {
  const memory = ControlMemory.create(0);
  const outcomes = new Outcomes('flushes');
  const random = new Random(runSeed);
  const recorded = new Int32Array(new SharedArrayBuffer(4 * THREADS));
  const delivered = new Int32Array(new SharedArrayBuffer(4 * THREADS));
  const drained = new Int32Array(THREADS);
  const drain = new Drain(memory, new Clock(memory.baseS), {
    drain: () => {
      for (let i = 0; i < THREADS; i++) drained[i] = Atomics.load(recorded, i);
      return 0;
    },
    sample: () => {},
    flush: async () => {
      const taken = drained.slice();
      for (let turns = random.below(5); turns > 0; turns--) await turnOfTheLoop();
      for (const [i, count] of taken.entries()) Atomics.store(delivered, i, count);
      outcomes.acceptable('flush of the agent thread');
    },
  });
  Atomics.store(memory.i32, HEADER.AGENT_STATE >> 2, AgentState.DRAINING);
  drain.start();

  const file = new URL('threads/flusher.ts', import.meta.url);
  const threads = startThreads(THREADS, file, memory.buffer, () => ({ flushes: FLUSHES, recorded, delivered }));
  /* Waiting for the bell alone keeps no process alive; the threads do. */
  const results = (await Promise.all(threads.map(async ({ message }) => message()))) as Counted[];
  await Promise.all(threads.map(async ({ gone }) => gone));
  for (const counted of results) outcomes.add(counted);
  outcomes.report('delivered', 'flush of the agent thread');
  expect(outcomes.count('delivered') + outcomes.count('delivered late')).toBe(THREADS * FLUSHES);
  /* A busy machine is late now and then; one that loses its wake-ups nearly always is. */
  expect(outcomes.count('delivered late')).toBeLessThan(outcomes.count('delivered'));
});
