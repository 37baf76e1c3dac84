/**
 * The barrier's words under every interleaving of its parties, over two rounds, with time-outs, resets, asynchronous parties and a death before every
 * step. What runs is `barrier-words.ts` itself; each broken variant shows a part of it that is needed.
 */
import { host, type View } from '../../../support/explore.ts';
import { LOCK, noteWaking, type Sources, type Thread, undertaker, untilDone, wordOf } from './lock-model.ts';
import { type Scene, testLock } from './lock-suite.ts';

/** Arrives in round after round; notes how many rounds it has passed, and whether one was broken. */
const arrives = (sources: Sources, name: Thread, rounds: number, timeoutMs?: number) => (): void => {
  const { barrier, i32 } = sources;
  const me = wordOf(sources, name);
  for (let passed = 0; passed < rounds; passed++) {
    host.note(`${name} came`, passed + 1);
    noteWaking(name, true);
    const arrival = barrier.arrive(i32, LOCK, me);
    let outcome: unknown = arrival === undefined ? 'broken' : 'tripped';
    if (arrival !== undefined && !arrival.isLast) {
      host.note(`${name} counted`, 1);
      host.tell(`${name} is in`, 1);
      host.settle(`in ${arrival.round}`);
      outcome = waitsFor(sources, arrival.round, timeoutMs);
    }
    barrier.leaveBarrier(i32, LOCK, me);
    noteWaking(name, false);
    if (outcome !== 'tripped') return host.note(`${name} broken`, 1);
    host.note(`${name} passed`, passed + 1);
    host.settle(`passed ${passed}`);
  }
};

function waitsFor({ barrier, i32 }: Sources, round: number, timeoutMs?: number): 'tripped' | 'broken' {
  for (;;) {
    const state = barrier.roundState(i32, LOCK, round);
    if (typeof state !== 'number') return state;
    const outcome = Atomics.wait(i32, (LOCK + barrier.BARRIER.STATE) >> 2, state, timeoutMs);
    host.settle(`${outcome} ${round}`);
    if (outcome !== 'timed-out') continue;
    if (barrier.breakRound(i32, LOCK, round)) return 'broken';
    const late = barrier.roundState(i32, LOCK, round);
    return late === 'tripped' ? late : 'broken';
  }
}

const arrivesAsync = (sources: Sources, name: Thread) => (): void => {
  const { barrier, i32 } = sources;
  host.note(`${name} came`, 1);
  const arrival = barrier.arrive(i32, LOCK, wordOf(sources, name));
  if (arrival !== undefined && !arrival.isLast)
    untilDone(sources, () => barrier.roundState(i32, LOCK, arrival.round) === 'tripped');
  host.note(`${name} passed`, 1);
};

/** Who has passed a round has passed it with all: none is more than one round behind those who have come. */
const together =
  (parties: readonly Thread[]) =>
  ({ get }: View): string | undefined => {
    for (const name of parties) {
      const behind = parties.find((other) => get(`${other} came`) < get(`${name} passed`));
      if (behind !== undefined) return `${name} passed a round that ${behind} did not come to`;
    }
    return undefined;
  };

/** At the end each round was passed by all, or by none. */
const alike =
  (parties: readonly Thread[]) =>
  ({ get, status }: View): string | undefined => {
    const living = parties.filter((name) => status(name) !== 'dead');
    const differs = living.find((name) => get(`${name} passed`) !== get(`${living[0]} passed`));
    return differs === undefined ? undefined : `${differs} and ${living[0]} differ`;
  };

interface BarrierScene extends Scene {
  readonly parties: readonly Thread[];
}

const AB = ['a', 'b'] as const;
const ABC = ['a', 'b', 'c'] as const;

const twoTwice: BarrierScene = { parties: AB, programs: (s) => ({ a: arrives(s, 'a', 2), b: arrives(s, 'b', 2) }) };
const three: BarrierScene = {
  parties: ABC,
  programs: (s) => ({ a: arrives(s, 'a', 1), b: arrives(s, 'b', 1), c: arrives(s, 'c', 1) }),
};
const givesUp: BarrierScene = {
  parties: AB,
  programs: (s) => ({ a: arrives(s, 'a', 2, 1), b: arrives(s, 'b', 2) }),
  model: { timeouts: 'any time' },
};
/* The third does not come. */
const oneOfThreeGivesUp: BarrierScene = {
  parties: ABC,
  programs: (s) => ({ a: arrives(s, 'a', 1, 1), b: arrives(s, 'b', 1) }),
  model: {
    timeouts: 'at last',
    atEnd: ({ get }) => (get('a broken') + get('b broken') === 2 ? undefined : 'one was not told'),
  },
};
const isAsync: BarrierScene = {
  parties: AB,
  programs: (s) => ({ a: arrivesAsync(s, 'a'), b: arrives(s, 'b', 1) }),
  model: { hasAsync: true },
};
/** Resets the barrier while one waits. */
const resets = (sources: Sources) => (): void => {
  host.until('a is in');
  sources.barrier.resetBarrier(sources.i32, LOCK);
};
/** One comes, and the barrier is reset. Who comes once more makes two of the two that a new round takes. */
const reset: BarrierScene = {
  parties: AB,
  programs: (s) => ({
    a: arrives(s, 'a', 1),
    c: () => {
      resets(s)();
      host.settle('was reset');
      host.note('a came', 0);
    },
  }),
  model: { atEnd: ({ get }) => (get('a broken') === 1 ? undefined : 'a was not told') },
};
/** The same, and two others make a round of their own before a looks. */
const resetAndGoneOn: BarrierScene = {
  ...reset,
  programs: (s) => ({
    a: arrives(s, 'a', 1),
    c: () => {
      resets(s)();
      host.settle('was reset');
      s.barrier.arrive(s.i32, LOCK, wordOf(s, 'b'));
      s.barrier.arrive(s.i32, LOCK, wordOf(s, 'c'));
    },
  }),
};
const resetTwice: BarrierScene = {
  ...reset,
  programs: (s) => ({
    a: arrives(s, 'a', 1),
    c: resets(s),
    d: resets(s),
  }),
};
/* It may die before it has come, which is not for the barrier to know. */
const mortal: BarrierScene = {
  parties: AB,
  programs: (s) => ({ a: arrives(s, 'a', 1), b: arrives(s, 'b', 1), undertaker: undertaker(s, 'a') }),
  model: {
    mayDie: ['a'],
    mayWait: ['b'],
    atEnd: ({ get, status }) => {
      const hadCome = get('a counted') === 1 || get('a passed') === 1;
      return hadCome && status('b') === 'running' ? 'b waits for a dead thread' : undefined;
    },
  },
};
const mortalOfThree: BarrierScene = {
  parties: ABC,
  programs: (s) => ({
    a: arrives(s, 'a', 1),
    b: arrives(s, 'b', 1),
    undertaker: undertaker(s, 'a'),
  }),
  model: {
    mayDie: ['a'],
    mayWait: ['a', 'b'],
    always: ({ get }) => (get('b passed') === 1 ? 'b passed without the third' : undefined),
    atEnd: ({ get, status }) => {
      /* Both have come, the one is dead, and the round is not broken. */
      const hasBoth = (get(LOCK + 8) & 0xfff) === 2;
      return hasBoth && status('a') === 'dead' ? 'b waits for a dead thread' : undefined;
    },
  },
};
/* It may die after its round: that breaks no later one. */
const mortalOfEarlierRound: BarrierScene = {
  parties: AB,
  programs: (s) => ({
    a: arrives(s, 'a', 1),
    b: () => {
      arrives(s, 'b', 1)();
      /* The first of the next round. */
      s.barrier.arrive(s.i32, LOCK, wordOf(s, 'b'));
    },
    undertaker: undertaker(s, 'a'),
  }),
  model: {
    mayDie: ['a'],
    mayWait: ['b'],
    atEnd: ({ get }) =>
      get('b passed') === 1 && (get(LOCK + 8) & 0x800) !== 0
        ? 'a round was broken that the dead thread was not in'
        : undefined,
  },
};

testLock<BarrierScene>({
  kind: 'barrier',
  file: 'shared-memory/barrier-words.ts',
  numberA: ({ parties }) => parties.length,
  rules: (_, { parties }) => ({ always: together(parties), atEnd: alike(parties) }),
  scenes: [
    ['B1-B4', 'two parties, two rounds', twoTwice],
    ['B1-B4', 'three parties', three],
    ['B1-B4', 'a party that gives up at any time', givesUp],
    ['B1-B4', 'one of two that wait for a third gives up', oneOfThreeGivesUp],
    ['B1-B4', 'a party that waits asynchronously', isAsync],
    ['B1-B4', 'a reset while one waits', reset],
    ['B1-B4', 'a reset while one waits, and the next round is over before it looks', resetAndGoneOn],
    ['B1-B4', 'two resets at once', resetTwice],
    ['B1-B4', 'a party that may die at any step', mortal],
    ['B1-B4', 'one of three that may die at any step', mortalOfThree],
    ['B1-B4', 'one that may die when its round is over', mortalOfEarlierRound],
    ['B1', 'the same where stores become visible late', { ...twoTwice, model: { maxPendingStores: 2 } }],
  ],
  mistakes: [
    [
      'arrivals are counted without a compare',
      'waits for ever',
      three,
      'if (Atomics.compareExchange(i32, at, state, next) !== state) continue;\n    if (isLast)',
      'Atomics.store(i32, at, next);\n    if (isLast)',
    ],
    ['the last arrival wakes nobody', 'waits for ever', twoTwice, 'if (isLast) wakeBarrier(i32, blockAt);', ''],
    [
      'a round is over one party too early',
      'did not come to',
      three,
      'const isLast = index + 1 >= parties;',
      'const isLast = index + 2 >= parties;',
    ],
    [
      'who breaks a round wakes nobody',
      'waits for ever',
      oneOfThreeGivesUp,
      '    if (seen === state) {\n      wakeBarrier(i32, blockAt);',
      '    if (seen === state) {',
    ],
    [
      'a round that is over is broken',
      'differ',
      givesUp,
      'if (roundOf(state) !== round || (state & BROKEN) !== 0) return false;',
      'if ((state & BROKEN) !== 0) return false;',
    ],
    [
      'who looks late at a round that was broken',
      'did not come to',
      resetAndGoneOn,
      '    Atomics.store(i32, (blockAt + BARRIER.BROKEN_AT + (round & 15) * 4) >> 2, round + 1);\n',
      '',
    ],
    ['an asynchronous party is not woken', 'waits for ever', isAsync, '  wakeAsyncWaiters(i32, blockAt);\n', ''],
    [
      'nobody knows that a dead thread was in',
      'a dead thread',
      mortalOfThree,
      'if (!isLast) Atomics.store(i32, arrivalIndex(blockAt, threadOf(me)), arrivalWord(me, round));',
      '',
    ],
    [
      'a thread says that it is in only after it was counted',
      'a dead thread',
      mortalOfThree,
      'if (Atomics.compareExchange(i32, at, state, next) !== state) continue;\n    if (isLast)',
      'Atomics.store(i32, arrivalIndex(blockAt, threadOf(me)), 0);\n    if (Atomics.compareExchange(i32, at, state, next) !== state) continue;\n    Atomics.store(i32, arrivalIndex(blockAt, threadOf(me)), arrivalWord(me, round));\n    if (isLast)',
    ],
    [
      'a dead thread breaks a round that it is not in',
      'was not in',
      mortalOfEarlierRound,
      'const isIn = arrival === arrivalWord(dead, round);',
      'const isIn = arrival !== 0;',
    ],
  ],
});
