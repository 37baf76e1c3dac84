/**
 * Which threads may do something unseen: those that have started and not yet said that they are followed from their first line on. Who must know of all that
 * happens under a name (`broadcast-words.ts`) knows nothing while there are any.
 *
 * Runs on every thread. Must never block.
 *
 * By slot, a word in message memory: generation << 2 | how often the thread is counted still.
 *
 * Invariants
 * V1  A thread is counted before it starts: once, or twice if something of the program's runs there before the agent.
 * V2  Once is taken back by the thread itself when it is followed, the rest by the agent thread when it has ended. A thread without a slot stays counted: it
 *     may be there as long as the process.
 * V3  What is taken back leaves the slot's word before it leaves the count: who dies in between leaves too much, never too little.
 */
import { MESSAGE_HEADER, type MessageMemory } from './message-memory.ts';
import type { SlotClaim } from './registry.ts';

const GENERATION_MASK = 0x1fffffff;

/** Adds to the threads that may do something unseen. */
export function addUnseen({ i32 }: MessageMemory, by: number): void {
  Atomics.add(i32, MESSAGE_HEADER.UNSEEN >> 2, by);
}

/** Whether any thread may do something unseen. */
export function isAnyUnseen({ i32 }: MessageMemory): boolean {
  return Atomics.load(i32, MESSAGE_HEADER.UNSEEN >> 2) !== 0;
}

/** The thread that is about to start, and is counted so often, has this slot. */
export function expectVouching(memory: MessageMemory, claim: SlotClaim, times: number): void {
  Atomics.store(memory.i32, memory.vouchingAt(claim.slot) >> 2, wordOf(claim) | times);
}

/** The calling thread is followed. */
export function vouch(memory: MessageMemory, claim: SlotClaim): void {
  if (takeOff(memory, claim, 1) > 0) addUnseen(memory, -1);
}

/** The thread has ended, and its slot is still its own. For the agent thread. */
export function forgetThread(memory: MessageMemory, claim: SlotClaim): void {
  addUnseen(memory, -takeOff(memory, claim, 3));
}

/** Gives back how much that was, at most `upTo`. */
function takeOff(memory: MessageMemory, claim: SlotClaim, upTo: number): number {
  const { i32 } = memory;
  const at = memory.vouchingAt(claim.slot) >> 2;
  const word = Atomics.load(i32, at);
  const taken = Math.min(word & 3, upTo);
  if ((word & ~3) !== wordOf(claim) || taken === 0) return 0;
  return Atomics.compareExchange(i32, at, word, word - taken) === word ? taken : 0;
}

function wordOf({ generation }: SlotClaim): number {
  return (generation & GENERATION_MASK) << 2;
}
