/**
 * Gives channels of message memory back: those whose ends are both closed, and those whose claimer died in the middle of a claim.
 *
 * Runs on the agent thread, which alone calls this. The invariants are those of `ledger.ts` and `ledger-segments.ts`.
 */
import { ChannelState } from './ledger.ts';
import { releaseSegments } from './ledger-segments.ts';
import { CHANNEL, CHANNEL_BYTES, CHANNELS, MESSAGE_HEADER, type MessageMemory } from './message-memory.ts';

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
