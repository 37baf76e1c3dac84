/**
 * What is known of the messages of one name of broadcast channels, as long as one member alone has ever posted: how many it posted, and an entry for each of the
 * last 64, beside the message itself, which is never touched.
 *
 * Runs on application threads: the sending member writes, all others read. Must never block, nor throw.
 *
 * A block (byte offsets in `MessageMemory.broadcastAt`):
 *
 *     0  number of the member that sends, 0 = none has      8  posts that have begun      512  entries: 64 x 48
 *     4  poison                                            12  posts that are through
 *
 * An entry:  0  tag: sequence + 1, 0 = none    4  trace flags, marks, slot of the sender + 1    8  when it was posted: Float64    16  trace id, span id
 *
 * Invariants
 * B1  Node gives each message to all members there are, under a lock that joining takes too. So the messages of one sender reach a member in their order, all of
 *     them from the first that is posted after it has joined.
 * B2  Only the member whose number stands in the block writes there, and that word is written once, by CAS. Another one that posts poisons the block before it
 *     does, for ever: who receives its message sees that first.
 * B3  Posts that are through before a member joins are not its own, those that begin after it has joined are. So it knows its first one if these are the same number.
 * B4  Nothing is known while a thread may post unseen (`vouching.ts`): that counts before it starts, so who receives its message sees it.
 * B5  An entry is published before its message is posted. It is overwritten by the 64th after it, tag first: who has read the same tag before and after the rest,
 *     all by atomic loads, has read one entry.
 *
 * Several names may have one block: they have two senders, and poison it, or else one. Then who receives anything under one of the names receives from that one.
 */
import type { ContextWords, TakenEntry } from './ledger-entries.ts';
import { BROADCASTS, MESSAGE_HEADER, type MessageMemory } from './message-memory.ts';

const BLOCK = { SENDER: 0, POISON: 4, BEGUN: 8, THROUGH: 12, ENTRIES: 512 } as const;
const ENTRY = { TAG: 0, MARKS: 4, POSTED_NS: 8, IDS: 16 } as const;
const ENTRY_BYTES = 48;
const BROADCAST_ENTRIES = 64;
const SENDER_SHIFT = 16;

const ns = new Float64Array(1);
const nsWords = new Int32Array(ns.buffer);

/** What a sender says of a message. */
export interface BroadcastPosting {
  readonly postedNs: number;
  readonly context: ContextWords | undefined;
  readonly senderSlot: number;
}

/** The block of a name. Node ends a name at its first NUL, and has no lone surrogates in it. */
export function blockOf(memory: MessageMemory, name: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name.split('\0', 1)[0])) value = Math.imul(value ^ byte, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return memory.broadcastAt((value ^ (value >>> 16)) & (BROADCASTS - 1));
}

/** A number that no other member has; 0 when they have run out. */
export function nextMember({ i32 }: MessageMemory): number {
  const before = Atomics.load(i32, MESSAGE_HEADER.MEMBERS >> 2);
  return before < 0 ? 0 : Atomics.add(i32, MESSAGE_HEADER.MEMBERS >> 2, 1) + 1;
}

export function poisonBlock({ i32 }: MessageMemory, at: number): void {
  Atomics.store(i32, (at + BLOCK.POISON) >> 2, 1);
}

export function isBlockPoisoned({ i32 }: MessageMemory, at: number): boolean {
  return Atomics.load(i32, (at + BLOCK.POISON) >> 2) !== 0;
}

/** Whether this member is the one that sends; any other poisons the block (B2). To be asked before each post. */
export function maySend(memory: MessageMemory, at: number, member: number): boolean {
  const { i32 } = memory;
  if (isBlockPoisoned(memory, at)) return false;
  const sender = member === 0 ? -1 : Atomics.compareExchange(i32, (at + BLOCK.SENDER) >> 2, 0, member);
  if (sender === 0 || sender === member) return true;
  poisonBlock(memory, at);
  return false;
}

/** Counts the next message, and publishes its entry, if there is anything to say of it. For the sender, before it posts. */
export function beginPost({ i32 }: MessageMemory, at: number, posting: BroadcastPosting | undefined): void {
  const begunAt = (at + BLOCK.BEGUN) >> 2;
  const sequence = i32[begunAt] as number;
  const entry = entryAt(at, sequence) >> 2;
  Atomics.store(i32, entry, 0);
  if (posting !== undefined) {
    const { context } = posting;
    ns[0] = posting.postedNs;
    const marks = (context === undefined ? 0 : context.marks) | (posting.senderSlot << SENDER_SHIFT);
    Atomics.store(i32, entry + (ENTRY.MARKS >> 2), marks);
    for (let word = 0; word < 2; word++)
      Atomics.store(i32, entry + (ENTRY.POSTED_NS >> 2) + word, nsWords[word] as number);
    for (let id = 0; id < 6; id++) Atomics.store(i32, entry + (ENTRY.IDS >> 2) + id, context?.words[id] ?? 0);
    Atomics.store(i32, entry, tagOf(sequence));
  }
  Atomics.store(i32, begunAt, (sequence + 1) | 0);
}

/** Node has posted the message that was begun, or has not. */
export function endPost({ i32 }: MessageMemory, at: number, isPosted: boolean): void {
  const begunAt = (at + BLOCK.BEGUN) >> 2;
  const begun = i32[begunAt] as number;
  if (isPosted) {
    Atomics.store(i32, (at + BLOCK.THROUGH) >> 2, begun);
    return;
  }
  Atomics.store(i32, entryAt(at, (begun - 1) | 0) >> 2, 0);
  Atomics.store(i32, begunAt, (begun - 1) | 0);
}

/** To be read before a member joins. */
export function postsThrough({ i32 }: MessageMemory, at: number): number {
  return Atomics.load(i32, (at + BLOCK.THROUGH) >> 2);
}

/** To be read after a member has joined; and when one has a message in its hands, which is among them. */
export function postsBegun({ i32 }: MessageMemory, at: number): number {
  return Atomics.load(i32, (at + BLOCK.BEGUN) >> 2);
}

/** Reads the entry of a message; false when it has none, or has none any more. */
export function readBroadcast({ i32 }: MessageMemory, at: number, sequence: number, into: TakenEntry): boolean {
  const entry = entryAt(at, sequence) >> 2;
  const tag = tagOf(sequence);
  if (tag === 0 || Atomics.load(i32, entry) !== tag) return false;
  into.marks = Atomics.load(i32, entry + (ENTRY.MARKS >> 2));
  for (let word = 0; word < 2; word++) nsWords[word] = Atomics.load(i32, entry + (ENTRY.POSTED_NS >> 2) + word);
  into.postedNs = ns[0] as number;
  for (let id = 0; id < 6; id++) into.words[id] = Atomics.load(i32, entry + (ENTRY.IDS >> 2) + id);
  return Atomics.load(i32, entry) === tag;
}

function tagOf(sequence: number): number {
  return (sequence + 1) | 0;
}

function entryAt(at: number, sequence: number): number {
  return at + BLOCK.ENTRIES + (sequence & (BROADCAST_ENTRIES - 1)) * ENTRY_BYTES;
}
