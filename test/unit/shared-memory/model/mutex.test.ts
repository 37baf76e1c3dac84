/**
 * The mutex under every interleaving, with a death before every step: what runs is `mutex-core.ts`, with the waits of `waiting.ts` and `async-waiting.ts`;
 * each broken variant shows a part that is needed.
 */
import { describe, vi } from 'vitest';
import type { SyncChange } from '../../../support/sync-variant.ts';
import { holds, type Mistake } from './mutex-holds.ts';
import { asynchronous, blocking, NO_SLICES, registrar, undertaker } from './mutex-model.ts';

/* A hundred thousand states, beside others on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const inWords = (from: string, to: string): SyncChange => ({ file: 'shared-memory/mutex-words.ts', from, to });
const inCore = (from: string, to: string): SyncChange => ({ file: 'app-thread/sync/mutex-core.ts', from, to });
const inWaiting = (from: string, to: string): SyncChange => ({ file: 'app-thread/sync/waiting.ts', from, to });
const inQueue = (from: string, to: string): SyncChange => ({ file: 'app-thread/sync/async-waiting.ts', from, to });
const inWake = (from: string, to: string): SyncChange => ({ file: 'shared-memory/lock-wake.ts', from, to });

const NO_WAITERS: Mistake = [
  'a waiter that does not say that it waits',
  'waits for ever',
  inWords('const waited = seen | WAITERS;', 'const waited = seen;'),
];
const NO_HAND_OVER: Mistake = [
  'who was parked takes the word without WAITERS',
  'waits for ever',
  inWords('(hasOthers ? WAITERS : 0)', '0'),
];

describe('threads that block', () => {
  holds(
    'M1, M2, M3, P1: one at a time, and each has it',
    (sources) => ({
      threads: { a: blocking(sources, 'a'), b: blocking(sources, 'b'), c: blocking(sources, 'c') },
      mustHave: ['a', 'b', 'c'],
    }),
    [NO_SLICES],
    [
      NO_WAITERS,
      NO_HAND_OVER,
      [
        'the word is taken by load and store',
        'M1',
        inWords(
          'if (Atomics.compareExchange(words, WORD, seen, next) !== seen) continue;',
          'Atomics.store(words, WORD, next);',
        ),
      ],
      [
        'WAITERS is set by load and store',
        'not held',
        inWords(
          'if (seen !== waited && Atomics.compareExchange(words, WORD, seen, waited) !== seen) continue;',
          'Atomics.store(words, WORD, waited);',
        ),
      ],
      ['a release that wakes nobody', 'waits for ever', inCore('this.wake();\n    lock.thread', 'lock.thread')],
      [
        'a wait on what the word is by then',
        'waits for ever',
        inWaiting('contended.parkAt, contended.parkValue,', 'contended.parkAt, Atomics.load(words, contended.parkAt),'),
      ],
    ],
  );
});

describe('a thread that gives up', () => {
  holds(
    'P2: takes no notification with it',
    (sources) => ({
      threads: {
        a: blocking(sources, 'a'),
        b: blocking(sources, 'b', { timeoutMs: 1 }),
        c: blocking(sources, 'c'),
      },
      timeouts: 'any time',
      mustHave: ['a', 'c'],
    }),
    [NO_SLICES],
    [
      [
        'a waiter that was notified and gives up without another attempt',
        'waits for ever',
        inWaiting(
          'if (contended.attempt(hasParked, false)) return',
          "if (hasParked && deadlineNs < Number.POSITIVE_INFINITY) return 'timeout';\n    if (contended.attempt(hasParked, false)) return",
        ),
      ],
    ],
  );
});

describe('slices', () => {
  holds(
    'M1: whoever looks after the holder leaves a living one alone',
    (sources) => ({
      threads: { a: blocking(sources, 'a'), b: blocking(sources, 'b') },
      timeouts: 'any time',
      mustHave: ['a', 'b'],
    }),
    [],
    [['the living are buried', 'M1', inWords('|| !isDead(seen)) return false;', ') return false;')]],
  );
});

describe('a thread that dies', () => {
  holds(
    'M4, P2: with the agent, which buries it and wakes for it',
    (sources) => ({
      threads: {
        a: blocking(sources, 'a'),
        b: blocking(sources, 'b'),
        c: blocking(sources, 'c'),
        agent: undertaker(sources, 'a'),
      },
      mayDie: ['a'],
      mustHave: ['b', 'c'],
    }),
    [NO_SLICES],
    [
      [
        'a release that does not say so before',
        'waits for ever',
        inCore('lock.thread.tell(LOCK_THREAD.PENDING, lock.id);', ''),
      ],
      ['a wait that does not say so', 'waits for ever', inWaiting('thread.tell(LOCK_THREAD.AWAITED, lock.id);', '')],
      ['DIED that outlives the telling', 'not held', inWords('me | (seen & WAITERS) |', 'me | (seen & FLAGS) |')],
      [
        'an abandoned lock that looks free',
        'M4',
        inWords('WORD, seen, DIED | (seen & WAITERS)) !== seen', 'WORD, seen, seen & WAITERS) !== seen'),
      ],
    ],
  );

  holds(
    'M4, P2: without the agent, by the slices of the others',
    (sources) => ({
      threads: {
        a: blocking(sources, 'a'),
        b: blocking(sources, 'b'),
        c: blocking(sources, 'c'),
        kernel: registrar(sources, 'a'),
      },
      mayDie: ['a'],
      timeouts: 'at last',
      mustHave: ['b', 'c'],
    }),
    [],
    [['nobody is buried', 'waits for ever', inWaiting('contended.bury();', '')]],
  );
});

describe('threads that do not block', () => {
  holds(
    'Q1, Q2: they have it too',
    (sources) => ({
      threads: { a: asynchronous(sources, 'a'), b: blocking(sources, 'b'), c: blocking(sources, 'c') },
      mayWait: ['a'],
      mustHave: ['a', 'b', 'c'],
    }),
    [NO_SLICES],
    [
      [
        'armed after the attempt',
        'a never gets the lock',
        inQueue(
          'const ended = this.#arm();\n    for (const waiters of this.#waiters.values()) this.#attempt(waiters);',
          'for (const waiters of this.#waiters.values()) this.#attempt(waiters);\n    const ended = this.#arm();',
        ),
      ],
      [
        'an asynchronous waiter that does not say that it is one',
        'a never gets the lock',
        inCore('if (isAsync) Atomics.store(words, ASYNC_WAITERS >> 2, 1);', ''),
      ],
      [
        'waiters that are not woken',
        'a never gets the lock',
        inWake('wake(i32, (blockAt + BLOCK.GENERATION) >> 2);', ''),
      ],
      [
        'a release that wakes either kind, not both',
        'waits for ever',
        inCore(
          'wakeAsyncWaiters(lock.words, 0);\n    this.wake();',
          'if (Atomics.load(lock.words, ASYNC_WAITERS >> 2) === 0) this.wake();\n    wakeAsyncWaiters(lock.words, 0);',
        ),
      ],
    ],
  );

  holds(
    'Q1, Q2: two of them and one that blocks',
    (sources) => ({
      threads: { a: asynchronous(sources, 'a'), b: asynchronous(sources, 'b'), c: blocking(sources, 'c') },
      mayWait: ['a', 'b'],
      mustHave: ['a', 'b', 'c'],
    }),
    [NO_SLICES],
    [
      [
        'the word is taken back after the generation',
        'never gets the lock',
        inWake(
          'Atomics.store(i32, at, 0);\n  wakeGeneration(i32, blockAt);',
          'wakeGeneration(i32, blockAt);\n  Atomics.store(i32, at, 0);',
        ),
      ],
    ],
  );

  holds(
    'Q3: one that gives up, whenever it does, takes nothing with it',
    (sources) => ({
      threads: {
        a: asynchronous(sources, 'a', { aborts: true }),
        b: blocking(sources, 'b'),
        c: blocking(sources, 'c'),
      },
      timeouts: 'any time',
      mayWait: ['a'],
      mustHave: ['b', 'c'],
    }),
    [NO_SLICES],
    [],
  );

  holds(
    'M4, Q2: one that dies, with the agent',
    (sources) => ({
      threads: {
        a: asynchronous(sources, 'a'),
        b: asynchronous(sources, 'b'),
        agent: undertaker(sources, 'a'),
      },
      mayDie: ['a'],
      mayWait: ['a', 'b'],
      mustHave: ['b'],
    }),
    [NO_SLICES],
    [
      [
        'a release that does not say so before',
        'never gets the lock',
        inCore('lock.thread.tell(LOCK_THREAD.PENDING, lock.id);', ''),
      ],
    ],
  );
});
