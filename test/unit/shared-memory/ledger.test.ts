/** The ledger of message channels on one thread: entries in order, growth, what is taken back, ends that travel, what is given back. Every interleaving is in model/. */
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  claimChannel,
  closeEnd,
  isCarriedBy,
  isOver,
  landEnd,
  launchEnd,
  ownerWord,
} from '../../../agent/shared-memory/ledger.ts';
import {
  contextWords,
  countDelivery,
  NO_SPANS,
  type Posting,
  postEntry,
  readEntry,
  TakenEntry,
  takeBack,
} from '../../../agent/shared-memory/ledger-entries.ts';
import { lifeOf, releaseChannels, scanChannels } from '../../../agent/shared-memory/ledger-sweep.ts';
import { CHANNELS, MessageMemory, SEGMENT_LEVELS } from '../../../agent/shared-memory/message-memory.ts';

const ME = { slot: 3, generation: 7 };
const OTHER = { slot: 4, generation: 1 };
const ALL_ALIVE = (): boolean => true;

let memory: MessageMemory;
let channel: number;
const taken = new TakenEntry();

beforeAll(() => {
  memory = MessageMemory.create();
});

beforeEach(() => {
  channel = claimChannel(memory, ME, { nameNumber: 5 });
  return () => releaseChannels(memory, [channel]);
});

const idsOf = (n: number): { traceId: string; spanId: string; traceFlags: number } => ({
  traceId: (n + 1).toString(16).padStart(32, '0'),
  spanId: (n + 1).toString(16).padStart(16, '0'),
  traceFlags: n & 1,
});

const posting = (n: number, fields: Partial<Posting> = {}): Posting => ({
  postedNs: n + 1,
  context: contextWords(idsOf(n)),
  senderSlot: ME.slot + 1,
  ports: [],
  ...fields,
});

/** The n of the message that is delivered next; undefined when it has no entry. */
function deliver(carrier: number): number | undefined {
  expect(readEntry(memory, carrier, taken)).toBe(true);
  countDelivery(memory, carrier);
  if (!taken.isKnown) return undefined;
  const n = taken.postedNs - 1;
  expect(taken.context()).toEqual(idsOf(n));
  expect(taken.senderSlot).toBe(ME.slot + 1);
  return n;
}

const capacity = 16 + SEGMENT_LEVELS.reduce((sum, { entries }) => sum + entries, 0);

describe('entries', () => {
  test('M7: each message is delivered with its own entry, in whatever bursts they come', () => {
    const carrier = channel << 1;
    let next = 0;
    let expected = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { maxLength: 20 }), (bursts) => {
        for (const [posts, deliveries] of bursts) {
          for (let i = 0; i < posts; i++) postEntry(memory, carrier, posting(next++), 0);
          for (let i = 0; i < deliveries && expected < next; i++) expect(deliver(carrier)).toBe(expected++);
        }
        while (expected < next) expect(deliver(carrier)).toBe(expected++);
      }),
    );
    expect(readEntry(memory, carrier, taken)).toBe(false);
  });

  test('M9: beyond all segments a message has no entry, but those after it keep their numbers', () => {
    const carrier = (channel << 1) | 1;
    const count = capacity + 100;
    for (let n = 0; n < count; n++) postEntry(memory, carrier, posting(n), 0);
    const found = Array.from({ length: count }, () => deliver(carrier));
    expect(found.every((n, at) => n === undefined || n === at)).toBe(true);
    expect(found.filter((n) => n !== undefined).length).toBeGreaterThan(SEGMENT_LEVELS[4].entries);
    expect(found.slice(-50)).toEqual(Array.from({ length: 50 }, () => undefined));
    postEntry(memory, carrier, posting(count), 0);
    expect(deliver(carrier)).toBe(count);
  });

  test('both directions are apart', () => {
    postEntry(memory, channel << 1, posting(1), 0);
    expect(readEntry(memory, (channel << 1) | 1, taken)).toBe(false);
    expect(deliver(channel << 1)).toBe(1);
  });

  test('what is taken back was never there', () => {
    const carrier = channel << 1;
    postEntry(memory, carrier, posting(0), 0);
    postEntry(memory, carrier, posting(8), 0);
    takeBack(memory, carrier);
    postEntry(memory, carrier, posting(1), 0);
    expect([deliver(carrier), deliver(carrier)]).toEqual([0, 1]);
  });

  test('a message without an entry takes a number, a context is marked, depth is what was on its way', () => {
    const carrier = channel << 1;
    postEntry(memory, carrier, undefined, 0);
    postEntry(memory, carrier, posting(1, { context: contextWords(idsOf(1), NO_SPANS) }), 0);
    postEntry(memory, carrier, posting(2, { context: undefined, ports: [{}, {}] }), 9);
    expect(deliver(carrier)).toBeUndefined();
    expect(deliver(carrier)).toBe(1);
    expect([taken.hasSpans, taken.depth, taken.hasSeveralPorts]).toEqual([false, 1, false]);
    expect(readEntry(memory, carrier, taken)).toBe(true);
    expect([taken.context(), taken.hasSpans, taken.firstPort, taken.hasSeveralPorts]).toEqual([
      undefined,
      true,
      9,
      true,
    ]);
  });
});

describe('ends', () => {
  const at = (end: number, of = channel): number => memory.endAt(of, end);

  test('M3: an end that travels is taken once, and only out of its own message', () => {
    launchEnd(memory, at(1), ME, { channel, direction: 0, sequence: 4, next: 0, position: 0 });
    expect(isCarriedBy(memory, at(1), channel << 1, 4)).toBe(true);
    expect(isCarriedBy(memory, at(1), channel << 1, 5)).toBe(false);
    expect([landEnd(memory, at(1), OTHER), landEnd(memory, at(1), OTHER)]).toEqual([true, false]);
  });

  test('M4: a channel is over when both ends are closed, or their threads are dead', () => {
    expect(isOver(memory, channel, ALL_ALIVE)).toBe(false);
    closeEnd(memory, at(0));
    expect(isOver(memory, channel, ALL_ALIVE)).toBe(false);
    expect(isOver(memory, channel, () => false)).toBe(true);
  });

  test('M5: an end in flight is lost when its message was delivered without it, or its carrier is over', () => {
    const carrier = claimChannel(memory, ME, { nameNumber: 1 });
    closeEnd(memory, at(0));
    const launch = (): void =>
      launchEnd(memory, at(1), ME, { channel: carrier, direction: 0, sequence: 0, next: 0, position: 0 });
    launch();
    postEntry(memory, carrier << 1, posting(0), 0);
    expect(isOver(memory, channel, ALL_ALIVE)).toBe(false);
    countDelivery(memory, carrier << 1);
    expect(isOver(memory, channel, ALL_ALIVE)).toBe(true);
    launch();
    closeEnd(memory, memory.endAt(carrier, 1));
    expect(isOver(memory, channel, ALL_ALIVE)).toBe(true);
    launch();
    releaseChannels(memory, [carrier]);
    expect(isOver(memory, channel, ALL_ALIVE)).toBe(true);
  });

  test("a worker's own port is the worker's from the beginning", () => {
    const own = claimChannel(memory, ME, { nameNumber: 0, worker: OTHER });
    expect(memory.i32[memory.ownPortAt(OTHER.slot) >> 2]).toBe(own + 1);
    expect(memory.i32[at(1, own) >> 2]).toBe(ownerWord(OTHER, 1));
    releaseChannels(memory, [own]);
    expect(memory.i32[memory.ownPortAt(OTHER.slot) >> 2]).toBe(0);
  });
});

describe('room', () => {
  test('M1, M2: every channel is given out once, none beyond the last, and what is given back counts from zero', () => {
    const claimed = new Set<number>([channel]);
    for (let n = 1; n < CHANNELS; n++) claimed.add(claimChannel(memory, ME, { nameNumber: n }));
    expect(claimed.size).toBe(CHANNELS);
    expect(claimChannel(memory, ME, { nameNumber: 1 })).toBe(-1);
    const live: number[] = [];
    scanChannels(memory, ALL_ALIVE, (one) => live.push(one));
    expect(live.length).toBe(CHANNELS);
    const back = 77;
    const life = lifeOf(memory, back);
    postEntry(memory, back << 1, posting(0), 0);
    releaseChannels(memory, [back]);
    expect(lifeOf(memory, back)).toBe(life + 1);
    expect(claimChannel(memory, ME, { nameNumber: 1 })).toBe(back);
    expect(readEntry(memory, back << 1, taken)).toBe(false);
    releaseChannels(
      memory,
      [...claimed].filter((one) => one !== channel),
    );
  });

  test('M10: segments of a channel that is given back are free again', () => {
    for (let round = 0; round < 12; round++) {
      const one = claimChannel(memory, ME, { nameNumber: 1 });
      for (let n = 0; n < 2000; n++) postEntry(memory, one << 1, posting(n), 0);
      expect(deliver(one << 1)).toBe(0);
      for (let n = 1; n < 2000; n++) expect(deliver(one << 1)).toBe(n);
      releaseChannels(memory, [one]);
    }
  });

  test('a buffer of another size or content is refused', () => {
    expect(MessageMemory.attach(memory.buffer)?.buffer).toBe(memory.buffer);
    expect(MessageMemory.attach(new SharedArrayBuffer(64))).toBeUndefined();
    expect(MessageMemory.attach(undefined)).toBeUndefined();
  });
});
