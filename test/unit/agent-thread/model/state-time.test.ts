/** Where a thread's time went: by example, whatever is claimed, and against simulated lives. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type SeenState,
  StateTime,
  THREAD_STATES,
  type ThreadState,
} from '../../../../agent/agent-thread/model/state-time.ts';
import type { WaitSnapshot } from '../../../../agent/shared-memory/wait-word.ts';

const MS = 1e6;

function waitOf(
  parkedNs: number,
  waitingLockNs = 0,
  waitingQueueNs = 0,
  state: WaitSnapshot['state'] = 'none',
): WaitSnapshot {
  return { state, targetId: 0, mode: 0, sinceNs: 0, parkedNs, waitingLockNs, waitingQueueNs, waits: 0 };
}

const NO_WAIT = waitOf(0);

function times(states: StateTime): Partial<Record<ThreadState, number>> {
  return Object.fromEntries(THREAD_STATES.map((state) => [state, states.of(state) / MS]).filter(([, ms]) => ms !== 0));
}

function total(states: StateTime): number {
  return states.ns.reduce((sum, ns) => sum + ns, 0);
}

describe('StateTime', () => {
  it('divides an interval into what the kernel measured and what the thread was blocked in', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(100 * MS, 30 * MS, 10 * MS, NO_WAIT, 'idle');
    expect(times(states)).toEqual({ running: 30, runnable: 10, idle: 60 });
  });

  it('takes waits from the wait word', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(100 * MS, 10 * MS, 0, waitOf(50 * MS, 20 * MS, 10 * MS), 'idle');
    expect(times(states)).toEqual({ running: 10, parked: 50, waiting_lock: 20, waiting_queue: 10, idle: 10 });
  });

  it('counts spinning as running: the kernel goes before the wait word', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(100 * MS, 90 * MS, 0, waitOf(0, 100 * MS, 0, 'waiting_lock'), 'waiting');
    states.settle(true);
    expect(times(states)).toEqual({ running: 90, waiting_lock: 10 });
  });

  it('takes the time a woken thread stands in the run queue from its wait', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(100 * MS, 1 * MS, 29 * MS, waitOf(100 * MS), 'waiting');
    expect(times(states)).toEqual({ running: 1, runnable: 29, parked: 70 });
  });

  it('keeps a run-queue time that arrives late and grants it as soon as there is room', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(100 * MS, 0, 0, NO_WAIT, 'idle');
    states.advance(200 * MS, 0, 150 * MS, NO_WAIT, 'idle');
    expect(times(states)).toEqual({ runnable: 100, idle: 100 });
    states.advance(300 * MS, 0, 150 * MS, NO_WAIT, 'idle');
    expect(times(states)).toEqual({ runnable: 150, idle: 150 });
  });

  it('leaves time open while the thread is on a CPU, and lets the next tick claim it', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(100 * MS, 97 * MS, 0, NO_WAIT, 'on_cpu');
    expect(states.openNs).toBe(3 * MS);
    states.advance(200 * MS, 200 * MS, 0, NO_WAIT, 'on_cpu');
    expect(times(states)).toEqual({ running: 200 });
    expect(states.openNs).toBe(0);
  });

  it('lets a run-queue time that spans samples claim all of them', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(100 * MS, 10 * MS, 0, NO_WAIT, 'on_cpu');
    states.advance(200 * MS, 10 * MS, 0, NO_WAIT, 'on_cpu');
    states.advance(300 * MS, 20 * MS, 280 * MS, NO_WAIT, 'idle');
    expect(times(states)).toEqual({ running: 20, runnable: 280 });
  });

  describe('settle', () => {
    it('takes a thread whose schedule stands still on a CPU for runnable, and does not count it twice', () => {
      const states = new StateTime(0, 'unknown');
      states.advance(100 * MS, 100 * MS, 0, NO_WAIT, 'on_cpu');
      states.advance(200 * MS, 100 * MS, 0, NO_WAIT, 'on_cpu');
      states.settle(true);
      expect(times(states)).toEqual({ running: 100, runnable: 100 });
      states.advance(300 * MS, 150 * MS, 150 * MS, NO_WAIT, 'idle');
      expect(times(states)).toEqual({ running: 150, runnable: 150 });
    });

    it('takes the last tick of a running thread for running, and does not count it twice', () => {
      const states = new StateTime(0, 'unknown');
      states.advance(100 * MS, 96 * MS, 0, NO_WAIT, 'on_cpu');
      states.settle(true);
      expect(times(states)).toEqual({ running: 100 });
      states.advance(200 * MS, 150 * MS, 0, NO_WAIT, 'idle');
      expect(times(states)).toEqual({ running: 150, idle: 50 });
    });

    it('takes a thread that has not blocked for runnable, beyond the last tick', () => {
      const states = new StateTime(0, 'unknown');
      states.advance(100 * MS, 40 * MS, 0, NO_WAIT, 'on_cpu');
      states.settle(false);
      expect(times(states)).toEqual({ running: 50, runnable: 50 });
      states.advance(200 * MS, 80 * MS, 120 * MS, NO_WAIT, 'idle');
      expect(times(states)).toEqual({ running: 80, runnable: 120 });
    });

    it('gives what nobody claimed to what the thread was last blocked in', () => {
      const states = new StateTime(0, 'unknown');
      states.advance(100 * MS, 0, 0, NO_WAIT, 'blocked_io');
      states.advance(200 * MS, 20 * MS, 0, NO_WAIT, 'on_cpu');
      states.settle(true);
      expect(times(states)).toEqual({ running: 30, blocked_io: 170 });
    });

    it('calls it unknown when the thread was never seen blocked', () => {
      const states = new StateTime(0, 'unknown');
      states.advance(100 * MS, 0, 0, undefined, 'unseen');
      states.settle(true);
      expect(times(states)).toEqual({ unknown: 100 });
    });
  });

  it('forgets CPU time of before the birth', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(10 * MS, 500 * MS, 0, NO_WAIT, 'idle');
    states.advance(20 * MS, 500 * MS, 0, NO_WAIT, 'idle');
    expect(times(states)).toEqual({ running: 10, idle: 10 });
  });

  it('names a futex wait as it was told to', () => {
    const helper = new StateTime(0, 'parked');
    helper.advance(10 * MS, 0, 0, undefined, 'futex');
    expect(times(helper)).toEqual({ parked: 10 });
  });

  it('begins anew after a counter that went back', () => {
    const states = new StateTime(0, 'unknown');
    states.advance(100 * MS, 90 * MS, 0, NO_WAIT, 'idle');
    states.advance(200 * MS, 10 * MS, 0, NO_WAIT, 'idle');
    states.advance(300 * MS, 40 * MS, 0, NO_WAIT, 'idle');
    expect(times(states)).toEqual({ running: 120, idle: 180 });
  });
});

/** Anything a scribbled shared memory or an odd kernel could come up with. */
const anyNumber = fc.oneof(
  { weight: 4, arbitrary: fc.double({ min: 0, max: 2e9 }) },
  fc.double(),
  fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER, 2 ** 63),
);
const anySeen = fc.constantFrom<SeenState>('on_cpu', 'idle', 'blocked_io', 'futex', 'other', 'unseen', 'waiting');
const anyWait = fc.option(
  fc
    .record({ parkedNs: anyNumber, waitingLockNs: anyNumber, waitingQueueNs: anyNumber })
    .map((sums) => ({ ...NO_WAIT, ...sums })),
  { nil: undefined },
);
const anySample = fc.record({
  elapsedNs: fc.double({ min: -1e8, max: 1e9, noNaN: true }),
  runNs: anyNumber,
  queueNs: anyNumber,
  wait: anyWait,
  seen: anySeen,
  isSettled: fc.boolean(),
  mayHaveBlocked: fc.boolean(),
});

describe('StateTime, whatever it is given', () => {
  it('T1: states and open time add up to the time since birth; T2: no state shrinks', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.array(anySample, { maxLength: 40 }), (birthNs, samples) => {
        const states = new StateTime(birthNs, 'unknown');
        let nowNs = birthNs;
        let latestNs = birthNs;
        let before = states.ns.slice();
        for (const { elapsedNs, runNs, queueNs, wait, seen, isSettled, mayHaveBlocked } of samples) {
          nowNs += elapsedNs;
          latestNs = Math.max(latestNs, Math.floor(nowNs));
          states.advance(nowNs, runNs, queueNs, wait, seen);
          if (isSettled) states.settle(mayHaveBlocked);
          expect(isSettled ? states.openNs : 0).toBe(0);
          expect(total(states) + states.openNs).toBe(latestNs - birthNs);
          for (const [i, ns] of states.ns.entries()) expect(ns).toBeGreaterThanOrEqual(before[i] as number);
          before = states.ns.slice();
        }
      }),
    );
  });
});

type Segment = { readonly state: 'running' | 'runnable' | 'parked' | 'idle' | 'blocked_io'; readonly ms: number };

const anySegment: fc.Arbitrary<Segment> = fc.record({
  state: fc.constantFrom('running', 'runnable', 'parked', 'idle', 'blocked_io'),
  ms: fc.integer({ min: 1, max: 400 }),
});

/** A thread with a known life, and what the kernel shows of it: CPU time at every tick, run-queue time when it is over. */
class SimulatedThread {
  readonly #segments: readonly Segment[];

  constructor(segments: readonly Segment[]) {
    this.#segments = segments;
  }

  at(
    ms: number,
    tickMs: number,
  ): { runNs: number; queueNs: number; parkedNs: number; state: Segment['state']; sums: Map<string, number> } {
    let leftMs = ms;
    const shown = { runNs: 0, queueNs: 0, parkedNs: 0 };
    const sums = new Map<string, number>();
    let state: Segment['state'] = 'idle';
    for (const segment of this.#segments) {
      if (leftMs <= 0) break;
      const isOver = leftMs > segment.ms;
      const spentMs = Math.min(leftMs, segment.ms);
      leftMs -= spentMs;
      state = segment.state;
      sums.set(state, (sums.get(state) ?? 0) + spentMs);
      if (state === 'running') shown.runNs += (isOver ? spentMs : Math.floor(spentMs / tickMs) * tickMs) * MS;
      if (state === 'runnable' && isOver) shown.queueNs += spentMs * MS;
      if (state === 'parked') shown.parkedNs += spentMs * MS;
    }
    return { ...shown, state, sums };
  }
}

const SEEN: Readonly<Record<Segment['state'], SeenState>> = {
  running: 'on_cpu',
  runnable: 'on_cpu',
  parked: 'waiting',
  idle: 'idle',
  blocked_io: 'blocked_io',
};

describe('StateTime, for a thread whose life is known', () => {
  it('has running, runnable and parked right to the nanosecond once the thread is seen blocked', () => {
    fc.assert(
      fc.property(
        fc.array(anySegment, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 5, max: 300 }),
        fc.constantFrom(1, 4, 10),
        (segments, sampleMs, tickMs) => {
          const life = [...segments, { state: 'idle', ms: 1000 } as const];
          const thread = new SimulatedThread(life);
          const endMs = life.reduce((sum, { ms }) => sum + ms, 0);
          const states = new StateTime(0, 'unknown');
          let truth = thread.at(0, tickMs).sums;
          for (let ms = sampleMs; ms <= endMs; ms += sampleMs) {
            const now = thread.at(ms, tickMs);
            states.advance(ms * MS, now.runNs, now.queueNs, waitOf(now.parkedNs), SEEN[now.state]);
            truth = now.sums;
          }
          for (const state of ['running', 'runnable', 'parked'] as const) {
            expect([state, states.of(state)]).toEqual([state, (truth.get(state) ?? 0) * MS]);
          }
          const blockedMs = (truth.get('idle') ?? 0) + (truth.get('blocked_io') ?? 0);
          expect(states.of('idle') + states.of('blocked_io')).toBe(blockedMs * MS);
        },
      ),
    );
  });
});
