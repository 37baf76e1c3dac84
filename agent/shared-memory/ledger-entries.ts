/**
 * What is on its way through a channel: an entry for each message, beside the message itself, which is never touched.
 *
 * Runs on application threads: the owner of an end posts in its direction and takes what comes in the other; the agent thread looks at the oldest. Must never
 * block, nor throw.
 *
 * An entry (byte offsets):
 *
 *     0  tag: sequence + 1; stored last, 0 = none      8  Float64: when it was posted       20  messages that were on their way before it
 *     4  trace flags, marks, slot of the sender + 1   16  first port it carries: channel << 1 | end, + 1; 0 = none    24  trace id, span id
 *
 * The entry of sequence n stands at n modulo the size of the channel's ring, or else of its first, second or third segment: in the first of them whose place is
 * free. Which one that is says the tag.
 *
 * Invariants
 * M7  Ports are FIFO, so the n-th message delivered is the n-th that was posted. An entry is published before its message is posted, and a message is counted as
 *     delivered after its entry was read.
 * M8  A place is free when it was never used or when its message is delivered: an entry that may still be read is never overwritten.
 * M9  A message without a place has no entry, but its number: those after it keep theirs.
 */
import { claimSegment, placeInSegment, returnSegments } from './ledger-segments.ts';
import { DIRECTION, ENTRY_BYTES, type MessageMemory, RING_ENTRIES, SEGMENT_LEVELS } from './message-memory.ts';
import type { TraceIds } from './registry.ts';

/** What each message has stands first: of those without a context three in four touch one cache line. */
const ENTRY = { TAG: 0, MARKS: 4, POSTED_NS: 8, FIRST_PORT: 16, DEPTH: 20, IDS: 24 } as const;

/** Marks of an entry, above the eight bits of the trace flags. */
const HAS_CONTEXT = 0x100;
/** The context is a task's: whoever takes the message works for that, and the message has no spans of its own. */
export const NO_SPANS = 0x200;
/** Its transfer list has several ports: where Node does not say their order, nobody can tell them apart. */
const SEVERAL_PORTS = 0x400;
const SENDER_SHIFT = 16;

/** What a sender says of a message. */
export interface Posting {
  readonly postedNs: number;
  /** Six words of ids, and the marks with the trace flags; absent without a context. */
  readonly context: ContextWords | undefined;
  /** The slot of the thread that posts it, + 1. */
  readonly senderSlot: number;
  /** The ports of its transfer list. */
  readonly ports: readonly object[];
}

/** A context as it stands in an entry. */
export interface ContextWords {
  readonly words: Int32Array;
  readonly marks: number;
}

/** What was read of a message's entry. One a thread, filled anew by each message. */
export class TakenEntry {
  isKnown = false;
  postedNs = 0;
  marks = 0;
  firstPort = 0;
  depth = 0;
  readonly words: Int32Array = new Int32Array(6);

  get hasContext(): boolean {
    return (this.marks & HAS_CONTEXT) !== 0;
  }

  get hasSpans(): boolean {
    return (this.marks & NO_SPANS) === 0;
  }

  get hasSeveralPorts(): boolean {
    return (this.marks & SEVERAL_PORTS) !== 0;
  }

  /** The slot of the thread that posted it, + 1; 0: not known. */
  get senderSlot(): number {
    return this.marks >>> SENDER_SHIFT;
  }

  context(): TraceIds | undefined {
    if (!this.hasContext) return undefined;
    let hex = '';
    for (let word = 0; word < 6; word++) hex += ((this.words[word] as number) >>> 0).toString(16).padStart(8, '0');
    const traceId = hex.slice(0, 32);
    const spanId = hex.slice(32);
    if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
    return { traceId, spanId, traceFlags: this.marks & 0xff };
  }
}

/** The words of a context. */
export function contextWords({ traceId, spanId, traceFlags }: TraceIds, marks = 0): ContextWords {
  const hex = traceId + spanId;
  const words = new Int32Array(6);
  for (let word = 0; word < 6; word++) words[word] = Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16) | 0;
  return { words, marks: (traceFlags & 0xff) | HAS_CONTEXT | marks };
}

/** The number of the next message in a direction. For its sender. */
export function nextSequence(memory: MessageMemory, carrier: number): number {
  return memory.i32[(memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.POSTED) >> 2] as number;
}

/** The number of the next message to be delivered in a direction. For its receiver. */
export function nextDelivery(memory: MessageMemory, carrier: number): number {
  return memory.i32[(memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.DELIVERED) >> 2] as number;
}

/**
 * Counts the next message in a direction, and publishes its entry, if there is one and room for it (M9). To be called before the message is posted; false
 * when it has no entry.
 */
export function postEntry(
  memory: MessageMemory,
  carrier: number,
  posting: Posting | undefined,
  firstPort: number,
): boolean {
  const { i32 } = memory;
  const directionAt = memory.directionAt(carrier >> 1, carrier & 1);
  const postedAt = (directionAt + DIRECTION.POSTED) >> 2;
  const sequence = i32[postedAt] as number;
  const delivered = Atomics.load(i32, (directionAt + DIRECTION.DELIVERED) >> 2);
  const at = posting === undefined ? -1 : freePlace(memory, carrier, sequence, delivered);
  if (at >= 0) writeEntry(memory, at, sequence, posting as Posting, firstPort, (sequence - delivered) | 0);
  else if (posting !== undefined) {
    const lostAt = (directionAt + DIRECTION.WITHOUT_ENTRY) >> 2;
    i32[lostAt] = ((i32[lostAt] as number) + 1) | 0;
  }
  Atomics.store(i32, postedAt, (sequence + 1) | 0);
  return at >= 0;
}

/** Takes the newest message of a direction back: it could not be posted. */
export function takeBack(memory: MessageMemory, carrier: number): void {
  const { i32 } = memory;
  const postedAt = (memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.POSTED) >> 2;
  const sequence = ((i32[postedAt] as number) - 1) | 0;
  const at = placeOf(memory, carrier, sequence);
  if (at >= 0) Atomics.store(i32, at >> 2, 0);
  Atomics.store(i32, postedAt, sequence);
}

/** Reads the entry of the next message to be delivered in a direction; false when nothing was posted there: the ledger is out of step. */
export function readEntry(memory: MessageMemory, carrier: number, into: TakenEntry): boolean {
  const { i32, f64 } = memory;
  const directionAt = memory.directionAt(carrier >> 1, carrier & 1);
  const sequence = i32[(directionAt + DIRECTION.DELIVERED) >> 2] as number;
  into.isKnown = false;
  into.marks = 0;
  into.firstPort = 0;
  let at = placeInRing(memory, carrier, sequence);
  /* An entry says by itself that its message was counted; without one in the ring the sender's counter has to, which is another cache line of its. */
  if (Atomics.load(i32, at >> 2) !== tagOf(sequence) || tagOf(sequence) === 0) {
    const posted = Atomics.load(i32, (directionAt + DIRECTION.POSTED) >> 2);
    if (((posted - sequence) | 0) <= 0) return false;
    at = placeOf(memory, carrier, sequence);
    if (at < 0) return true;
  }
  const word = at >> 2;
  into.isKnown = true;
  into.postedNs = f64[(at + ENTRY.POSTED_NS) >> 3] as number;
  const marks = i32[word + (ENTRY.MARKS >> 2)] as number;
  into.marks = marks;
  into.firstPort = i32[word + (ENTRY.FIRST_PORT >> 2)] as number;
  into.depth = i32[word + (ENTRY.DEPTH >> 2)] as number;
  if ((marks & HAS_CONTEXT) !== 0)
    for (let id = 0; id < 6; id++) into.words[id] = i32[word + (ENTRY.IDS >> 2) + id] as number;
  return true;
}

/** Whether nothing is on its way in a direction. For its receiver. */
export function isEmpty(memory: MessageMemory, carrier: number): boolean {
  const postedAt = (memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.POSTED) >> 2;
  return ((Atomics.load(memory.i32, postedAt) - nextDelivery(memory, carrier)) | 0) <= 0;
}

/** Counts a message as delivered: what its entry carried was taken (M5), and its place is free (M8). */
export function countDelivery(memory: MessageMemory, carrier: number): void {
  const { i32 } = memory;
  const at = (memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.DELIVERED) >> 2;
  Atomics.store(i32, at, ((i32[at] as number) + 1) | 0);
}

/** When the message of this number was posted; undefined when it has no entry, or has been delivered meanwhile. For the agent thread. */
export function postedNs(memory: MessageMemory, carrier: number, sequence: number): number | undefined {
  const at = placeOf(memory, carrier, sequence);
  if (at < 0) return undefined;
  const ns = memory.f64[(at + ENTRY.POSTED_NS) >> 3] as number;
  /* As long as it is not delivered its place is not another's (M8). */
  const deliveredAt = (memory.directionAt(carrier >> 1, carrier & 1) + DIRECTION.DELIVERED) >> 2;
  return Atomics.load(memory.i32, deliveredAt) === sequence && Number.isFinite(ns) ? ns : undefined;
}

function tagOf(sequence: number): number {
  return (sequence + 1) | 0;
}

function writeEntry(
  memory: MessageMemory,
  at: number,
  sequence: number,
  posting: Posting,
  firstPort: number,
  depth: number,
): void {
  const { i32, f64 } = memory;
  const word = at >> 2;
  const { context } = posting;
  f64[(at + ENTRY.POSTED_NS) >> 3] = posting.postedNs;
  const marks = (context === undefined ? 0 : context.marks) | (posting.ports.length > 1 ? SEVERAL_PORTS : 0);
  i32[word + (ENTRY.MARKS >> 2)] = marks | (posting.senderSlot << SENDER_SHIFT);
  i32[word + (ENTRY.FIRST_PORT >> 2)] = firstPort;
  i32[word + (ENTRY.DEPTH >> 2)] = depth;
  if (context !== undefined)
    for (let id = 0; id < 6; id++) i32[word + (ENTRY.IDS >> 2) + id] = context.words[id] as number;
  Atomics.store(i32, word, tagOf(sequence));
}

function placeInRing(memory: MessageMemory, carrier: number, sequence: number): number {
  return memory.ringAt(carrier >> 1, carrier & 1) + (sequence & (RING_ENTRIES - 1)) * ENTRY_BYTES;
}

/** Where the entry of a sequence stands; -1 when it has none. */
function placeOf(memory: MessageMemory, carrier: number, sequence: number): number {
  const { i32 } = memory;
  const tag = tagOf(sequence);
  if (tag === 0) return -1;
  const inRing = placeInRing(memory, carrier, sequence);
  if (Atomics.load(i32, inRing >> 2) === tag) return inRing;
  for (let level = 0; level < SEGMENT_LEVELS.length; level++) {
    const at = placeInSegment(memory, carrier, level, sequence);
    if (at >= 0 && Atomics.load(i32, at >> 2) === tag) return at;
  }
  return -1;
}

function freePlace(memory: MessageMemory, carrier: number, sequence: number, delivered: number): number {
  if (tagOf(sequence) === 0) return -1;
  if (sequence === delivered) returnSegments(memory, carrier);
  const inRing = placeInRing(memory, carrier, sequence);
  if (isFree(memory, inRing, delivered)) return inRing;
  for (let level = 0; level < SEGMENT_LEVELS.length; level++) {
    let at = placeInSegment(memory, carrier, level, sequence);
    if (at < 0 && claimSegment(memory, carrier, level)) at = placeInSegment(memory, carrier, level, sequence);
    if (at >= 0 && isFree(memory, at, delivered)) return at;
  }
  return -1;
}

/** Only the sender asks: it alone writes tags. */
function isFree({ i32 }: MessageMemory, at: number, delivered: number): boolean {
  const tag = i32[at >> 2] as number;
  return tag === 0 || ((tag - 1 - delivered) | 0) < 0;
}
