/**
 * Reads one channel of `gridwatch/sync` as the queue it is. How long its items waited stands in the queue cells of those who received them.
 *
 * Runs on the agent thread. A program may have scribbled on the channel: what cannot be read is passed over.
 */
import { type ChannelFill, readChannelFill } from '../../shared-memory/channel-words.ts';
import { BLOCK, type BlockViews, type LockIdentity } from '../../shared-memory/lock-block.ts';
import type { QueueTotal } from './queue-totals.ts';

/** The numbers that tickets are counted with. */
const TICKETS = 0x7fffffff;
/** More than there are tickets without an item at once. */
const MAX_BACK = 2 ** 20;

export class ChannelReader {
  readonly #views: BlockViews;
  readonly #blockAt: number;
  readonly #identity: LockIdentity;
  readonly #total: QueueTotal;
  #arrivals = 0;
  #completions = 0;
  #abandonments = 0;

  constructor(views: BlockViews, blockAt: number, identity: LockIdentity, total: QueueTotal) {
    this.#views = views;
    this.#blockAt = blockAt;
    this.#identity = identity;
    this.#total = total;
  }

  /** Adds what was counted since the last call. */
  count(): void {
    this.#read(this.#total);
  }

  /** Takes what stands there as known: it was counted in an earlier life of this reader. */
  skip(): void {
    this.#read({ arrivals: 0, completions: 0, aborts: 0 });
  }

  /** Adds what was counted since the last call, and what is in the channel now. */
  look(nowNs: number): void {
    const fill = this.#read(this.#total);
    if (fill === undefined) return;
    const { size, capacity, oldestSentNs = nowNs } = fill;
    this.#total.holds(size, Math.max(0, nowNs - oldestSentNs), capacity);
  }

  #read(counts: Pick<QueueTotal, 'arrivals' | 'completions' | 'aborts'>): ChannelFill | undefined {
    let fill: ChannelFill;
    try {
      fill = readChannelFill(this.#views, this.#blockAt, this.#identity);
    } catch {
      return undefined;
    }
    const arrived = grown(this.#arrivals, fill.arrivals);
    const completed = grown(this.#completions, fill.completions);
    const abandonments = this.#views.i32[(this.#blockAt + BLOCK.ABANDONMENTS) >> 2] as number;
    const lost = grown(this.#abandonments, abandonments & TICKETS);
    this.#arrivals = (this.#arrivals + arrived) & TICKETS;
    this.#completions = (this.#completions + completed) & TICKETS;
    this.#abandonments = (this.#abandonments + lost) & TICKETS;
    counts.arrivals += arrived;
    counts.completions += completed;
    /* Lost with a sender that died while it wrote them. */
    counts.aborts += lost;
    return fill;
  }
}

/** By how much a count has grown. A ticket that turns out to have no item is taken off again: the count then stands still until that has been made good. */
function grown(before: number, now: number): number {
  const delta = (now - before) & TICKETS;
  return delta < TICKETS - MAX_BACK ? delta : 0;
}
