/**
 * Whose a slot was at some time, and whose a `threadId` is: the threads that messages and tasks name, those that have ended not long ago included, because a
 * message may be delivered, and a task be told of, after the end of who sent or served it.
 *
 * Runs on the agent thread. Of threads that have ended it remembers no more than its bounds.
 */
import type { SlotClaim } from '../../shared-memory/registry.ts';

/** What is known of an observed thread. */
export interface RecentThread {
  readonly claim: SlotClaim;
  readonly entry: { readonly name: string; readonly info: { readonly threadId: number } };
  readonly osThreadId: number;
  readonly claimedNs: number;
}

/** The observed threads that live. */
export interface LivingThreads extends Iterable<RecentThread> {
  get(slot: number): RecentThread | undefined;
}

/** Threads that had one slot one after the other. */
const MAX_A_SLOT = 4;
const MAX_ENDED = 1024;

export class RecentThreads {
  readonly #living: () => LivingThreads;
  /** By slot, the one that ended last at the end. */
  readonly #endedBySlot = new Map<number, RecentThread[]>();
  /** By `threadId`, the one that ended first at the beginning. */
  readonly #endedById = new Map<number, RecentThread>();

  constructor(living: () => LivingThreads) {
    this.#living = living;
  }

  /** The thread that has, or had, the slot in this generation. */
  ofClaim({ slot, generation }: SlotClaim): RecentThread | undefined {
    return this.#find(slot, ({ claim }) => claim.generation === generation);
  }

  /** The thread that had the slot then. */
  ofSlotAt(slot: number, atNs: number): RecentThread | undefined {
    return this.#find(slot, ({ claimedNs }) => claimedNs <= atNs);
  }

  /** The thread with this id of Node's, which no two threads of a process ever share. */
  ofThreadId(threadId: number): RecentThread | undefined {
    for (const thread of this.#living()) if (thread.entry.info.threadId === threadId) return thread;
    return this.#endedById.get(threadId);
  }

  /** A thread has ended. */
  end(thread: RecentThread): void {
    const { slot } = thread.claim;
    const ended = this.#endedBySlot.get(slot) ?? [];
    ended.push(thread);
    if (ended.length > MAX_A_SLOT) ended.shift();
    this.#endedBySlot.set(slot, ended);
    this.#endedById.set(thread.entry.info.threadId, thread);
    for (const oldest of this.#endedById.keys()) {
      if (this.#endedById.size <= MAX_ENDED) return;
      this.#endedById.delete(oldest);
    }
  }

  #find(slot: number, isWanted: (thread: RecentThread) => boolean): RecentThread | undefined {
    const living = this.#living().get(slot);
    return living !== undefined && isWanted(living) ? living : this.#endedBySlot.get(slot)?.findLast(isWanted);
  }
}
