/**
 * The words of a channel: a ring of cells behind its block in lock memory (`lock-memory.ts`), and how an item's place goes from hand to hand.
 *
 * Runs on every thread: application threads claim cells (`channel-queue.ts`), the agent thread reads how full the ring is.
 *
 *     2560  tail         next ticket to be sent, times two; + 1 once the channel is closed      W: senders, fetch-and-add
 *     2624  head         oldest ticket not yet taken, times two                                 W: everyone, by CAS
 *     2688  receivers    the parking word of those who wait for an item        (`parking-word.ts`)
 *     2752  senders      the same of those who wait for room
 *     2816  skipped      tickets that never had an item                                         W: everyone, atomic add
 *     2880  cells        a power of two of them, as many as the capacity or more; ticket t has cell t mod n, in lap t / n
 *
 * A cell is whole cache lines:
 *
 *        0  state        below                               4  what the item is, and how long (`sync/channel-items.ts`)
 *        8  Float64: when it was sent, ns; 0: not observed  16  the item
 *
 *     state    bits 0-1  the rest                who may change it, by CAS
 *     free     0         the lap it is free for  the sender with the ticket of that lap; anyone, to skip that ticket
 *     writing  1         the sender's holder word (`lock-word.ts`), whose lowest two bits are free
 *                                                the thread it names; anyone, once that is dead
 *     full     2         the lap                 any receiver, once it has read the item
 *
 * For the agent: arrivals are `tail / 2` less the skipped, completions `head / 2` less the skipped, both modulo 2^31; the size is the difference of the
 * two; the oldest item stands at the head. Items whose sender died while it wrote them are BLOCK.ABANDONMENTS.
 */
import type { BlockViews } from './lock-block.ts';

/** Byte offsets from the block's beginning, behind what every block has (`SHARED_BLOCK_BYTES`). */
export const CHANNEL = {
  TAIL: 2560,
  HEAD: 2624,
  RECEIVERS: 2688,
  SENDERS: 2752,
  SKIPPED: 2816,
  CELLS: 2880,
} as const;

/** Byte offsets in a cell. */
export const CELL = { STATE: 0, ITEM_KIND: 4, SENT_NS: 8, ITEM: 16 } as const;

export const CellPhase = { FREE: 0, WRITING: 1, FULL: 2 } as const;
export const PHASE_MASK = 3;
export const CLOSED_BIT = 1;

const LINE = 64;
export function cellCount(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
}

export function cellBytes(itemBytes: number): number {
  return Math.ceil((CELL.ITEM + itemBytes) / LINE) * LINE;
}

/** Size of the whole block. */
export function channelBytes(capacity: number, itemBytes: number): number {
  return CHANNEL.CELLS + cellCount(capacity) * cellBytes(itemBytes);
}

/** How full a channel is, as of one moment. */
export interface ChannelFill {
  readonly capacity: number;
  readonly size: number;
  /** Tickets modulo 2^31: to be compared with an earlier reading. */
  readonly arrivals: number;
  readonly completions: number;
  readonly isClosed: boolean;
  /** When the oldest item was sent; undefined when there is none, or when its sender was not observed. */
  readonly oldestSentNs: number | undefined;
}

const TICKETS = 0x7fffffff;

/** For the agent thread. `numberA` and `numberB` of the block are the capacity and the bytes of an item. */
export function readChannelFill(
  { i32, f64 }: BlockViews,
  blockAt: number,
  { numberA, numberB }: { readonly numberA: number; readonly numberB: number },
): ChannelFill {
  const headAt = (blockAt + CHANNEL.HEAD) >> 2;
  /* Head before tail: a head that moves on meanwhile makes the size too large by what came in between, never negative. */
  const head = Atomics.load(i32, headAt);
  const tail = Atomics.load(i32, (blockAt + CHANNEL.TAIL) >> 2);
  const skipped = Atomics.load(i32, (blockAt + CHANNEL.SKIPPED) >> 2);
  const cells = cellCount(numberA);
  const cellAt = blockAt + CHANNEL.CELLS + ((head >>> 1) & (cells - 1)) * cellBytes(numberB);
  const state = Atomics.load(i32, cellAt >> 2);
  const sentNs = f64[(cellAt + CELL.SENT_NS) >> 3] as number;
  const isSame = Atomics.load(i32, cellAt >> 2) === state && Atomics.load(i32, headAt) === head;
  return {
    capacity: numberA,
    size: Math.min((((tail & ~CLOSED_BIT) - head) | 0) >> 1, numberA),
    arrivals: ((tail >>> 1) - skipped) & TICKETS,
    completions: ((head >>> 1) - skipped) & TICKETS,
    isClosed: (tail & CLOSED_BIT) !== 0,
    oldestSentNs: isSame && (state & PHASE_MASK) === CellPhase.FULL && sentNs > 0 ? sentNs : undefined,
  };
}
