/**
 * Histograms of durations with many writers: those of locks that several threads hold at once. As `histogram.ts` has them, but every word by atomic add.
 *
 * Runs on every thread: application threads record, the agent thread reads at its own pace.
 *
 *     words 0-1   BigInt64: the sum, ns          from word 2 on: the cells of the family `waits`, Uint32
 *
 * Invariants
 * S1  Cells only grow (modulo 2^32), the sum only grows: the reader adds up differences.
 * S2  A duration's sum is added before its cell: a count that was read has its sum in the same reading, or in an earlier one.
 */
import { cellOf, HISTOGRAM_BYTES, type HistogramTotal } from './histogram.ts';

const CELLS = (HISTOGRAM_BYTES - 8) / 4;
/** Longer than a process lives, and small enough that no such sums overflow. */
const MAX_NS = 1e17;

/** The writing end, for any number of threads. */
export class SharedHistogramWriter {
  readonly #sumNs: BigInt64Array;
  readonly #cells: Uint32Array;

  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#sumNs = new BigInt64Array(buffer, byteOffset, 1);
    this.#cells = new Uint32Array(buffer, byteOffset + 8, CELLS);
  }

  /** Records one duration, or `weight` of them for a sampled one. */
  record(durationNs: number, weight = 1): void {
    if (durationNs > 0 && durationNs < MAX_NS)
      Atomics.add(this.#sumNs, 0, BigInt(Math.round(durationNs)) * BigInt(weight));
    Atomics.add(this.#cells, cellOf('waits', durationNs), weight);
  }
}

/** The reading end: adds what is new since the last call to a running total. A sum that went back counts as unchanged. */
export class SharedHistogramReader {
  readonly #sumNs: BigInt64Array;
  readonly #cells: Uint32Array;
  readonly #lastCells: Uint32Array = new Uint32Array(CELLS);
  #lastSumNs = 0n;

  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#sumNs = new BigInt64Array(buffer, byteOffset, 1);
    this.#cells = new Uint32Array(buffer, byteOffset + 8, CELLS);
  }

  /** Adds what was recorded since the last call to `total`; false when there was nothing. */
  addNewTo(total: HistogramTotal): boolean {
    let added = 0;
    for (let i = 0; i < CELLS; i++) {
      const now = Atomics.load(this.#cells, i);
      const delta = (now - (this.#lastCells[i] as number)) >>> 0;
      if (delta === 0) continue;
      this.#lastCells[i] = now;
      total.counts[i] = (total.counts[i] as number) + delta;
      added += delta;
    }
    if (added === 0) return false;
    /* After the cells: a duration's sum is there before its cell grows (S2). */
    const sumNs = Atomics.load(this.#sumNs, 0);
    const deltaNs = Number(sumNs - this.#lastSumNs);
    if (deltaNs > 0 && deltaNs < MAX_NS) total.sumNs += deltaNs;
    this.#lastSumNs = sumNs;
    return true;
  }
}
