/**
 * Cells under every interleaving of two claimers and the agent thread, which gives back the cell of one that is gone. What runs is `cells.ts` itself, as class cells
 * use it and queue cells do, with two cells instead of 4 096; each broken variant shows a part of it that is needed.
 */
import { describe, expect, test } from 'vitest';
import { type Exploration, explore, headline, host, type Model, Violation } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type Change, loadVariant } from '../../../support/variant.ts';

const LAYOUT = 'shared-memory/layout.ts';
const FILE = 'shared-memory/class-cells.ts';
const CELLS = 'shared-memory/cells.ts';
const LATE_STORES = 3;
/** A cell of this model has no histograms: clearing them would be three hundred steps. */
const SMALL: readonly Change[] = [
  { file: LAYOUT, from: 'export const CLASS_CELLS = 4096;', to: 'export const CLASS_CELLS = 2;' },
  { file: LAYOUT, from: 'CLASS_CELL_BYTES = 1152', to: 'CLASS_CELL_BYTES = 64' },
];

/** Slot, generation and class of each claimer. */
const CLAIMERS = { a: [0, 5, 70], b: [1, 6, 80] } as const;
type Claimer = keyof typeof CLAIMERS;

async function exploreCells(
  changes: readonly Change[] = [],
  model: Partial<Model> = {},
  claimers: readonly Claimer[] = ['a', 'b'],
): Promise<Exploration> {
  const [layout, cells] = await loadVariant([LAYOUT, FILE], [...SMALL, ...changes]);
  const memory = modelControlMemory(layout.ControlMemory.prototype);
  const words = { owner: 0, acquisitions: cells.CELL.ACQUISITIONS >> 2 };
  const claimer = (name: Claimer) => (): void => {
    const [slot, generation, classNumber] = CLAIMERS[name];
    const cell = cells.claimClassCell(memory, { slot, generation }, classNumber, 'promise', 'exclusive');
    if (cell === undefined) throw new Violation(`C1: ${name} found no cell`);
    cell.add(cells.CELL.ACQUISITIONS);
    host.note(name, 1);
  };
  /** What is seen is one claimer's, whole, and has counted for nobody else. */
  const look = (visit: (at: number, slot: number) => void = () => {}): void =>
    cells.scanClassCells(memory, (at, { slot, generation }, classNumber) => {
      const claim = Object.values(CLAIMERS).find(([own]) => own === slot);
      if (claim?.[1] !== generation || claim[2] !== classNumber)
        throw new Violation(`C1: not whole: ${slot} ${generation} ${classNumber}`);
      const acquisitions = memory.i32[(at >> 2) + words.acquisitions] as number;
      if (acquisitions > 1) throw new Violation(`C1: ${acquisitions} acquisitions`);
      visit(at, slot);
    });
  return explore({
    threads: {
      ...Object.fromEntries(claimers.map((name) => [name, claimer(name)])),
      agent: () => {
        look();
        host.untilGone('a');
        look();
        for (const at of cells.cellsOf(memory, 0)) cells.releaseClassCell(memory, at);
        if (cells.cellsOf(memory, 0).length > 0) throw new Violation('C1: a cell is left behind');
        if (!claimers.includes('b')) return;
        host.untilGone('b');
        let ofB = 0;
        look((at, slot) => {
          if (slot === 1) ofB = memory.i32[(at >> 2) + words.acquisitions] as number;
        });
        host.note('of b', ofB);
      },
    },
    atEnd: ({ get }) => {
      const owners = [0, 1].map((cell) => get(memory.classCellAt(cell)));
      if (owners.includes(CLAIMERS.a[0] + 1)) return `C1: a cell is left behind: ${owners.join()}`;
      if (claimers.includes('b') && get('of b') !== 1) return `C2: ${get('of b')} acquisitions of b`;
      return undefined;
    },
    ...model,
  });
}

const change = (from: string, to: string): Change => ({ file: CELLS, from, to });

describe('class cells, in every interleaving', () => {
  test('C1, C2: each claimer has a cell of its own, which counts from zero', async () => {
    expect(headline(await exploreCells())).toBe('nothing');
  });

  test('C1: the same with a claimer that dies at any step', async () => {
    expect(headline(await exploreCells([], { mayDie: ['a'] }))).toBe('nothing');
  });

  test('C1: the same where stores become visible late', async () => {
    expect(headline(await exploreCells([], { maxPendingStores: LATE_STORES }, ['a']))).toBe('nothing');
  });

  test.each<[mistake: string, found: string, from: string, to: string]>([
    [
      'a claim by load and store',
      'C',
      'if (Atomics.compareExchange(i32, at >> 2, 0, claim.slot + 1) !== 0) continue;',
      'Atomics.store(i32, at >> 2, claim.slot + 1);',
    ],
    [
      'a cell that counts as whole from its claim on',
      'C1',
      'if (owner <= 0 || kind === 0) continue;',
      'if (owner <= 0) continue;',
    ],
    [
      'a cell that is free before it is cleared',
      'C',
      'memory.u8.fill(0, at + 4, at + table.bytes);\n  Atomics.store(memory.i32, at >> 2, 0);',
      'Atomics.store(memory.i32, at >> 2, 0);\n  memory.u8.fill(0, at + 4, at + table.bytes);',
    ],
    [
      'cells that are not whole are left alone',
      'C1',
      'if (Atomics.load(memory.i32, at >> 2) === slot + 1) found.push(at);',
      'if (Atomics.load(memory.i32, at >> 2) === slot + 1 && memory.i32[(at + CELL.KIND) >> 2] !== 0) found.push(at);',
    ],
    ['a cell that is not cleared', 'C', 'memory.u8.fill(0, at + 4, at + table.bytes);', ''],
  ])('a mistake is found: %s', async (_, found, from, to) => {
    expect(headline(await exploreCells([change(from, to)], { mayDie: ['a'] }))).toContain(found);
  });
});
