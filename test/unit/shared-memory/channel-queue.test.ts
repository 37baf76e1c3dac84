/** The ring of a channel by itself: what dead senders leave behind, the wrap of its tickets, and what the agent reads of it. */
import { describe, expect, test } from 'vitest';
import { ChannelQueue, NoCell } from '../../../agent/shared-memory/channel-queue.ts';
import { sweepChannel } from '../../../agent/shared-memory/channel-sweep.ts';
import { CELL, CHANNEL, channelBytes, readChannelFill } from '../../../agent/shared-memory/channel-words.ts';
import { BLOCK, viewsOf, writeIdentity } from '../../../agent/shared-memory/lock-block.ts';
import { holderWord } from '../../../agent/shared-memory/lock-word.ts';

const CAPACITY = 3;
const ITEM_BYTES = 8;
const identity = {
  kind: 'channel',
  name: 'test',
  bytes: channelBytes(CAPACITY, ITEM_BYTES),
  numberA: CAPACITY,
  numberB: ITEM_BYTES,
} as const;
const [ALICE, BOB, CAROL] = [holderWord(0, 1), holderWord(1, 7), holderWord(511, 0xfffff)];

function newRing(firstTicket = 0) {
  const views = viewsOf(new SharedArrayBuffer(identity.bytes));
  writeIdentity(views, 0, identity, 1);
  const { i32, f64 } = views;
  const dead = new Set<number>();
  const queueOf = (holder: number): ChannelQueue =>
    new ChannelQueue({
      views,
      blockAt: 0,
      capacity: CAPACITY,
      itemBytes: ITEM_BYTES,
      holder,
      isDead: (word) => dead.has(word),
    });
  /* As after so many items. */
  i32[CHANNEL.TAIL >> 2] = i32[CHANNEL.HEAD >> 2] = firstTicket * 2;
  const cells = 4;
  for (let cell = 0; cell < cells; cell++) {
    const ticket = firstTicket + ((cell - firstTicket) & (cells - 1));
    i32[(CHANNEL.CELLS + cell * 64) >> 2] = (((ticket * 2) >>> 3) & 0x1fffffff) << 2;
  }
  const send = (queue: ChannelQueue, value: number, sentNs = 0): boolean => {
    const cellAt = queue.claimToSend();
    if (cellAt < 0) return false;
    f64[(cellAt + CELL.ITEM) >> 3] = value;
    f64[(cellAt + CELL.SENT_NS) >> 3] = sentNs;
    queue.publish(cellAt);
    return true;
  };
  const receive = (queue: ChannelQueue): number | 'none' | 'busy' | 'closed' => {
    const found = queue.findItem();
    if (found === NoCell.NONE) return 'none';
    if (found === NoCell.BUSY) return 'busy';
    if (found === NoCell.CLOSED) return 'closed';
    const value = f64[(found + CELL.ITEM) >> 3] as number;
    expect(queue.take(found)).toBe(true);
    return value;
  };
  const fill = () => readChannelFill(views, 0, identity);
  return { i32, dead, queueOf, send, receive, fill };
}

describe('N5: a sender that dies at its cell', () => {
  test.each<[how: string, bury: (ring: ReturnType<typeof newRing>) => void]>([
    ['is found dead by a receiver', ({ dead }) => dead.add(BOB)],
    ['is buried by a waiter', ({ queueOf }) => expect(queueOf(ALICE).bury((word) => word === BOB)).toBe(true)],
    [
      'is swept by the agent',
      ({ i32 }) => expect([sweepChannel(i32, 0, ALICE), sweepChannel(i32, 0, BOB)]).toEqual([false, true]),
    ],
  ])('%s', (_, bury) => {
    const ring = newRing();
    const [alice, bob] = [ring.queueOf(ALICE), ring.queueOf(BOB)];
    expect(ring.send(alice, 1)).toBe(true);
    expect(ring.receive(alice)).toBe(1);
    expect(bob.claimToSend()).toBeGreaterThan(0);
    expect(ring.send(alice, 2)).toBe(true);
    expect(ring.receive(alice)).toBe('busy');
    expect(alice.bury(() => false)).toBe(false);
    bury(ring);
    expect(ring.receive(alice)).toBe(2);
    expect(ring.receive(alice)).toBe('none');
    expect(ring.i32[BLOCK.ABANDONMENTS >> 2]).toBe(1);
    expect(ring.fill()).toMatchObject({ size: 0, arrivals: 2, completions: 2 });
  });

  test('makes room for those who find the channel full', () => {
    const ring = newRing();
    const [alice, bob] = [ring.queueOf(ALICE), ring.queueOf(BOB)];
    bob.claimToSend();
    expect([2, 3, 4].map((value) => ring.send(alice, value))).toEqual([true, true, false]);
    ring.dead.add(BOB);
    expect(ring.send(alice, 4)).toBe(true);
    expect([1, 2, 3, 4].map(() => ring.receive(alice))).toEqual([2, 3, 4, 'none']);
  });
});

describe('the words', () => {
  test('tickets go on past the largest number', () => {
    const ring = newRing(2 ** 31 - 10);
    const carol = ring.queueOf(CAROL);
    for (let n = 0; n < 40; n++) {
      expect(ring.send(carol, n)).toBe(true);
      expect(ring.send(carol, n + 0.5)).toBe(true);
      expect(ring.fill().size).toBe(2);
      expect([ring.receive(carol), ring.receive(carol), ring.receive(carol)]).toEqual([n, n + 0.5, 'none']);
    }
  });

  test('the oldest item says when it was sent, where that is known', () => {
    const ring = newRing();
    const alice = ring.queueOf(ALICE);
    expect(ring.fill().oldestSentNs).toBeUndefined();
    ring.send(alice, 1, 5e9);
    ring.send(alice, 2);
    expect(ring.fill()).toMatchObject({ size: 2, oldestSentNs: 5e9 });
    ring.receive(alice);
    expect(ring.fill()).toMatchObject({ size: 1, oldestSentNs: undefined });
    alice.close();
    expect([ring.receive(alice), ring.receive(alice), ring.fill().isClosed]).toEqual([2, 'closed', true]);
  });
});
