/**
 * Reads what one lock's block has counted, and adds it to the totals of its class.
 *
 * Runs on the agent thread. The words only grow (modulo 2^32), so what is new is the difference to the last reading: totals outlive the block.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import { HistogramReader, type HistogramTotal } from '../../shared-memory/histogram.ts';
import { BLOCK, type BlockViews, type LockIdentity, SHARED_BLOCK_BYTES } from '../../shared-memory/lock-block.ts';
import { SharedHistogramReader } from '../../shared-memory/shared-histogram.ts';
import { LockClass } from './lock-classes.ts';

/** A thing that adds what is new to a total. */
interface Reader {
  addNewTo(total: HistogramTotal): boolean;
}

/** A histogram of a block. Most are never written: those cost a look at their sum. */
class BlockHistogram {
  readonly #views: BlockViews;
  readonly #at: number;
  readonly #isShared: boolean;
  #reader: Reader | undefined;

  constructor(views: BlockViews, at: number, isShared: boolean) {
    this.#views = views;
    this.#at = at;
    this.#isShared = isShared;
  }

  addNewTo(total: () => HistogramTotal): void {
    if (this.#reader === undefined) {
      const { i32, buffer } = this.#views;
      const sumAt = this.#at >> 2;
      if (i32[sumAt] === 0 && i32[sumAt + 1] === 0) return;
      this.#reader = this.#isShared
        ? new SharedHistogramReader(buffer, this.#at)
        : new HistogramReader(buffer, this.#at);
    }
    this.#reader.addNewTo(total());
  }
}

const COUNTS = [
  [BLOCK.ACQUISITIONS, 'exclusive', 'acquisitions'],
  [BLOCK.CONTENTIONS, 'exclusive', 'contentions'],
  [BLOCK.TIMEOUTS, 'exclusive', 'timeouts'],
  [BLOCK.ABORTS, 'exclusive', 'aborts'],
  [BLOCK.SHARED_ACQUISITIONS, 'shared', 'acquisitions'],
  [BLOCK.SHARED_CONTENTIONS, 'shared', 'contentions'],
  [BLOCK.SHARED_TIMEOUTS, 'shared', 'timeouts'],
  [BLOCK.SHARED_ABORTS, 'shared', 'aborts'],
] as const;

export class LockBlockReader {
  readonly #i32: Int32Array;
  readonly #blockAt: number;
  readonly #last = new Uint32Array(COUNTS.length);
  readonly #histograms: readonly (readonly [BlockHistogram, LockMode, 'waits' | 'holds'])[];
  #lastAbandonments = 0;
  #lastAsyncContentions = 0;

  constructor(views: BlockViews, blockAt: number, { bytes }: LockIdentity) {
    this.#i32 = views.i32;
    this.#blockAt = blockAt;
    const histogram = (at: number, isShared: boolean): BlockHistogram =>
      new BlockHistogram(views, blockAt + at, isShared);
    const hasShared = bytes >= SHARED_BLOCK_BYTES;
    this.#histograms = [
      [histogram(BLOCK.WAITS, false), 'exclusive', 'waits'],
      [histogram(BLOCK.HOLDS, false), 'exclusive', 'holds'],
      ...(hasShared
        ? ([
            [histogram(BLOCK.SHARED_WAITS, true), 'shared', 'waits'],
            [histogram(BLOCK.SHARED_HOLDS, true), 'shared', 'holds'],
          ] as const)
        : []),
    ];
  }

  /** Adds what was counted since the last call. */
  addNewTo(totals: LockClass): void {
    for (const [at, [field, mode, name]] of COUNTS.entries()) {
      const delta = this.#delta(field, this.#last[at] as number);
      if (delta === 0) continue;
      this.#last[at] = (this.#last[at] as number) + delta;
      totals.of(mode)[name] += delta;
    }
    const abandoned = this.#delta(BLOCK.ABANDONMENTS, this.#lastAbandonments);
    this.#lastAbandonments = (this.#lastAbandonments + abandoned) >>> 0;
    totals.abandonments += abandoned;
    const asynchronous = this.#delta(BLOCK.ASYNC_CONTENTIONS, this.#lastAsyncContentions);
    this.#lastAsyncContentions = (this.#lastAsyncContentions + asynchronous) >>> 0;
    totals.asyncContentions += asynchronous;
    for (const [histogram, mode, name] of this.#histograms) histogram.addNewTo(() => totals.of(mode)[name]);
  }

  /** Takes what stands there as known: it was counted in an earlier life of this reader. */
  skip(kind: LockClass['kind']): void {
    this.addNewTo(new LockClass('', kind));
  }

  #delta(field: number, last: number): number {
    return ((this.#i32[(this.#blockAt + field) >> 2] as number) - last) >>> 0;
  }
}
