/**
 * Where everything stands in message memory: the ledgers of the program's message channels, in a SharedArrayBuffer of their own. The one file that knows its
 * offsets.
 *
 * Runs on every thread. The main thread allocates it; others attach and check magic, version and size first. Untouched pages cost nothing: a program without
 * channels pays for none of it, and 10 000 open ports touch 20 MiB.
 *
 *     0        header      magic, version, size, cursors
 *     4 KiB    states      16 384 x Int32: whether a channel is free, being claimed (by whom), or live (`ledger.ts`)
 *     68 KiB   lives       16 384 x Int32: how often it was given back
 *     132 KiB  own ports   512 x Int32: by slot, the channel of that worker's own port, + 1; 0 = none
 *     134 KiB  vouching    512 x Int32: by slot, whether the thread has said that it is followed (`vouching.ts`)
 *     136 KiB  segments    owner words of the segments below: channel << 1 | direction, + 1; 0 = free
 *     256 KiB  channels    16 384 x 4 KiB
 *     ...      segments    2 048 of 64 entries, 1 024 of 256, and so on: for what waits beyond the ring of a channel (`ledger-segments.ts`)
 *     ...      broadcasts  4 096 x 4 KiB: one a name of broadcast channels (`broadcast-words.ts`)
 *
 * A channel (byte offsets; W = who writes). End 0 sends in direction 0, end 1 in direction 1.
 *
 *        0  identity            number of its name, slot + 1 and generation of the worker whose own port it is   W: claimer
 *       32  poison              1: out of our sight                                          W: whoever sees it leave
 *       64  end 0               its word, what carries it                                    W: its owner; the agent when that is dead
 *      128  end 1               the same
 *      192  direction 0, post   posted, errors, numbers of its segments + 1                  W: the owner of end 0
 *      256  direction 0, taken  delivered, errors                                            W: the owner of end 1
 *      320  direction 1, post                                                                W: the owner of end 1
 *      384  direction 1, taken                                                               W: the owner of end 0
 *      512  entries 0           16 x 48                                                      W: the owner of end 0
 *     1280  entries 1           16 x 48                                                      W: the owner of end 1
 *     2048  transit 0, 1        2 x 512: histograms                                          W: who receives
 *     3072  serialise 0, 1      2 x 512: histograms                                          W: who sends
 */

import { HISTOGRAM_BYTES } from './histogram.ts';
import { SLOT_COUNT } from './layout.ts';
import { isMarked, type MemoryKind, mark } from './memory-header.ts';

/** Channels that can be followed at once; one that finds no room is left alone, and counted. */
export const CHANNELS = 16384;
export const CHANNEL_BYTES = 4096;

/** An entry: one message on its way. */
export const ENTRY_BYTES = 48;
/** Entries in the channel itself: a power of two. */
export const RING_ENTRIES = 16;
/** Segments for what waits beyond the ring, smallest first: how many there are, and entries of each (powers of two). */
export const SEGMENT_LEVELS = [
  { count: 2048, entries: 64 },
  { count: 1024, entries: 256 },
  { count: 256, entries: 1024 },
  { count: 64, entries: 4096 },
  { count: 16, entries: 16384 },
] as const;
export const SEGMENTS: number = SEGMENT_LEVELS.reduce((sum, { count }) => sum + count, 0);

const STATES_AT = 4096;
const LIVES_AT = STATES_AT + CHANNELS * 4;
const OWN_PORTS_AT = LIVES_AT + CHANNELS * 4;
const VOUCHING_AT = OWN_PORTS_AT + SLOT_COUNT * 4;
const SEGMENT_OWNERS_AT = VOUCHING_AT + SLOT_COUNT * 4;
const CHANNELS_AT = 256 * 1024;
const SEGMENTS_AT = CHANNELS_AT + CHANNELS * CHANNEL_BYTES;
const BROADCASTS_AT = SEGMENT_LEVELS.reduce(
  (sum, { count, entries }) => sum + count * entries * ENTRY_BYTES,
  SEGMENTS_AT,
);

/** Names of broadcast channels share a block where their hashes meet: a power of two. */
export const BROADCASTS = 4096;
const BROADCAST_BYTES = 4096;
const TOTAL_BYTES = BROADCASTS_AT + BROADCASTS * BROADCAST_BYTES;

/** "GWP1" */
const KIND: MemoryKind = { magic: 0x47575031, version: 2, bytes: TOTAL_BYTES };

export const MESSAGE_HEADER = {
  MAGIC: 0,
  VERSION: 4,
  TOTAL_BYTES: 8,
  /** Int32: where a claimer begins to look; `CHANNELS` when all were in use. */
  HINT: 64,
  /** Int32: channels that were ever in use: scans end there. Only grows. */
  HIGH: 128,
  /** Int32: threads that may post on a broadcast channel without being seen (`vouching.ts`). */
  UNSEEN: 192,
  /** Int32: members of broadcast channels that were given a number so far; every thread adds. */
  MEMBERS: 256,
} as const;

/** Byte offsets in a channel. */
export const CHANNEL = {
  NAME: 0,
  PORT_SLOT: 4,
  PORT_GENERATION: 8,
  POISON: 32,
  ENDS: 64,
  DIRECTIONS: 192,
  ENTRIES: 512,
  TRANSIT: 2048,
  SERIALISE: 3072,
} as const;

const END_BYTES = 64;
/** Byte offsets in an end. */
export const END = {
  /** slot and generation of its owner, and what it does (`ledger.ts`). */
  WORD: 0,
  /** While it is in flight: the channel << 1 | direction that carries it, + 1, the life of that channel, and the message's sequence. */
  CARRIER: 4,
  CARRIER_LIFE: 8,
  CARRIER_SEQUENCE: 12,
  /** The next end in the same message, + 1, and this one's place among the ports of its transfer list. */
  NEXT: 16,
  POSITION: 20,
} as const;

const DIRECTION_BYTES = 128;
/** Byte offsets in a direction; those from `DELIVERED` on are the receiver's. */
export const DIRECTION = {
  POSTED: 0,
  SEND_ERRORS: 4,
  /** One word a level. */
  SEGMENTS: 8,
  /** Messages that should have had an entry, and found no room for it (M9). */
  WITHOUT_ENTRY: 28,
  DELIVERED: 64,
  RECEIVE_ERRORS: 68,
} as const;

/** Typed views over message memory. Each helper gives byte offsets. */
export class MessageMemory {
  readonly buffer: SharedArrayBuffer;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }

  /** Throws the engine's RangeError where the reservation is refused. */
  static create(): MessageMemory {
    const memory = new MessageMemory(new SharedArrayBuffer(KIND.bytes));
    /* The main thread, until it vouches. */
    memory.i32[MESSAGE_HEADER.UNSEEN >> 2] = 1;
    mark(memory.i32, KIND);
    return memory;
  }

  /** Attaches to what another thread allocated; undefined when it is no message memory of this layout. */
  static attach(buffer: unknown): MessageMemory | undefined {
    return isMarked(buffer, KIND) ? new MessageMemory(buffer) : undefined;
  }

  stateAt(channel: number): number {
    return STATES_AT + channel * 4;
  }

  lifeAt(channel: number): number {
    return LIVES_AT + channel * 4;
  }

  ownPortAt(slot: number): number {
    return OWN_PORTS_AT + slot * 4;
  }

  vouchingAt(slot: number): number {
    return VOUCHING_AT + slot * 4;
  }

  channelAt(channel: number): number {
    return CHANNELS_AT + channel * CHANNEL_BYTES;
  }

  endAt(channel: number, end: number): number {
    return this.channelAt(channel) + CHANNEL.ENDS + end * END_BYTES;
  }

  directionAt(channel: number, direction: number): number {
    return this.channelAt(channel) + CHANNEL.DIRECTIONS + direction * DIRECTION_BYTES;
  }

  ringAt(channel: number, direction: number): number {
    return this.channelAt(channel) + CHANNEL.ENTRIES + direction * RING_ENTRIES * ENTRY_BYTES;
  }

  transitAt(channel: number, direction: number): number {
    return this.channelAt(channel) + CHANNEL.TRANSIT + direction * HISTOGRAM_BYTES;
  }

  serialiseAt(channel: number, direction: number): number {
    return this.channelAt(channel) + CHANNEL.SERIALISE + direction * HISTOGRAM_BYTES;
  }

  broadcastAt(broadcast: number): number {
    return BROADCASTS_AT + broadcast * BROADCAST_BYTES;
  }

  segmentOwnerAt(segment: number): number {
    return SEGMENT_OWNERS_AT + segment * 4;
  }

  /** The first of these segments of a level, and where the entries of one stand. */
  segmentAt(level: number, segment: number): number {
    let at = SEGMENTS_AT;
    let first = 0;
    for (let below = 0; below < level; below++) {
      const { count, entries } = SEGMENT_LEVELS[below] as (typeof SEGMENT_LEVELS)[number];
      at += count * entries * ENTRY_BYTES;
      first += count;
    }
    const { entries } = SEGMENT_LEVELS[level] as (typeof SEGMENT_LEVELS)[number];
    return at + (segment - first) * entries * ENTRY_BYTES;
  }
}

/** The number of the first segment of a level. */
export function firstSegment(level: number): number {
  let first = 0;
  for (let below = 0; below < level; below++) first += (SEGMENT_LEVELS[below] as (typeof SEGMENT_LEVELS)[number]).count;
  return first;
}

export function isChannel(channel: unknown): channel is number {
  return Number.isInteger(channel) && (channel as number) >= 0 && (channel as number) < CHANNELS;
}
