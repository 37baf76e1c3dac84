/**
 * The parking word under every interleaving: threads that wait for tokens, and others that bring them. What runs is `parking-word.ts` itself, used as
 * `channel-queue.ts` does; the tokens are one word.
 */
import { describe, expect, test } from 'vitest';
import { access, type Exploration, explore, headline, type Model } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type Change, loadVariant } from '../../../support/variant.ts';

const PARKING = 'shared-memory/parking-word.ts';
const [WORD, GENERATION, TOKENS] = [0, 1, 16];
const LONG_MS = 240_000;

/** Where a loop begins anew, nothing is kept of what was read before: two ways there are one. */
const HOOK = 'gridwatchModelSettles';
const settling = (place: string, second: string): Change => ({
  file: PARKING,
  from: `for (;;) {\n    const word = Atomics.load(i32, at);\n    ${second}`,
  to: `for (;;) { globalThis.${HOOK}?.('${place}'); const word = Atomics.load(i32, at);\n    ${second}`,
});
const SETTLING: readonly Change[] = [
  settling('wakes', 'const wakes'),
  settling('clears', 'const cleared'),
  settling('announces', 'const announced'),
  settling('ends', 'if ((word & WAKING) === 0'),
];

interface Plan {
  /** How many tokens each brings. */
  readonly bringers: readonly number[];
  /** Each takes one: parked, or asynchronously. */
  readonly takers: readonly ('parks' | 'waits asynchronously')[];
}

async function exploreParking(
  { bringers, takers }: Plan,
  changes: readonly Change[] = [],
  model: Partial<Model> = {},
): Promise<Exploration> {
  const [parking] = await loadVariant([PARKING], [...SETTLING, ...changes]);
  const { i32 } = modelControlMemory({} as { readonly i32: Int32Array<SharedArrayBuffer> });
  /** All that the running program keeps, but for the place it has come to. */
  let kept = '';
  const settle = (place: string): void => void access({ kind: 'settle', key: `${kept} ${place}` });
  (globalThis as Record<string, unknown>)[HOOK] = settle;
  const takeToken = (): boolean => {
    for (;;) {
      const tokens = Atomics.load(i32, TOKENS);
      if (tokens === 0) return false;
      if (Atomics.compareExchange(i32, TOKENS, tokens, tokens - 1) === tokens) return true;
    }
  };
  /** Who has taken one wakes another where there is more. */
  const passOn = (): void => {
    kept = 'has taken';
    settle('passes on');
    if (parking.isAwaited(i32, WORD) && Atomics.load(i32, TOKENS) > 0) parking.wakeOne(i32, WORD, GENERATION);
  };
  const park = (): void => {
    for (;;) {
      kept = 'waits';
      settle('begins');
      const announced = parking.announceParking(i32, WORD);
      if (takeToken()) break;
      settle(`parks ${announced}`);
      if (model.timeouts === undefined) Atomics.wait(i32, WORD, announced);
      else Atomics.wait(i32, WORD, announced, 1);
      settle('was woken');
      parking.endParking(i32, WORD);
    }
    passOn();
  };
  const waitAsync = (): void => {
    const turn = (): void => {
      kept = 'waits';
      settle('begins');
      const result = Atomics.waitAsync(i32, GENERATION, Atomics.load(i32, GENERATION));
      parking.announceAsync(i32, WORD);
      if (takeToken()) return passOn();
      if (result.async) void result.value.then(turn);
      else turn();
    };
    turn();
  };
  const threads: Record<string, () => void> = {};
  for (const [i, count] of bringers.entries()) {
    threads[`b${i + 1}`] = () => {
      for (let n = 0; n < count; n++) {
        kept = String(n);
        settle('brings');
        Atomics.add(i32, TOKENS, 1);
        parking.wakeOne(i32, WORD, GENERATION);
      }
    };
  }
  for (const [i, how] of takers.entries()) threads[`t${i + 1}`] = how === 'parks' ? park : waitAsync;
  const names = takers.map((_, i) => `t${i + 1}`);
  return explore({
    threads,
    mayWait: names,
    atEnd: ({ get, status }) => {
      const isLeft = get(TOKENS * 4) > 0 && names.some((name) => status(name) === 'running');
      return isLeft ? 'waits for ever beside a token' : undefined;
    },
    ...model,
  });
}

const change = (from: string, to: string): Change => ({ file: PARKING, from, to });

describe('the parking word, in every interleaving', () => {
  test.each<[string, Plan]>([
    ['one after the other', { bringers: [2], takers: ['parks', 'parks'] }],
    ['from two sides', { bringers: [1, 1], takers: ['parks'] }],
    ['asynchronously, from two sides', { bringers: [1, 1], takers: ['waits asynchronously'] }],
    ['parked and asynchronous', { bringers: [1], takers: ['parks', 'waits asynchronously'] }],
  ])(
    'P1: nobody waits for ever: %s',
    async (_, plan) => {
      expect(headline(await exploreParking(plan))).toBe('nothing');
    },
    LONG_MS,
  );

  test(
    'P2: a parked thread that dies holds nobody up for longer than a slice',
    async () => {
      const plan: Plan = { bringers: [2], takers: ['parks', 'parks'] };
      const exploration = await exploreParking(plan, [], { mayDie: ['t1'], timeouts: 'at last' });
      expect(headline(exploration)).toBe('nothing');
    },
    LONG_MS,
  );

  test.each<[mistake: string, plan: Plan, changes: Change[]]>([
    [
      'who was woken does not say that it looks',
      { bringers: [2], takers: ['parks', 'parks'] },
      [change('if ((word & WAKING) === 0 || Atomics', 'return; if ((word & WAKING) === 0 || Atomics')],
    ],
    [
      'the bit is cleared for one who parks just then',
      { bringers: [2], takers: ['parks', 'parks'] },
      [change('Atomics.notify(i32, at);\n    return;', 'return;')],
    ],
    [
      'an asynchronous waiter is not announced',
      { bringers: [1], takers: ['waits asynchronously'] },
      [change('if ((word & ASYNC) !== 0 || Atomics', 'return; if ((word & ASYNC) !== 0 || Atomics')],
    ],
  ])(
    'a mistake is found: %s',
    async (_, plan, changes) => {
      expect(headline(await exploreParking(plan, changes))).toContain('waits for ever');
    },
    LONG_MS,
  );
});
