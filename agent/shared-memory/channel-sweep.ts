/**
 * How a dead thread is taken out of a channel, and its waiters are woken, by whoever knows of the death (`lock-holders.ts`). It never waits.
 *
 * Runs on every thread. A thread stands in a channel only while it writes one item, between naming itself in a cell and publishing: see
 * `channel-queue.ts`, of whose invariants this keeps N1 and N5.
 */
import { CellPhase, CHANNEL, CLOSED_BIT, cellBytes, cellCount } from './channel-words.ts';
import { BLOCK } from './lock-block.ts';
import { wakeAll } from './parking-word.ts';

/** Skips the item that a dead thread was writing, if it was; true when it was. `dead` is its holder word. */
export function sweepChannel(i32: Int32Array, blockAt: number, dead: number): boolean {
  const cells = cellCount(i32[(blockAt + BLOCK.NUMBER_A) >> 2] as number);
  const bytes = cellBytes(i32[(blockAt + BLOCK.NUMBER_B) >> 2] as number);
  const head = Atomics.load(i32, (blockAt + CHANNEL.HEAD) >> 2);
  const tail = Atomics.load(i32, (blockAt + CHANNEL.TAIL) >> 2) & ~CLOSED_BIT;
  const writing = dead | CellPhase.WRITING;
  const lapShift = Math.log2(cells) + 1;
  /* It can only stand in one of as many tickets as there are cells, and the head does not pass it: so the cell says which ticket it is. */
  for (let i = 0; i < Math.min((tail - head) >> 1, cells); i++) {
    const ticket = (head + i * 2) | 0;
    const at = (blockAt + CHANNEL.CELLS + ((ticket >>> 1) & (cells - 1)) * bytes) >> 2;
    if (Atomics.load(i32, at) !== writing) continue;
    const next = (((ticket >>> lapShift) + 1) & (0xffffffff >>> lapShift)) << 2;
    if (Atomics.compareExchange(i32, at, writing, next) !== writing) return false;
    Atomics.add(i32, (blockAt + CHANNEL.SKIPPED) >> 2, 1);
    Atomics.add(i32, (blockAt + BLOCK.ABANDONMENTS) >> 2, 1);
    wakeChannel(i32, blockAt);
    return true;
  }
  return false;
}

/** Lets all who wait at a channel look again. */
export function wakeChannel(i32: Int32Array, blockAt: number): void {
  const generationAt = (blockAt + BLOCK.GENERATION) >> 2;
  wakeAll(i32, (blockAt + CHANNEL.SENDERS) >> 2, generationAt);
  wakeAll(i32, (blockAt + CHANNEL.RECEIVERS) >> 2, generationAt);
}
