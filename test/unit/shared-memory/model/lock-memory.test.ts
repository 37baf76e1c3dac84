/**
 * Named locks under every interleaving of three threads, in a directory of two entries, where all names meet. What runs is `lock-memory.ts` itself; each
 * broken variant shows a part of it that is needed.
 */
import { describe, expect, test } from 'vitest';
import type { BlockViews, LockMemory } from '../../../../agent/shared-memory/lock-memory.ts';
import { type Exploration, explore, headline, host, Violation } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type Change, loadVariant } from '../../../support/variant.ts';

const LAYOUT = 'shared-memory/layout.ts';
const FILE = 'shared-memory/lock-memory.ts';
/** As many as the model needs for a store to overtake another. */
const LATE_STORES = 3;
const change = (from: string, to: string): Change => ({ file: FILE, from, to });
const SMALL: readonly Change[] = [
  change('DIRECTORY_ENTRIES = 8192', 'DIRECTORY_ENTRIES = 2'),
  change('DIRECTORY_AT + DIRECTORY_ENTRIES * 4;', 'DIRECTORY_AT + 64;'),
  /* The model's object was not made by the constructor, and its bytes are only ever copied. */
  change('own = this.#append(identity.bytes);', 'own = this.append(identity.bytes);'),
  change('#append(bytes: number): number {', 'append(bytes: number): number {'),
  change(
    'for (let i = 0; i < name.length; i++) if (u8[blockAt + BLOCK.NAME + 4 + i] !== name[i]) return false;',
    'const found = u8.subarray(blockAt + BLOCK.NAME + 4, blockAt + BLOCK.NAME + 4 + name.length);\n  for (let i = 0; i < name.length; i++) if (found[i] !== name[i]) return false;',
  ),
];

/** Each thread makes, or finds, one lock; `two` and `other` the same. */
const NAMES = { one: 'one', two: 'two', other: 'two' } as const;
type Thread = keyof typeof NAMES;
/** Stands in a word of the kind's own: prepared before the block is published. */
const PREPARED = 77;

async function exploreLocks(
  changes: readonly Change[] = [],
  threads: readonly Thread[] = ['one', 'two', 'other'],
  maxPendingStores = 0,
  hasFinder = false,
): Promise<Exploration> {
  const [layout, locks] = await loadVariant([LAYOUT, FILE], [...SMALL, ...changes]);
  const { i32, f64, u8 } = modelControlMemory(layout.ControlMemory.prototype);
  const views = { i32, f64, u8, buffer: { byteLength: 2 ** 26 } } as unknown as BlockViews;
  const memory = Object.assign(Object.create(locks.LockMemory.prototype) as LockMemory, { views });
  const wordAt = (blockAt: number): number => (blockAt + locks.BLOCK.KIND_WORDS) >> 2;
  const open = (name: Thread) => (): void => {
    const identity = { kind: 'mutex', name: NAMES[name], bytes: 1536, numberA: 0, numberB: 0 } as const;
    const blockAt = memory.findOrCreate(identity, (at) => {
      views.i32[wordAt(at)] = PREPARED;
    });
    if (blockAt === undefined) throw new Violation(`L2: ${name} found no place`);
    const found = locks.readIdentity(views, blockAt);
    if (found?.name !== NAMES[name] || found.kind !== 'mutex' || found.id === 0)
      throw new Violation(`L1: not whole: ${found?.name} ${found?.id}`);
    if (views.i32[wordAt(blockAt)] !== PREPARED) throw new Violation('L1: not prepared');
    host.note(name, blockAt);
  };
  /** As the agent thread does. */
  const finder = (): void =>
    memory.forEachBlock((blockAt) => {
      const found = locks.readIdentity(views, blockAt);
      if (found?.name !== 'two' || found.id === 0 || views.i32[wordAt(blockAt)] !== PREPARED)
        throw new Violation(`L1: not whole: ${found?.name} ${found?.id}`);
    });
  return explore({
    maxPendingStores,
    threads: { ...Object.fromEntries(threads.map((name) => [name, open(name)])), ...(hasFinder ? { finder } : {}) },
    atEnd: ({ get }) => {
      const blocks = threads.map((name) => get(name));
      return new Set(blocks).size === new Set(threads.map((name) => NAMES[name])).size
        ? undefined
        : `L2: ${blocks.join()}`;
    },
  });
}

describe('named locks, in every interleaving', () => {
  test('L1, L2: one name is one block, and who finds it sees what it is', async () => {
    expect(headline(await exploreLocks([], ['two', 'other']))).toBe('nothing');
    expect(headline(await exploreLocks([], ['one', 'two']))).toBe('nothing');
  });

  test('L1, L2: the same where stores become visible late', async () => {
    expect(headline(await exploreLocks([], ['two'], LATE_STORES, true))).toBe('nothing');
  });

  test('L1: an entry by a plain store is a mistake where stores become visible late', async () => {
    const plain = change(
      'found = Atomics.compareExchange(i32, (DIRECTORY_AT >> 2) + at, 0, own);',
      'i32[(DIRECTORY_AT >> 2) + at] = own;',
    );
    expect(headline(await exploreLocks([plain], ['two'], LATE_STORES, true))).toContain('L1');
  });

  test.each<[mistake: string, found: string, from: string, to: string]>([
    [
      'an entry by load and store',
      'L2',
      'found = Atomics.compareExchange(i32, (DIRECTORY_AT >> 2) + at, 0, own);',
      'Atomics.store(i32, (DIRECTORY_AT >> 2) + at, own);',
    ],
    [
      'a block that is prepared after it was published',
      'L1',
      'prepare(own);\n        }\n        found = Atomics.compareExchange(i32, (DIRECTORY_AT >> 2) + at, 0, own);',
      '}\n        found = Atomics.compareExchange(i32, (DIRECTORY_AT >> 2) + at, 0, own); prepare(own);',
    ],
    [
      "a loser that takes the winner's block unseen",
      'L1',
      'if (isNamed(this.views, found, name)) return found;',
      'return found;',
    ],
    [
      'room that is taken by load and store',
      'L',
      'const offset = Atomics.add(i32, HEADER.BLOCKS_USED >> 2, size);',
      'const offset = i32[HEADER.BLOCKS_USED >> 2] as number; i32[HEADER.BLOCKS_USED >> 2] = offset + size;',
    ],
  ])('a mistake is found: %s', async (_, found, from, to) => {
    const exploration =
      from.includes('prepare(own)') || from.includes('compareExchange')
        ? await exploreLocks([change(from, to)], ['two', 'other'])
        : await exploreLocks([change(from, to)], ['one', 'two']);
    expect(headline(exploration)).toContain(found);
  });
});
