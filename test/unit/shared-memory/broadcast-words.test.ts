/** What is known of a name of broadcast channels, and who may be unseen, on one thread: numbers, entries, what is taken back, who may send. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  beginPost,
  blockOf,
  endPost,
  isBlockPoisoned,
  maySend,
  nextMember,
  postsBegun,
  postsThrough,
  readBroadcast,
} from '../../../agent/shared-memory/broadcast-words.ts';
import { contextWords, TakenEntry } from '../../../agent/shared-memory/ledger-entries.ts';
import { MESSAGE_HEADER, MessageMemory } from '../../../agent/shared-memory/message-memory.ts';
import { addUnseen, expectVouching, forgetThread, isAnyUnseen, vouch } from '../../../agent/shared-memory/vouching.ts';

const ENTRIES = 64;
const taken = new TakenEntry();
let memory: MessageMemory;
let at: number;
let names = 0;

beforeAll(() => {
  memory = MessageMemory.create();
});

beforeEach(() => {
  at = memory.broadcastAt(names++);
});

const idsOf = (n: number): { traceId: string; spanId: string; traceFlags: number } => ({
  traceId: (n + 1).toString(16).padStart(32, '0'),
  spanId: (n + 1).toString(16).padStart(16, '0'),
  traceFlags: n & 1,
});

function post(n: number, isPosted = true): void {
  beginPost(memory, at, { postedNs: n + 0.5, context: contextWords(idsOf(n)), senderSlot: 7 });
  endPost(memory, at, isPosted);
}

describe('entries', () => {
  test('B5: a message has its own until the 64th after it, and then none', () => {
    for (let n = 0; n < 3 * ENTRIES; n++) post(n);
    for (let n = 0; n < 3 * ENTRIES; n++) {
      const isThere = readBroadcast(memory, at, n, taken);
      expect(isThere).toBe(n >= 2 * ENTRIES);
      if (isThere) expect([taken.context(), taken.postedNs, taken.senderSlot]).toEqual([idsOf(n), n + 0.5, 7]);
    }
  });

  test('one that is taken back leaves its number to the next', () => {
    post(0);
    post(1, false);
    expect(readBroadcast(memory, at, 1, taken)).toBe(false);
    expect([postsBegun(memory, at), postsThrough(memory, at)]).toEqual([1, 1]);
    post(2);
    expect(readBroadcast(memory, at, 1, taken)).toBe(true);
    expect(taken.context()).toEqual(idsOf(2));
  });

  test('B3: a post in progress is begun, and not through', () => {
    beginPost(memory, at, undefined);
    expect([postsBegun(memory, at), postsThrough(memory, at)]).toEqual([1, 0]);
    endPost(memory, at, true);
    expect([postsBegun(memory, at), postsThrough(memory, at)]).toEqual([1, 1]);
    expect(readBroadcast(memory, at, 0, taken)).toBe(false);
  });

  test('one that has nothing to say does not leave the entry of an earlier one', () => {
    for (let n = 0; n < ENTRIES; n++) post(n);
    beginPost(memory, at, undefined);
    expect(readBroadcast(memory, at, 0, taken)).toBe(false);
    expect(readBroadcast(memory, at, ENTRIES, taken)).toBe(false);
  });

  test('a message without a context does not have that of an earlier one', () => {
    for (let n = 0; n < ENTRIES; n++) post(n);
    beginPost(memory, at, { postedNs: 1, context: undefined, senderSlot: 7 });
    expect(readBroadcast(memory, at, ENTRIES, taken)).toBe(true);
    expect(taken.context()).toBeUndefined();
  });
});

describe('senders', () => {
  test('B2: the first stays, another one poisons the block for both', () => {
    const [first, second] = [nextMember(memory), nextMember(memory)];
    expect(maySend(memory, at, first)).toBe(true);
    expect(maySend(memory, at, first)).toBe(true);
    expect(isBlockPoisoned(memory, at)).toBe(false);
    expect(maySend(memory, at, second)).toBe(false);
    expect(isBlockPoisoned(memory, at)).toBe(true);
    expect(maySend(memory, at, first)).toBe(false);
  });

  test('one without a number may not', () => {
    expect(maySend(memory, at, 0)).toBe(false);
    expect(isBlockPoisoned(memory, at)).toBe(true);
  });

  test('names that Node takes for one have one block', () => {
    expect(blockOf(memory, 'orders\0a')).toBe(blockOf(memory, 'orders'));
    expect(blockOf(memory, 'x\ud800')).toBe(blockOf(memory, 'x\ufffd'));
    expect(blockOf(memory, 'orders')).not.toBe(blockOf(memory, 'mails'));
  });
});

describe('threads that may post unseen', () => {
  const unseen = (): number => memory.i32[MESSAGE_HEADER.UNSEEN >> 2] as number;
  const claim = { slot: 3, generation: 9 };

  beforeEach(() => {
    memory.i32[MESSAGE_HEADER.UNSEEN >> 2] = 0;
  });

  test('the main thread is one at first', () => {
    expect(isAnyUnseen(MessageMemory.create())).toBe(true);
  });

  test.each([
    ['vouches and ends', 1, [vouch, forgetThread], [0, 0]],
    ['ends before it has vouched', 1, [forgetThread, vouch], [0, 0]],
    ['vouches twice', 1, [vouch, vouch], [0, 0]],
    ['began with code of the program', 2, [vouch, forgetThread], [1, 0]],
    ['began so and ends at once', 2, [forgetThread, forgetThread], [0, 0]],
  ])('V1-V3: a worker that %s', (_, times, steps, counts) => {
    addUnseen(memory, times);
    expectVouching(memory, claim, times);
    const seen = steps.map((step) => {
      step(memory, claim);
      return unseen();
    });
    expect(seen).toEqual(counts);
  });

  test('an earlier or a later thread of its slot is another one', () => {
    addUnseen(memory, 1);
    expectVouching(memory, claim, 1);
    vouch(memory, { slot: 3, generation: 10 });
    forgetThread(memory, { slot: 3, generation: 8 });
    expect(unseen()).toBe(1);
  });
});
