/**
 * The wait word under every interleaving of one writer and one reader, with stores that are visible at once and with
 * stores that are late. What runs is `wait-word.ts` itself; each broken variant shows a part of it that is needed.
 */
import { describe, expect, test } from 'vitest';
import { explore, host, Violation } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type Change, loadVariant } from '../../../support/variant.ts';

const FILE = 'shared-memory/wait-word.ts';
/** An attempt remembers nothing of the one before, and may begin at any time: one stands for all. */
const ONE_ATTEMPT: Change = { file: FILE, from: /READ_ATTEMPTS = \d+/, to: 'READ_ATTEMPTS = 1' };
/** As many as the model needs for a store to overtake another. */
const LATE_STORES = 3;

/** A moment that needs both words of a time, so that a torn one shows. */
const LATE_NS = 0x100000005;
const NOW_NS = LATE_NS + 1000;

/** What a reader may see of the four entries that the writer publishes, counting the one that it finds. */
const ENTRIES = [
  'none 0 since 0: 0 waits, 0 + 0 ns',
  `waiting_lock 7 since 10: 1 waits, 0 + ${NOW_NS - 10} ns`,
  'none 0 since 10: 1 waits, 0 + 20 ns',
  `parked 0 since ${LATE_NS}: 2 waits, 1000 + 20 ns`,
];

interface Programs {
  readonly writer: () => void;
  readonly reader: () => void;
  /** Once the writer is gone. */
  readonly lateReader: () => void;
  /** Everything that was read in any of the interleavings. */
  readonly seen: Set<string>;
}

async function programs(changes: readonly Change[] = []): Promise<Programs> {
  const [layout, waitWord] = await loadVariant(['shared-memory/layout.ts', FILE], [ONE_ATTEMPT, ...changes]);
  const memory = modelControlMemory(layout.ControlMemory.prototype);
  const seen = new Set<string>();
  const writer = (): void => {
    const word = new waitWord.WaitWordWriter(memory, 0);
    word.begin(waitWord.WaitState.WAITING_LOCK, 7, 10);
    word.end(30);
    word.begin(waitWord.WaitState.PARKED, 0, LATE_NS);
  };
  const read = (): string | undefined => {
    const snapshot = waitWord.readWaitWord(memory, 0, NOW_NS);
    if (snapshot === undefined) return undefined;
    const { state, targetId, sinceNs, waits, parkedNs, waitingLockNs } = snapshot;
    const text = `${state} ${targetId} since ${sinceNs}: ${waits} waits, ${parkedNs} + ${waitingLockNs} ns`;
    seen.add(text);
    if (!ENTRIES.includes(text)) throw new Violation(`no entry was ever: ${text}`);
    return text;
  };
  const lateReader = (): void => {
    host.untilGone('writer');
    if (read() === undefined) throw new Violation('nothing can be read');
  };
  return { writer, reader: () => void read(), lateReader, seen };
}

const change = (from: string, to: string): Change => ({ file: FILE, from, to });

describe('the wait word, in every interleaving', () => {
  test('W1, W2: what is read is one entry, whole, and each of them can be read', async () => {
    const { writer, reader, seen } = await programs();
    expect(explore({ threads: { writer, reader } }).violation).toBeUndefined();
    expect([...seen].toSorted()).toEqual(ENTRIES.toSorted());
  });

  test('W1, W2: the same where stores become visible late', async () => {
    const { writer, reader, seen } = await programs();
    expect(explore({ threads: { writer, reader }, maxPendingStores: LATE_STORES }).violation).toBeUndefined();
    expect(seen.size).toBe(ENTRIES.length);
  });

  test('W1: a writer that dies at any step leaves an entry that can be read', async () => {
    const { writer, lateReader, seen } = await programs();
    expect(explore({ threads: { writer, lateReader }, mayDie: ['writer'] }).violation).toBeUndefined();
    expect(seen.size).toBe(ENTRIES.length);
  });

  test.each<[mistake: string, changes: Change[]]>([
    [
      'the sequence is stored before the entry',
      [
        change(
          'this.#store(entry + STATE, this.#state);',
          'Atomics.store(this.#i32, this.#sequenceAt, sequence); this.#store(entry + STATE, this.#state);',
        ),
      ],
    ],
    [
      'there is only one entry',
      [
        change('const entry = this.#entriesAt + (sequence & 1)', 'const entry = this.#entriesAt + 0'),
        change('const entry = entriesAt + (sequence & 1)', 'const entry = entriesAt + 0'),
      ],
    ],
    [
      'what stands in one entry is taken for what stands in the other',
      [
        change(
          'if (this.#i32[at] !== value)',
          'if (this.#i32[this.#entriesAt + ((at - this.#entriesAt) % ENTRY_WORDS)] !== value)',
        ),
      ],
    ],
    [
      'the reader does not look at the sequence again',
      [change('if (Atomics.load(i32, sequenceAt) !== sequence) continue;', '')],
    ],
    [
      'the sums are those of the wait before',
      [
        change(
          'if (waitedNs > 0) this.#sumsNs[this.#state] = (this.#sumsNs[this.#state] as number) + waitedNs;\n    this.#state = WaitState.NONE;\n    this.#publish(0);',
          'this.#state = WaitState.NONE;\n    this.#publish(0);\n    this.#sumsNs[2] = waitedNs;',
        ),
      ],
    ],
  ])('a mistake is found: %s', async (_, changes) => {
    const { writer, reader } = await programs(changes);
    expect(explore({ threads: { writer, reader } }).violation).toContain('no entry was ever');
  });

  test('a plain store of a payload is a mistake where stores become visible late, and only there', async () => {
    const plain = change('Atomics.store(this.#i32, at, value);', 'this.#i32[at] = value;');
    const { writer, reader } = await programs([plain]);
    expect(explore({ threads: { writer, reader } }).violation).toBeUndefined();
    expect(explore({ threads: { writer, reader }, maxPendingStores: LATE_STORES }).violation).toContain(
      'no entry was ever',
    );
  });
});
