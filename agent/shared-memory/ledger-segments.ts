/**
 * Room for what waits beyond the ring of a channel: segments, each lent to one direction until nothing waits there any more.
 *
 * Runs on every thread: the sender claims and returns them, the receiver reads what stands there, the agent thread takes them from channels that are over. Must
 * never block.
 *
 * Invariants
 * M10 A segment is claimed by a CAS that names the direction: who dies before its number stands in the channel, or after it was taken out of there, leaves one that
 *     is known to be its own.
 * M11 A segment that is free has no tags. The sender returns one only when all it ever posted is delivered: nobody will look for an entry there.
 */
import {
  DIRECTION,
  ENTRY_BYTES,
  firstSegment,
  type MessageMemory,
  SEGMENT_LEVELS,
  SEGMENTS,
} from './message-memory.ts';

/** Stands for a segment that was not to be had: a sender asks once, until nothing waits any more. */
const REFUSED = -1;

/** The place of a sequence in the direction's segment of this level; -1 when it has none. */
export function placeInSegment(memory: MessageMemory, carrier: number, level: number, sequence: number): number {
  const { i32 } = memory;
  const numberAt = (memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.SEGMENTS) >> 2;
  const { count, entries } = SEGMENT_LEVELS[level] as (typeof SEGMENT_LEVELS)[number];
  const segment = Atomics.load(i32, numberAt + level) - 1;
  const first = firstSegment(level);
  if (segment < first || segment >= first + count) return -1;
  if (Atomics.load(i32, memory.segmentOwnerAt(segment) >> 2) !== carrier + 1) return -1;
  return memory.segmentAt(level, segment) + (sequence & (entries - 1)) * ENTRY_BYTES;
}

/** Claims a segment of this level for a direction, for its sender. */
export function claimSegment(memory: MessageMemory, carrier: number, level: number): boolean {
  const { i32 } = memory;
  const numberAt = ((memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.SEGMENTS) >> 2) + level;
  if (i32[numberAt] === REFUSED) return false;
  const first = firstSegment(level);
  const { count } = SEGMENT_LEVELS[level] as (typeof SEGMENT_LEVELS)[number];
  for (let segment = first; segment < first + count; segment++) {
    const ownerAt = memory.segmentOwnerAt(segment) >> 2;
    if (Atomics.load(i32, ownerAt) !== 0) continue;
    if (Atomics.compareExchange(i32, ownerAt, 0, carrier + 1) !== 0) continue;
    Atomics.store(i32, numberAt, segment + 1);
    return true;
  }
  Atomics.store(i32, numberAt, REFUSED);
  return false;
}

/** Returns the segments of a direction in which nothing waits, for its sender. */
export function returnSegments(memory: MessageMemory, carrier: number): void {
  const { i32 } = memory;
  const numberAt = (memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.SEGMENTS) >> 2;
  /* The first level is always asked first. */
  if (i32[numberAt] === 0) return;
  for (let level = 0; level < SEGMENT_LEVELS.length; level++) {
    const segment = (i32[numberAt + level] as number) - 1;
    Atomics.store(i32, numberAt + level, 0);
    if (segment < 0 || segment >= SEGMENTS) continue;
    const ownerAt = memory.segmentOwnerAt(segment) >> 2;
    if (Atomics.load(i32, ownerAt) !== carrier + 1) continue;
    clearTags(memory, segment);
    Atomics.store(i32, ownerAt, 0);
  }
}

/** Takes the segments from channels that are over. For the agent thread. */
export function releaseSegments(memory: MessageMemory, channels: ReadonlySet<number>): void {
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
