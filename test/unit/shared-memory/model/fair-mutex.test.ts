/**
 * The fair mutex under every interleaving: what `mutex.test.ts` shows of the other, and that nobody who comes later overtakes. What runs is `mutex-core.ts`
 * with `fair-words.ts`.
 */
import { describe, vi } from 'vitest';
import type { SyncChange } from '../../../support/sync-variant.ts';
import { holds } from './mutex-holds.ts';
import { asynchronous, blocking, NO_SLICES, registrar, undertaker } from './mutex-model.ts';

/* Thousands of states, beside others on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const inWords = (from: string, to: string): SyncChange => ({ file: 'shared-memory/fair-words.ts', from, to });
const inCore = (from: string, to: string): SyncChange => ({ file: 'app-thread/sync/mutex-core.ts', from, to });
const fair = { isFair: true };

describe('threads that block', () => {
  holds(
    'M1, T2, T3: one at a time, and each has it',
    (sources) => ({
      threads: { a: blocking(sources, 'a', fair), b: blocking(sources, 'b', fair) },
      mustHave: ['a', 'b'],
    }),
    [NO_SLICES],
    [
      ['a call that changes nothing', 'waits for ever', inWords('ticket, ticket | CALLED)', 'ticket, ticket)')],
      [
        'a ticket that is stored after the look at the word',
        'waits for ever',
        [
          inWords('    Atomics.store(words, at, ticket);\n  }', '  }'),
          inWords('    place.parkAt = at;', '    Atomics.store(words, at, ticket);\n    place.parkAt = at;'),
        ],
      ],
      [
        'a waiter that does not say that it waits',
        'waits for ever',
        inWords(
          'if ((seen & WAITERS) === 0 && Atomics.compareExchange(words, WORD, seen, seen | WAITERS) !== seen) continue;',
          '',
        ),
      ],
    ],
  );

  holds(
    'T1: nobody overtakes who has queued before',
    (sources) => ({
      threads: {
        a: blocking(sources, 'a', fair),
        b: blocking(sources, 'b', { ...fair, after: 'a' }),
        c: blocking(sources, 'c', fair),
      },
      mayWait: ['b'],
      mustHave: ['a', 'c'],
      overtakes: ['b', 'a'],
    }),
    [NO_SLICES],
    [
      [
        'a free word that anybody may take',
        'T1',
        inWords('WORD, me | WAITERS, WAITERS) ===', 'WORD, me | WAITERS, 0) ==='),
      ],
      ['whoever comes first when it is free', 'T1', inWords('&& lowestTicket(words, memory) === at', '')],
      ['the highest ticket first', 'T1', inWords('(number - lowest) & NUMBER_MASK', '(lowest - number) & NUMBER_MASK')],
    ],
  );
});

describe('a thread that gives up', () => {
  holds(
    'T3: leaves the lock to the next',
    (sources) => ({
      threads: {
        a: blocking(sources, 'a', fair),
        b: blocking(sources, 'b', { ...fair, timeoutMs: 1 }),
        c: blocking(sources, 'c', { ...fair, afterEndOf: 'b' }),
      },
      timeouts: 'any time',
      mustHave: ['a', 'c'],
    }),
    [NO_SLICES],
    [
      [
        'a ticket that is left behind',
        'waits for ever',
        inCore('giveUpTicket(this.lock.words, this.lock.thread.word);', ''),
      ],
    ],
  );
});

describe('threads that do not block', () => {
  holds(
    'Q1, Q2: compete with those that do',
    (sources) => ({
      threads: { a: asynchronous(sources, 'a', fair), b: blocking(sources, 'b', fair) },
      mayWait: ['a'],
      mustHave: ['a', 'b'],
    }),
    [NO_SLICES],
    [],
  );
});

describe('a thread that dies', () => {
  holds(
    'M4, T3: with the agent, which buries it and calls the next',
    (sources) => ({
      threads: {
        a: blocking(sources, 'a', fair),
        b: blocking(sources, 'b', fair),
        agent: undertaker(sources, 'a', fair),
      },
      mayDie: ['a'],
      mustHave: ['b'],
    }),
    [NO_SLICES],
    [],
  );

  holds(
    'M4, T3: without the agent, by the slices of the others',
    (sources) => ({
      threads: {
        a: blocking(sources, 'a', fair),
        b: blocking(sources, 'b', fair),
        c: blocking(sources, 'c', { ...fair, afterEndOf: 'a' }),
        kernel: registrar(sources, 'a'),
      },
      mayDie: ['a'],
      timeouts: 'at last',
      mustHave: ['b', 'c'],
    }),
    [],
    [
      [
        'a ticket of an earlier life is as good as any',
        'waits for ever',
        inWords('|| isOfEarlierLife(memory, thread, ticket)) continue;', ') continue;'),
      ],
    ],
  );
});
