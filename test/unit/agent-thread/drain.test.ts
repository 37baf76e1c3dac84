/**
 * The drain on one thread: what it does at a ring, at a poll and when a flush is asked for. Its timer stands still but
 * where a test moves it, so that nothing is drained by a poll unnoticed. Its races are in `shared-memory/model/`.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Drain } from '../../../agent/agent-thread/drain.ts';
import { Clock } from '../../../agent/shared-memory/clock.ts';
import { ring } from '../../../agent/shared-memory/doorbell.ts';
import { ControlMemory, HEADER } from '../../../agent/shared-memory/layout.ts';
import { eventually } from '../../support/eventually.ts';

const POLL_MS = 100;
/** More turns of the event loop than the drain waits before a flush. */
const TURNS = 20;

let memory = ControlMemory.create(0);
let drains = 0;
let samples = 0;
let onDrain: () => number = () => 0;
let onFlush: () => Promise<void> = async () => {};

function startDrain(): Drain {
  const drain = new Drain(memory, new Clock(memory.baseS), {
    drain: () => {
      drains++;
      return onDrain();
    },
    sample: () => void samples++,
    flush: async () => onFlush(),
  });
  drain.start();
  return drain;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await turnOfTheLoop();
}

const request = (): number => Atomics.add(memory.i32, HEADER.FLUSH_REQUESTED >> 2, 1) + 1;
const done = (): number => Atomics.load(memory.i32, HEADER.FLUSH_DONE >> 2);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  memory = ControlMemory.create(0);
  drains = 0;
  samples = 0;
  onDrain = () => 0;
  onFlush = async () => {};
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the doorbell', () => {
  test('is heard without a poll', async () => {
    startDrain();
    await settle();
    const before = drains;
    ring(memory);
    await eventually('a drain', () => drains > before);
  });

  test('that rings while the drain runs is heard by the next one', async () => {
    startDrain();
    await settle();
    let published = 1;
    let drained = 0;
    onDrain = () => {
      const found = published - drained;
      drained = published;
      /* Behind the back of this drain. */
      if (published === 1) {
        published = 2;
        ring(memory);
      }
      return found;
    };
    ring(memory);
    await eventually('what was published meanwhile', () => drained === 2);
  });

  test('that was left rung by a thread that died is answered by the poll, and heard again', async () => {
    startDrain();
    await settle();
    Atomics.store(memory.i32, HEADER.DOORBELL >> 2, 1);
    await settle();
    vi.advanceTimersByTime(POLL_MS);
    const before = drains;
    ring(memory);
    await eventually('a drain', () => drains > before);
  });

  test('that is rung before the start is heard', async () => {
    ring(memory);
    startDrain();
    await settle();
    expect(Atomics.load(memory.i32, HEADER.DOORBELL >> 2)).toBe(0);
  });
});

describe('the poll', () => {
  test('drains and samples, also without a ring; a ring does not sample', async () => {
    startDrain();
    expect([drains, samples]).toEqual([1, 1]);
    ring(memory);
    await eventually('a drain', () => drains === 2);
    expect(samples).toBe(1);
    vi.advanceTimersByTime(10 * POLL_MS);
    expect([drains, samples]).toEqual([12, 11]);
  });

  test('only a drain that finds records has a duration', () => {
    const drain = startDrain();
    const count = (): number => drain.durations.counts.reduce((sum, cell) => sum + cell);
    expect(count()).toBe(0);
    onDrain = () => 5;
    vi.advanceTimersByTime(3 * POLL_MS);
    expect(count()).toBe(3);
  });
});

describe('a flush', () => {
  test('is answered after everything was drained, sampled and delivered', async () => {
    startDrain();
    const before = { drains, samples };
    const steps: string[] = [];
    onDrain = () => steps.push('drain');
    onFlush = async () => void steps.push(`flush, done ${done()}`);
    const ticket = request();
    ring(memory);
    await eventually('an answer', () => done() === ticket);
    expect(steps.slice(-2)).toEqual(['drain', 'flush, done 0']);
    expect(samples).toBe(before.samples + 1);
    expect(drains).toBeGreaterThan(before.drains);
  });

  test('that is asked for while another goes on gets one of its own, after it', async () => {
    startDrain();
    const releases: (() => void)[] = [];
    onFlush = async () => new Promise((resolve) => releases.push(resolve));
    request();
    ring(memory);
    await eventually('the first flush', () => releases.length === 1);
    request();
    ring(memory);
    await settle();
    expect(releases).toHaveLength(1);
    expect(done()).toBe(0);
    releases[0]?.();
    await eventually('the second flush', () => releases.length === 2);
    expect(done()).toBe(1);
    releases[1]?.();
    await eventually('its answer', () => done() === 2);
    await settle();
    expect(releases).toHaveLength(2);
  });

  test('that was asked of an agent thread before this one is answered', async () => {
    const ticket = request();
    startDrain();
    await eventually('an answer', () => done() === ticket);
  });
});
