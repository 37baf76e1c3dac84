/**
 * The ring of a channel: who gets which cell. It never waits: what there is to wait for is said by the result, and where by two words.
 *
 * Runs on application threads, one object a thread and channel. A claim to send is ended by `publish` before the next one begins.
 *
 * A sender takes a ticket by fetch-and-add, which no other sender can make it do twice, and then puts its name into the ticket's cell. A ticket whose
 * sender has not put its name there can be skipped by anyone at any time, whether that sender is slow or dead: if it is slow it takes another ticket. So
 * nobody waits for a thread that has no name in a cell, and for one that has only until it is known to be dead. A receiver first reads the item and then
 * frees the cell by CAS, which is what gives it the item: a ticket taken by fetch-and-add could neither be given up at a time-out nor survive
 * the thread's death, and this way receivers hold nothing that a death could leave behind.
 *
 * Invariants
 * N1  Each item is received once, and nothing else is. An item is lost only with a sender that dies before its `publish`.
 * N2  Items of one sender are received in the order they were sent.
 * N3  There are never more items in the channel than its capacity: a ticket that turns out to be beyond it is skipped by its own sender.
 * N4  After the closing no item comes in, and those before are received: the closing is a bit of the tail, which each claim of a ticket brings back.
 * N5  Whatever thread dies at whatever step, the others go on.
 */
import { CellPhase, CHANNEL, CLOSED_BIT, cellBytes, cellCount, PHASE_MASK } from './channel-words.ts';
import { BLOCK, type BlockViews } from './lock-block.ts';
import { announceAsync, announceParking, endParking, isAwaited, wakeAll, wakeOne } from './parking-word.ts';

/** What is said in place of a cell. BUSY: the next item is about to come, from a thread that is at it. */
export const NoCell = { NONE: -1, CLOSED: -2, BUSY: -3 } as const;
const PASSED = 0;

/** Looks at a ticket without a name before it is skipped: more than its sender needs, unless it is interrupted. */
const PATIENCE = 100;
/** Absent from Node 22. */
const { pause } = Atomics as { readonly pause?: () => void };

export interface ChannelSettings {
  readonly views: BlockViews;
  readonly blockAt: number;
  readonly capacity: number;
  readonly itemBytes: number;
  /** The thread's holder word. */
  readonly holder: number;
  /** Whether the thread with this holder word is known to be dead. */
  readonly isDead: (holder: number) => boolean;
}

export class ChannelQueue {
  readonly #i32: Int32Array;
  readonly #blockAt: number;
  readonly #tailAt: number;
  readonly #headAt: number;
  /** Indexes of the words to park at. */
  readonly receiversAt: number;
  readonly sendersAt: number;
  readonly #generationAt: number;
  readonly #cellsAt: number;
  readonly #cellBytes: number;
  readonly #cellMask: number;
  readonly #lapShift: number;
  readonly #lapMask: number;
  /** Twice the capacity, as tickets count. */
  readonly #capacity: number;
  readonly #writing: number;
  readonly #isDead: (holder: number) => boolean;
  /** A head that was read earlier; the head has only grown since. Kept from call to call, which a model has to know. */
  headSeen = 0;
  /** The ticket that was claimed, or whose item was found, last. */
  #ticket = 0;
  /** What the word must still be when a waiter parks. */
  announced = 0;

  constructor({ views, blockAt, capacity, itemBytes, holder, isDead }: ChannelSettings) {
    const cells = cellCount(capacity);
    this.#i32 = views.i32;
    this.#blockAt = blockAt;
    this.#tailAt = (blockAt + CHANNEL.TAIL) >> 2;
    this.#headAt = (blockAt + CHANNEL.HEAD) >> 2;
    this.receiversAt = (blockAt + CHANNEL.RECEIVERS) >> 2;
    this.sendersAt = (blockAt + CHANNEL.SENDERS) >> 2;
    this.#generationAt = (blockAt + BLOCK.GENERATION) >> 2;
    this.#cellsAt = blockAt + CHANNEL.CELLS;
    this.#cellBytes = cellBytes(itemBytes);
    this.#cellMask = cells - 1;
    this.#lapShift = Math.log2(cells) + 1;
    this.#lapMask = 0xffffffff >>> this.#lapShift;
    this.#capacity = capacity * 2;
    this.#writing = holder | CellPhase.WRITING;
    this.#isDead = isDead;
    this.headSeen = Atomics.load(this.#i32, this.#headAt);
  }

  /** The byte offset of a cell that is the caller's until it publishes it; or NONE, when there is no room, or CLOSED. */
  claimToSend(): number {
    const i32 = this.#i32;
    for (;;) {
      const tail = Atomics.load(i32, this.#tailAt);
      if ((tail & CLOSED_BIT) !== 0) return NoCell.CLOSED;
      if (!this.#hasRoom(tail) && !this.#makeRoom()) return NoCell.NONE;
      const claimed = Atomics.add(i32, this.#tailAt, 2);
      const ticket = claimed & ~CLOSED_BIT;
      const cellAt = this.#cellOf(ticket);
      const free = (ticket >>> this.#lapShift) << 2;
      /* The head was read after the claim, or has grown since: there is room for this ticket from now on, and its cell has been freed for it. */
      if (claimed !== ticket || !this.#hasRoom(ticket)) this.#skip(cellAt, free, ticket);
      else if (Atomics.compareExchange(i32, cellAt >> 2, free, this.#writing) === free) {
        this.#ticket = ticket;
        return cellAt;
      }
    }
  }

  /** Makes the item in a cell that was claimed to send visible to receivers, and wakes one. */
  publish(cellAt: number): void {
    const i32 = this.#i32;
    Atomics.store(i32, cellAt >> 2, ((this.#ticket >>> this.#lapShift) << 2) | CellPhase.FULL);
    wakeOne(i32, this.receiversAt, this.#generationAt);
    if (isAwaited(i32, this.sendersAt) && this.#difference() < this.#capacity)
      wakeOne(i32, this.sendersAt, this.#generationAt);
  }

  /**
   * The byte offset of the cell with the oldest item, which is the caller's once it has read it and `take` says so; or NONE; or CLOSED when there will be
   * none any more; or BUSY: the oldest is still being written, by a thread that lives.
   */
  findItem(): number {
    const i32 = this.#i32;
    for (;;) {
      const head = Atomics.load(i32, this.#headAt);
      const cellAt = this.#cellOf(head);
      const state = Atomics.load(i32, cellAt >> 2);
      this.#ticket = head;
      if (state === (((head >>> this.#lapShift) << 2) | CellPhase.FULL)) return cellAt;
      const found = this.#pass(head, cellAt, state);
      if (found !== PASSED) return found;
    }
  }

  /** Takes the item that was found last, and makes room for another; false where another receiver has taken it: what was read may then be anything. */
  take(cellAt: number): boolean {
    const i32 = this.#i32;
    const head = this.#ticket;
    const full = ((head >>> this.#lapShift) << 2) | CellPhase.FULL;
    if (Atomics.compareExchange(i32, cellAt >> 2, full, this.#freeAfter(head)) !== full) return false;
    Atomics.compareExchange(i32, this.#headAt, head, (head + 2) | 0);
    wakeOne(i32, this.sendersAt, this.#generationAt);
    /* Also where the next item is only about to come, and where it is the closing that the others wait to see. */
    if (isAwaited(i32, this.receiversAt) && this.#difference() !== 0)
      wakeOne(i32, this.receiversAt, this.#generationAt);
    return true;
  }

  /**
   * An attempt of who is going to wait at a word where it says NONE or BUSY; what to park on is then left in `announced`. `attempt` is made again after
   * the announcement, because what it missed may have been changed by somebody who saw nobody waiting.
   */
  attemptOrAnnounce(at: number, hasParked: boolean, isAsync: boolean, attempt: () => number): number {
    const i32 = this.#i32;
    if (hasParked) endParking(i32, at);
    let found = attempt();
    if (found === NoCell.NONE || found === NoCell.BUSY) {
      if (isAsync) announceAsync(i32, at);
      else this.announced = announceParking(i32, at);
      found = attempt();
    }
    if (found === NoCell.CLOSED) wakeAll(i32, at, this.#generationAt);
    return found;
  }

  /** No more items are taken; false when that was so before. */
  close(): boolean {
    const i32 = this.#i32;
    for (;;) {
      const tail = Atomics.load(i32, this.#tailAt);
      if ((tail & CLOSED_BIT) !== 0) return false;
      if (Atomics.compareExchange(i32, this.#tailAt, tail, tail | CLOSED_BIT) !== tail) continue;
      wakeAll(i32, this.sendersAt, this.#generationAt);
      wakeAll(i32, this.receiversAt, this.#generationAt);
      return true;
    }
  }

  /** Skips the item at the head if its sender is dead, as `isDead` knows; true when it was. */
  bury(isDead: (holder: number) => boolean): boolean {
    const head = Atomics.load(this.#i32, this.#headAt);
    const cellAt = this.#cellOf(head);
    const state = Atomics.load(this.#i32, cellAt >> 2);
    return (state & PHASE_MASK) === CellPhase.WRITING && this.#pass(head, cellAt, state, isDead) === PASSED;
  }

  get isClosed(): boolean {
    return (Atomics.load(this.#i32, this.#tailAt) & CLOSED_BIT) !== 0;
  }

  /** Whether it is worth while to claim: also where the claim will say CLOSED. */
  get mayHaveRoom(): boolean {
    const difference = this.#difference();
    return difference < this.#capacity || (difference & CLOSED_BIT) !== 0;
  }

  get mayHaveItem(): boolean {
    return this.#difference() !== 0;
  }

  /** Tickets between head and tail: the items, and a few that have none or have it not yet. */
  get size(): number {
    return Math.min(this.#difference() & ~CLOSED_BIT, this.#capacity) >> 1;
  }

  /** Twice the size, and one more where the channel is closed. */
  #difference(): number {
    const head = Atomics.load(this.#i32, this.#headAt);
    return (Atomics.load(this.#i32, this.#tailAt) - head) | 0;
  }

  #cellOf(ticket: number): number {
    return this.#cellsAt + ((ticket >>> 1) & this.#cellMask) * this.#cellBytes;
  }

  /** The state of the ticket's cell when the ticket is done with: free for the next lap. */
  #freeAfter(ticket: number): number {
    return (((ticket >>> this.#lapShift) + 1) & this.#lapMask) << 2;
  }

  /** Whether a ticket lies within the capacity. The head's line is its receivers': it is read only where the head seen before does not answer. */
  #hasRoom(ticket: number): boolean {
    if (((ticket - this.headSeen) | 0) < this.#capacity) return true;
    this.headSeen = Atomics.load(this.#i32, this.#headAt);
    return ((ticket - this.headSeen) | 0) < this.#capacity;
  }

  /** For a sender: whether there is room once the head has passed the tickets that have no item (any more). */
  #makeRoom(): boolean {
    const i32 = this.#i32;
    for (;;) {
      const head = Atomics.load(i32, this.#headAt);
      if (((Atomics.load(i32, this.#tailAt) - head) | 0) < this.#capacity) return true;
      const cellAt = this.#cellOf(head);
      const state = Atomics.load(i32, cellAt >> 2);
      if (state === (((head >>> this.#lapShift) << 2) | CellPhase.FULL)) {
        if (Atomics.load(i32, this.#headAt) === head) return false;
      } else if (this.#pass(head, cellAt, state) !== PASSED) return false;
    }
  }

  /**
   * Passes the head's ticket if it has no item (any more), and says PASSED where the caller is to look again; else what its absence means.
   * `state` was read after `head`, and is not that of an item.
   */
  #pass(head: number, cellAt: number, state: number, isKnownDead = this.#isDead): number {
    const i32 = this.#i32;
    const isFree = (state & PHASE_MASK) === CellPhase.FREE;
    const lapsAhead = ((state >>> 2) - (head >>> this.#lapShift)) & this.#lapMask;
    /* More than one lap where a sender has skipped a ticket beyond the capacity before the head came to the one a lap earlier. */
    if (isFree && lapsAhead > 0 && lapsAhead <= this.#lapMask >>> 1) {
      Atomics.compareExchange(i32, this.#headAt, head, (head + 2) | 0);
      return PASSED;
    }
    if (isFree && lapsAhead === 0) {
      const tail = Atomics.load(i32, this.#tailAt);
      if ((tail & ~CLOSED_BIT) === head) return tail === head ? NoCell.NONE : NoCell.CLOSED;
      for (let looks = 0; looks < PATIENCE; looks++) {
        pause?.();
        if (Atomics.load(i32, cellAt >> 2) !== state) return PASSED;
      }
      this.#skip(cellAt, state, head);
      return PASSED;
    }
    const isDead = (state & PHASE_MASK) === CellPhase.WRITING && isKnownDead(state & ~PHASE_MASK);
    /* Read after the thread is known to be dead, which claims no more: its name stands there for this ticket and no other. */
    if (Atomics.load(i32, this.#headAt) !== head) return PASSED;
    if (!isDead) return NoCell.BUSY;
    if (this.#skip(cellAt, state, head)) this.#count(BLOCK.ABANDONMENTS);
    return PASSED;
  }

  /** Lets a ticket have no item. */
  #skip(cellAt: number, seen: number, ticket: number): boolean {
    if (Atomics.compareExchange(this.#i32, cellAt >> 2, seen, this.#freeAfter(ticket)) !== seen) return false;
    this.#count(CHANNEL.SKIPPED);
    return true;
  }

  #count(field: number): void {
    Atomics.add(this.#i32, (this.#blockAt + field) >> 2, 1);
  }
}
