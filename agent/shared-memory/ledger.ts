/**
 * The ledger of a message channel: who has its ends, and when nobody has any more. Messages are never touched: an entry for each stands beside its channel
 * (`ledger-entries.ts`).
 *
 * Runs on every thread. Must never block.
 *
 *     state word, end word:   generation of a slot (12 bits) << 19 | flights of the end so far (8 bits) << 11 | slot << 2 | what it does
 *
 *     end:  OPEN ──── its owner posts it ────▶ IN_FLIGHT ──── the receiver takes it ────▶ OPEN, the receiver's
 *             │                                   │
 *             └─ 'close', or its thread is dead ──┴─ what carried it is gone ──▶ CLOSED
 *
 * Invariants
 * M1  A channel leaves FREE only by its claimer's CAS, which names the claimer in the same word, and returns to FREE only by the agent thread: a claimer that
 *     dies before the channel is LIVE leaves one that is known to be its own.
 * M2  Every word of a FREE channel is zero, but for its life, which grows each time it is given back: a new channel counts from zero, and what names an
 *     earlier life names nothing.
 * M3  An end leaves OPEN only by its owner, or by the agent thread when that is dead; it leaves IN_FLIGHT by one CAS, of the receiver or of the agent thread.
 *     The word of one flight is not that of the next, so the agent thread cannot take what was said of the one for the other.
 * M4  Only an owner of an OPEN end uses the channel. So it is over, and may be given back, when both ends are CLOSED.
 * M5  A receiver takes the ends of a message before it counts it as delivered. So an end in flight whose message was delivered, or whose carrier is over, will
 *     never be taken.
 * M6  Poison is never taken back. An owner who sees it closes its end, and counts no more.
 */
import { type ControlMemory, SLOT, SLOT_COUNT, SlotPhase } from './layout.ts';
import { CHANNEL, CHANNELS, DIRECTION, END, isChannel, MESSAGE_HEADER, type MessageMemory } from './message-memory.ts';
import type { SlotClaim } from './registry.ts';

export const ChannelState = { FREE: 0, CLAIMING: 1, LIVE: 2 } as const;
export const EndState = { NONE: 0, OPEN: 1, IN_FLIGHT: 2, CLOSED: 3 } as const;

/** Of a slot's generation: a word that is 4 096 lives old may name a thread that lives. Then its channel is given back later, when that has ended. */
const GENERATION_MASK = 0xfff;
const FLIGHTS = 0xff << 11;
const ONE_FLIGHT = 1 << 11;

/** A word that names a thread and says what it does. */
export function ownerWord({ slot, generation }: SlotClaim, state: number): number {
  return ((generation & GENERATION_MASK) << 19) | (slot << 2) | state;
}

/** Whether the thread that a word names lives: its slot has not been given back. For the agent thread, which alone gives slots back. */
export function isOwnerAlive(control: ControlMemory, word: number): boolean {
  const slot = (word >>> 2) & (SLOT_COUNT - 1);
  const state = Atomics.load(control.i32, control.slotAt(slot, SLOT.STATE) >> 2);
  return (state & 0xff) !== SlotPhase.FREE && ((state >>> 8) & GENERATION_MASK) === word >>> 19;
}

export interface ChannelIdentity {
  /** The number of its name; 0 for a worker's own port. */
  readonly nameNumber: number;
  /** The worker whose own port it is: end 1 is then its, from the beginning. */
  readonly worker?: SlotClaim | undefined;
}

/** Claims a channel, with both ends open: the claimer's, or of a worker's own port the second end the worker's. -1 when there is no room. */
export function claimChannel(memory: MessageMemory, claim: SlotClaim, { nameNumber, worker }: ChannelIdentity): number {
  const { i32 } = memory;
  const hintAt = MESSAGE_HEADER.HINT >> 2;
  const hint = Atomics.load(i32, hintAt);
  if (!isChannel(hint)) return -1;
  for (let n = 0; n < CHANNELS; n++) {
    const channel = hint + n < CHANNELS ? hint + n : hint + n - CHANNELS;
    const stateAt = memory.stateAt(channel) >> 2;
    if (Atomics.load(i32, stateAt) !== ChannelState.FREE) continue;
    /* Before the claim, because a claimer that dies after it must leave a channel that is found. */
    raiseHigh(memory, channel);
    if (Atomics.compareExchange(i32, stateAt, 0, ownerWord(claim, ChannelState.CLAIMING)) !== 0) continue;
    const at = memory.channelAt(channel) >> 2;
    i32[at + (CHANNEL.NAME >> 2)] = nameNumber;
    if (worker !== undefined) {
      i32[at + (CHANNEL.PORT_SLOT >> 2)] = worker.slot + 1;
      i32[at + (CHANNEL.PORT_GENERATION >> 2)] = worker.generation;
      Atomics.store(i32, memory.ownPortAt(worker.slot) >> 2, channel + 1);
    }
    i32[(memory.endAt(channel, 0) + END.WORD) >> 2] = ownerWord(claim, EndState.OPEN);
    i32[(memory.endAt(channel, 1) + END.WORD) >> 2] = ownerWord(worker ?? claim, EndState.OPEN);
    Atomics.store(i32, stateAt, ownerWord(claim, ChannelState.LIVE));
    Atomics.store(i32, hintAt, channel + 1 < CHANNELS ? channel + 1 : 0);
    return channel;
  }
  /* By CAS, because the agent thread may have given one back meanwhile, and says so there. */
  Atomics.compareExchange(i32, hintAt, hint, CHANNELS);
  return -1;
}

/** An end is closed: to be called by its owner, who will not use it any more. */
export function closeEnd({ i32 }: MessageMemory, endAt: number): void {
  Atomics.store(i32, (endAt + END.WORD) >> 2, EndState.CLOSED);
}

/** What carries an end, and where in the list of its message it stands. */
export interface Carriage {
  readonly channel: number;
  readonly direction: number;
  readonly sequence: number;
  /** The end, + 1, that comes next in the list; 0 = none. */
  readonly next: number;
  readonly position: number;
}

/** Puts an end of the caller's into a message that it is about to post. */
export function launchEnd(memory: MessageMemory, endAt: number, claim: SlotClaim, carriage: Carriage): void {
  const { i32 } = memory;
  i32[(endAt + END.CARRIER) >> 2] = ((carriage.channel << 1) | carriage.direction) + 1;
  i32[(endAt + END.CARRIER_LIFE) >> 2] = Atomics.load(i32, memory.lifeAt(carriage.channel) >> 2);
  i32[(endAt + END.CARRIER_SEQUENCE) >> 2] = carriage.sequence;
  i32[(endAt + END.NEXT) >> 2] = carriage.next;
  i32[(endAt + END.POSITION) >> 2] = carriage.position;
  const flights = ((i32[(endAt + END.WORD) >> 2] as number) + ONE_FLIGHT) & FLIGHTS;
  Atomics.store(i32, (endAt + END.WORD) >> 2, ownerWord(claim, EndState.IN_FLIGHT) | flights);
}

/** Takes an end out of a message: the receiver, or the sender whose post has failed. False when the agent thread was first. */
export function landEnd({ i32 }: MessageMemory, endAt: number, claim: SlotClaim): boolean {
  const at = (endAt + END.WORD) >> 2;
  const word = Atomics.load(i32, at);
  if ((word & 3) !== EndState.IN_FLIGHT) return false;
  return Atomics.compareExchange(i32, at, word, ownerWord(claim, EndState.OPEN) | (word & FLIGHTS)) === word;
}

/** Whether an end travels in this very message. */
export function isCarriedBy(memory: MessageMemory, endAt: number, carrier: number, sequence: number): boolean {
  const { i32 } = memory;
  return (
    i32[(endAt + END.CARRIER) >> 2] === carrier + 1 &&
    i32[(endAt + END.CARRIER_LIFE) >> 2] === Atomics.load(i32, memory.lifeAt(carrier >> 1) >> 2) &&
    i32[(endAt + END.CARRIER_SEQUENCE) >> 2] === sequence
  );
}

export function poison(memory: MessageMemory, channel: number): void {
  Atomics.store(memory.i32, (memory.channelAt(channel) + CHANNEL.POISON) >> 2, 1);
}

export function isPoisoned(memory: MessageMemory, channel: number): boolean {
  return memory.i32[(memory.channelAt(channel) + CHANNEL.POISON) >> 2] !== 0;
}

/**
 * Closes what nobody can use any more, and says whether that is both ends (M4). `isAlive` is asked about words that name a thread. For the agent thread.
 */
export function isOver(memory: MessageMemory, channel: number, isAlive: (word: number) => boolean): boolean {
  const first = isEndOver(memory, channel, 0, isAlive);
  return isEndOver(memory, channel, 1, isAlive) && first;
}

function isEndOver(memory: MessageMemory, channel: number, end: number, isAlive: (word: number) => boolean): boolean {
  const { i32 } = memory;
  const endAt = memory.endAt(channel, end);
  const at = (endAt + END.WORD) >> 2;
  const word = Atomics.load(i32, at);
  const state = word & 3;
  if (state === EndState.CLOSED) return true;
  const isGone = state === EndState.OPEN ? !isAlive(word) : isLost(memory, channel, endAt, isAlive);
  return isGone && Atomics.compareExchange(i32, at, word, EndState.CLOSED) === word;
}

/** Whether an end in flight will never be taken (M5). */
function isLost(memory: MessageMemory, channel: number, endAt: number, isAlive: (word: number) => boolean): boolean {
  const { i32 } = memory;
  const carrier = (i32[(endAt + END.CARRIER) >> 2] as number) - 1;
  const by = carrier >> 1;
  /* A port that is posted through its own channel takes that with it. */
  if (!isChannel(by) || by === channel) return true;
  if (Atomics.load(i32, memory.lifeAt(by) >> 2) !== i32[(endAt + END.CARRIER_LIFE) >> 2]) return true;
  const deliveredAt = (memory.directionAt(by, carrier & 1) + DIRECTION.DELIVERED) >> 2;
  const sequence = i32[(endAt + END.CARRIER_SEQUENCE) >> 2] as number;
  if (((Atomics.load(i32, deliveredAt) - sequence) | 0) > 0) return true;
  const receiver = Atomics.load(i32, (memory.endAt(by, 1 - (carrier & 1)) + END.WORD) >> 2);
  const state = receiver & 3;
  return state === EndState.CLOSED || (state === EndState.OPEN && !isAlive(receiver));
}

function raiseHigh({ i32 }: MessageMemory, channel: number): void {
  const at = MESSAGE_HEADER.HIGH >> 2;
  for (let high = Atomics.load(i32, at); high <= channel; ) {
    const seen = Atomics.compareExchange(i32, at, high, channel + 1);
    if (seen === high) return;
    high = seen;
  }
}
