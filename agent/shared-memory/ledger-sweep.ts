/**
 * Gives channels of message memory back: those whose ends are both closed, and those whose claimer died in the middle of a claim.
 *
 * Runs on the agent thread, which alone calls this. The invariants are those of `ledger.ts` and `ledger-entries.ts`.
 */
import { ChannelState } from './ledger.ts';
import {
  CHANNEL,
  CHANNEL_BYTES,
  CHANNELS,
  ENTRY_BYTES,
  firstSegment,
  MESSAGE_HEADER,
  type MessageMemory,
  SEGMENT_LEVELS,
  SEGMENTS,
} from './message-memory.ts';

/** Visits the channels that are live, and gives back those whose claimer died before they were. `isAlive` is asked about words that name a thread. */
export function scanChannels(
  memory: MessageMemory,
  isAlive: (word: number) => boolean,
  visit: (channel: number) => void,
): void {
  const { i32 } = memory;
  const high = Math.min(Atomics.load(i32, MESSAGE_HEADER.HIGH >> 2), CHANNELS);
  for (let channel = 0; channel < high; channel++) {
    const word = Atomics.load(i32, memory.stateAt(channel) >> 2);
    const state = word & 3;
    if (state === ChannelState.LIVE) visit(channel);
    else if (state === ChannelState.CLAIMING && !isAlive(word)) releaseChannels(memory, [channel]);
  }
}

/** The life of a channel: another number for each use. */
export function lifeOf(memory: MessageMemory, channel: number): number {
  return Atomics.load(memory.i32, memory.lifeAt(channel) >> 2);
}

/** Gives channels back that are over, once they were read a last time. */
export function releaseChannels(memory: MessageMemory, channels: readonly number[]): void {
  const { i32, u8 } = memory;
  /* Before the channels: of one that is free nobody would look for its segments. */
  releaseSegments(memory, new Set(channels));
  for (const channel of channels) {
    const at = memory.channelAt(channel);
    const ownPortAt = memory.ownPortAt((i32[(at + CHANNEL.PORT_SLOT) >> 2] as number) - 1) >> 2;
    if (i32[(at + CHANNEL.PORT_SLOT) >> 2] !== 0) Atomics.compareExchange(i32, ownPortAt, channel + 1, 0);
    u8.fill(0, at, at + CHANNEL_BYTES);
    Atomics.store(i32, memory.lifeAt(channel) >> 2, (lifeOf(memory, channel) + 1) | 0);
    Atomics.store(i32, memory.stateAt(channel) >> 2, ChannelState.FREE);
    /* After it is free, because a claimer that found none says so by CAS from the hint it began with. */
    Atomics.store(i32, MESSAGE_HEADER.HINT >> 2, channel);
  }
}

function releaseSegments(memory: MessageMemory, channels: ReadonlySet<number>): void {
  const { i32 } = memory;
  for (let segment = 0; segment < SEGMENTS; segment++) {
    const ownerAt = memory.segmentOwnerAt(segment) >> 2;
    const owner = Atomics.load(i32, ownerAt);
    if (owner === 0 || !channels.has((owner - 1) >> 1)) continue;
    clearTags(memory, segment);
    Atomics.store(i32, ownerAt, 0);
  }
}

/** What has no tag says nothing. Only those that were used are touched: the rest of a segment may be pages that cost nothing. */
function clearTags(memory: MessageMemory, segment: number): void {
  let level = SEGMENT_LEVELS.length - 1;
  while (level > 0 && segment < firstSegment(level)) level--;
  const at = memory.segmentAt(level, segment);
  const { entries } = SEGMENT_LEVELS[level] as (typeof SEGMENT_LEVELS)[number];
  for (let entry = 0; entry < entries; entry++) {
    const tagAt = (at + entry * ENTRY_BYTES) >> 2;
    if (memory.i32[tagAt] !== 0) memory.i32[tagAt] = 0;
  }
}
