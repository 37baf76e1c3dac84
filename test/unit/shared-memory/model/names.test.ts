/**
 * Interning under every interleaving of three threads, in an index of two entries, where all texts meet. What runs is
 * `names.ts` itself; each broken variant shows a part of it that is needed.
 */
import { describe, expect, test } from 'vitest';
import { type Exploration, explore, headline, host, type View } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type Change, loadVariant } from '../../../support/variant.ts';

const LAYOUT = 'shared-memory/layout.ts';
const NAMES = 'shared-memory/names.ts';
const SMALL: Change = { file: LAYOUT, from: /NAME_INDEX_ENTRIES = \d+/, to: 'NAME_INDEX_ENTRIES = 2' };
/** As many as the model needs for a store to overtake another. */
const LATE_STORES = 3;

/** Each thread interns one text and looks up what it got; `two` and `other` intern the same one. */
const TEXTS = { one: 'one', two: 'two', other: 'two' } as const;
type Thread = keyof typeof TEXTS;

async function exploreNames(
  changes: readonly Change[] = [],
  threads: readonly Thread[] = ['one', 'two', 'other'],
  maxPendingStores = 0,
): Promise<Exploration> {
  const [layout, names] = await loadVariant([LAYOUT, NAMES], [SMALL, ...changes]);
  const memory = modelControlMemory(layout.ControlMemory.prototype);
  const intern = (name: Thread) => (): void => {
    const number = names.internName(memory, TEXTS[name]);
    host.note(name, number);
    host.tell('number', number);
  };
  return explore({
    maxPendingStores,
    threads: {
      ...Object.fromEntries(threads.map((name) => [name, intern(name)])),
      agent: () => {
        const text = names.lookUpName(memory, host.until('number'));
        if (!(Object.values(TEXTS) as string[]).includes(text)) host.note('torn', 1);
      },
    },
    always: ({ get }: View) => (get('torn') === 1 ? 'N1: a number was seen before its text' : undefined),
    atEnd: ({ get }) => {
      const numbers = threads.map((name) => get(name));
      if (numbers.includes(0)) return 'N2: a text found no place';
      return new Set(numbers).size === new Set(threads.map((name) => TEXTS[name])).size
        ? undefined
        : `N2: ${numbers.join()}`;
    },
  });
}

describe('interned names, in every interleaving', () => {
  test('N1, N2: one text has one number, and who has it sees the text', async () => {
    expect(headline(await exploreNames())).toBe('nothing');
  });

  test('N1, N2: the same where stores become visible late', async () => {
    expect(headline(await exploreNames([], ['two', 'other'], LATE_STORES))).toBe('nothing');
  });

  test.each<[mistake: string, found: string, from: string, to: string]>([
    [
      'an entry by load and store',
      'N2',
      'number = Atomics.compareExchange(memory.i32, indexAt + at, 0, own);',
      'Atomics.store(memory.i32, indexAt + at, own);',
    ],
    [
      'room that is taken by load and store',
      'N',
      'const offset = Atomics.add(memory.i32, HEADER.NAMES_USED >> 2, size);',
      'const offset = memory.i32[HEADER.NAMES_USED >> 2]; memory.i32[HEADER.NAMES_USED >> 2] = offset + size;',
    ],
    [
      "a loser that takes the winner's number unseen",
      'N2',
      'if (isText(memory, number, bytes)) return number;',
      'return number;',
    ],
  ])('a mistake is found: %s', async (_, found, from, to) => {
    expect(headline(await exploreNames([{ file: NAMES, from, to }]))).toContain(found);
  });
});
