/**
 * A ring of four places under every interleaving of its writer and its reader. What runs are `ring-writer.ts` and
 * `ring-reader.ts` themselves; each broken variant shows a part of them that is needed.
 */
import { describe, expect, test } from 'vitest';
import type { RecordHalf } from '../../../../agent/shared-memory/lock-records.ts';
import { RecordKind } from '../../../../agent/shared-memory/records.ts';
import type { RingReader, RingRecord } from '../../../../agent/shared-memory/ring-reader.ts';
import { type Exploration, explore, headline, host, Violation } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type Change, loadVariant } from '../../../support/variant.ts';

const WRITER = 'shared-memory/ring-writer.ts';
const READER = 'shared-memory/ring-reader.ts';
const LAYOUT = 'shared-memory/layout.ts';
const RECORDS = 4;
const SMALL: Change = { file: LAYOUT, from: /RING_RECORDS = \d+/, to: `RING_RECORDS = ${RECORDS}` };
/** As many as the model needs for a store to overtake another. */
const LATE_STORES = 3;
const NOW_NS = 1e6;
const writerChange = (from: string, to: string): Change => ({ file: WRITER, from, to });

interface Rounds {
  readonly offers: number;
  readonly drains: number;
}

/** Drains so often, and once more when the writer is gone; `check` looks whether a record is whole. */
const reads =
  (open: () => RingReader, drains: number, drained: Set<number>, check: (record: RingRecord) => void) => (): void => {
    const reader = open();
    let last = 0;
    let count = 0;
    const drain = (): void => {
      reader.drain(
        (record) => {
          check(record);
          if (record.startNs <= last) throw new Violation(`Q2: ${record.startNs} after ${last}`);
          last = record.startNs;
          count++;
        },
        () => NOW_NS,
      );
      reader.takeDropped((kind) => {
        if (kind === 'corrupt') throw new Violation('Q1: a record that cannot be believed');
      });
    };
    for (let i = 0; i < drains; i++) drain();
    host.untilGone('writer');
    drain();
    host.note('drained', count);
    drained.add(count);
  };

/** The n-th record says n in two of its words, so that a torn one, or one of another round, shows. */
async function exploreRing(
  { offers, drains }: Rounds,
  changes: readonly Change[] = [],
  model: { maxPendingStores?: number; mayDie?: string[] } = {},
): Promise<Exploration & { drained: Set<number> }> {
  const [layout, ringWriter, ringReader] = await loadVariant([LAYOUT, WRITER, READER], [SMALL, ...changes]);
  const memory = modelControlMemory(layout.ControlMemory.prototype);
  const droppedAt = memory.slotAt(0, layout.SLOT.DROPPED) + 4;
  const drained = new Set<number>();
  const exploration = explore({
    ...model,
    /* The bell has a model of its own. */
    isPrivate: (at) => at === layout.HEADER.DOORBELL,
    threads: {
      writer: () => {
        const writer = new ringWriter.RingWriter(memory, 0);
        for (let n = 1; n <= offers; n++) {
          const isPublished = writer.offer(1, 0, n, n * 100, undefined);
          host.note('offered', n);
          if (isPublished) host.note('published', host.peek('published') + 1);
        }
      },
      reader: reads(
        () => new ringReader.RingReader(memory, 0),
        drains,
        drained,
        ({ startNs, durationNs }) => {
          if (durationNs !== startNs * 100) throw new Violation(`Q1: torn: ${startNs}, ${durationNs}`);
        },
      ),
    },
    atEnd: ({ get, status }) => {
      if (status('writer') === 'dead') return undefined;
      if (get('published') + get(droppedAt) !== offers) return `Q3: ${get('published')} + ${get(droppedAt)}`;
      return get('drained') === get('published') ? undefined : `Q3: ${get('drained')} of ${get('published')} drained`;
    },
  });
  return { ...exploration, drained };
}

const KIND = 'i32[at + (RECORD.KIND >> 2)] = kind;';
const PUBLISH = 'Atomics.store(i32, this.#writeAt, next);';

/** Records of two halves, each of which says the record's number. */
async function exploreHalves(
  { offers, drains }: Rounds,
  changes: readonly Change[] = [],
  maxPendingStores = 0,
  first = 1,
): Promise<Exploration & { drained: Set<number> }> {
  const [layout, ringWriter, ringReader] = await loadVariant([LAYOUT, WRITER, READER], [SMALL, ...changes]);
  const memory = modelControlMemory(layout.ControlMemory.prototype);
  const droppedAt = memory.slotAt(0, layout.SLOT.DROPPED);
  const drained = new Set<number>();
  const half = (n: number, part: number): RecordHalf => ({
    kind: part === 0 ? RecordKind.LOCK_BLAME : RecordKind.LOCK_WAIT,
    number: n * 10 + part,
    second: 0,
    third: 0,
    fourth: 0,
    startNs: n,
    durationNs: 0,
    context: undefined,
  });
  const exploration = explore({
    maxPendingStores,
    isPrivate: (at) => at === layout.HEADER.DOORBELL,
    threads: {
      writer: () => {
        const writer = new ringWriter.RingWriter(memory, 0);
        for (let n = first; n < first + offers; n++) {
          /* The first is of one half, so that the others lie across the end of the ring. */
          const isPublished = writer.offerEncoded(n === 1 ? [half(n, 0)] : [half(n, 1), half(n, 2)]);
          if (isPublished) host.note('published', host.peek('published') + 1);
        }
      },
      reader: reads(
        () => new ringReader.RingReader(memory, 0),
        drains,
        drained,
        ({ number, startNs, other }) => {
          const expected = startNs === 1 ? undefined : startNs * 10 + 2;
          const isWhole = other?.number === expected && number === startNs * 10 + (startNs === 1 ? 0 : 1);
          if (!isWhole) throw new Violation(`Q1: torn: ${number}, ${other?.number}`);
        },
      ),
    },
    atEnd: ({ get }) => {
      const dropped = get(droppedAt + 4 * RecordKind.LOCK_WAIT) + get(droppedAt + 4 * RecordKind.LOCK_BLAME);
      if (get('published') + dropped !== offers) return `Q3: ${get('published')} + ${dropped}`;
      return get('drained') === get('published') ? undefined : `Q3: ${get('drained')} of ${get('published')} drained`;
    },
  });
  return { ...exploration, drained };
}

describe('records of two halves, in every interleaving', () => {
  test('Q1, Q2, Q3: each is drained once, with its own other half, or counted', async () => {
    const { violation, drained } = await exploreHalves({ offers: 4, drains: 1 });
    expect(violation).toBeUndefined();
    expect(drained).toEqual(new Set([2, 3, 4]));
  });

  test('Q1, Q2, Q3: the same where stores become visible late', async () => {
    const { violation, drained } = await exploreHalves({ offers: 1, drains: 1 }, [], LATE_STORES, 2);
    expect(violation).toBeUndefined();
    expect(drained).toEqual(new Set([1]));
  });

  test.each<[mistake: string, found: string, from: string, to: string]>([
    [
      'the first half is published before the second is there',
      'Q1',
      'if (second !== undefined) this.#write(written + 1',
      'Atomics.store(this.#i32, this.#writeAt, written + 1); if (second !== undefined) this.#write(written + 1',
    ],
    [
      'room for one half is taken for room for two',
      'Q',
      '!this.#hasRoomSlow(first.kind, places)',
      '!this.#hasRoomSlow(first.kind)',
    ],
    ['the index grows by one', 'Q', 'const next = (written + places) | 0;', 'const next = (written + 1) | 0;'],
  ])('a mistake is found: %s', async (_, found, from, to) => {
    expect(headline(await exploreHalves({ offers: 4, drains: 1 }, [writerChange(from, to)]))).toContain(found);
  });
});

describe('the ring, in every interleaving', () => {
  test('Q1, Q2, Q3: each record is drained once, whole and in order, or counted', async () => {
    const { violation, drained } = await exploreRing({ offers: 6, drains: 1 });
    expect(violation).toBeUndefined();
    /* In some of them it was full, in others it never was. */
    expect(drained).toEqual(new Set([4, 5, 6]));
  });

  test('Q1, Q2, Q3: the same where stores become visible late', async () => {
    const { violation, drained } = await exploreRing({ offers: 5, drains: 1 }, [], { maxPendingStores: LATE_STORES });
    expect(violation).toBeUndefined();
    expect(drained).toEqual(new Set([4, 5]));
  });

  test('Q1: of a writer that dies at any step, what was published is drained', async () => {
    const { violation, drained } = await exploreRing({ offers: 5, drains: 1 }, [], { mayDie: ['writer'] });
    expect(violation).toBeUndefined();
    expect(drained).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  });

  test.each<[mistake: string, found: string, change: Change]>([
    [
      'the index is stored before the record',
      'Q1',
      writerChange(KIND, `${PUBLISH.replace('next', 'written + 1')} ${KIND}`),
    ],
    [
      'a full ring has one place more',
      'Q1',
      writerChange('if (waiting + places <= RING_RECORDS) return true;', 'if (waiting <= RING_RECORDS) return true;'),
    ],
    ['a dropped record is not counted', 'Q3', writerChange('this.#i32[at] = ((this.#i32[at] as number) + 1) | 0;', '')],
    [
      'the reader gives places back before it has read them',
      'Q',
      {
        file: READER,
        from: 'let read = Atomics.load(i32, this.#readAt);',
        to: 'let read = Atomics.load(i32, this.#readAt); Atomics.store(i32, this.#readAt, written);',
      },
    ],
    [
      'the reader gives no places back',
      'Q2',
      { file: READER, from: 'Atomics.store(i32, this.#readAt, read);\n    return', to: 'return' },
    ],
  ])('a mistake is found: %s', async (_, found, change) => {
    expect(headline(await exploreRing({ offers: 6, drains: 1 }, [change]))).toContain(found);
  });

  test('a plain store of the index is a mistake where stores become visible late, and only there', async () => {
    const plain = writerChange(PUBLISH, 'i32[this.#writeAt] = next;');
    expect((await exploreRing({ offers: 3, drains: 1 }, [plain])).violation).toBeUndefined();
    const late = await exploreRing({ offers: 3, drains: 1 }, [plain], { maxPendingStores: LATE_STORES });
    expect(late.violation).toContain('Q1');
  });
});
