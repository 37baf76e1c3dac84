/**
 * Histograms of durations in shared memory: one writer, read by the agent thread at its own pace.
 *
 * Runs on every thread: application threads record, the agent thread reads and converts.
 *
 * A histogram is a row of Uint32 cells and one Float64 sum of nanoseconds. The cells are the base-2 exponential buckets of scale 2 (four an octave)
 * between 2^-20 s (0.95 us) and 2^7 s, cut once more at each explicit bound of the family. So a cell lies wholly in one exponential bucket and
 * wholly in one explicit bucket: both exports are exact, and no threshold of a shipped alert falls inside a cell.
 * The first cell also holds what is shorter, the last what is longer.
 *
 * Invariants
 * H1  Cells only grow (modulo 2^32): the reader adds up `(now - last) >>> 0`.
 * H2  Only the writer stores; plain stores suffice, since the reader needs no two words to be of the same moment.
 */

/** Explicit bounds in seconds (TELEMETRY.md, "Limits"): every threshold that a shipped rule uses is among them. */
export const EXPLICIT_BOUNDS_S: Readonly<Record<HistogramFamily, readonly number[]>> = {
  waits: [1e-5, 1e-4, 1e-3, 0.005, 0.02, 0.05, 0.1, 0.25, 1, 2.5, 10, 60],
  gc: [1e-4, 1e-3, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 10],
};

export type HistogramFamily = 'waits' | 'gc';

/** What the agent thread has read of a histogram: cumulative counts by cell and the sum of all durations. */
export interface HistogramSnapshot {
  readonly family: HistogramFamily;
  readonly counts: ArrayLike<number>;
  readonly sumNs: number;
}

const SCALE = 2;
const MIN_EXPONENT = -20;
const MAX_EXPONENT = 7;
const OCTAVES = MAX_EXPONENT - MIN_EXPONENT;

interface Cells {
  /** Upper bounds in seconds, inclusive; the last is infinite. */
  readonly uppersS: Float64Array;
  /** By quarter of an octave (linear quarters of the mantissa): the first cell that may hold such a duration. */
  readonly firstCell: Uint16Array;
}

/** Each thread builds its own before its code is warm: closures over the numbers would leave 180 kB of garbage behind. */
function buildCells(boundsS: readonly number[]): Cells {
  const all = new Float64Array(OCTAVES * 4 + boundsS.length + 1);
  for (let i = 0; i < OCTAVES * 4; i++) all[i] = 2 ** (MIN_EXPONENT + (i + 1) / 4);
  all.set(boundsS, OCTAVES * 4);
  all[all.length - 1] = Number.POSITIVE_INFINITY;
  all.sort();
  let cells = 1;
  for (let i = 1; i < all.length; i++) if (all[i] !== all[cells - 1]) all[cells++] = all[i] as number;
  const uppersS = all.slice(0, cells);
  const firstCell = new Uint16Array(OCTAVES * 4);
  let cell = 0;
  for (let quarter = 0; quarter < firstCell.length; quarter++) {
    const lowestS = 2 ** (MIN_EXPONENT + (quarter >> 2)) * (1 + (quarter & 3) / 4);
    while (lowestS > (uppersS[cell] as number)) cell++;
    firstCell[quarter] = cell;
  }
  return { uppersS, firstCell };
}

/** Built at the first record: a thread that records nothing pays nothing. */
const built: Partial<Record<HistogramFamily, Cells>> = {};

function cellsOf(family: HistogramFamily): Cells {
  return (built[family] ??= buildCells(EXPLICIT_BOUNDS_S[family]));
}

/** Upper bounds of the cells in seconds, inclusive; the last is infinite. */
export function cellBoundsS(family: HistogramFamily): ArrayLike<number> {
  return cellsOf(family).uppersS;
}

/** Bytes of one histogram in shared memory: the sum first (8-byte aligned), then room for the cells of any family, in whole cache lines. */
export const HISTOGRAM_BYTES = 512 as const;
const CELL_ROOM = (HISTOGRAM_BYTES - 8) / 4;

const scratch = new Float64Array(1);
const scratchWords = new Int32Array(scratch.buffer);
/** On a big-endian machine the exponent stands in the first word. */
const HIGH_WORD = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** The cell of a duration. Zero, negative and not-a-number durations fall into the first. */
export function cellOf(family: HistogramFamily, durationNs: number): number {
  const { uppersS, firstCell } = cellsOf(family);
  const durationS = durationNs / 1e9;
  scratch[0] = durationS;
  const high = scratchWords[HIGH_WORD] as number;
  const quarter = (((high >> 20) - 1023 - MIN_EXPONENT) << 2) | ((high >> 18) & 3);
  if (quarter < 0 || Number.isNaN(durationS)) return 0;
  let cell = quarter < OCTAVES * 4 ? (firstCell[quarter] as number) : uppersS.length - 2;
  while (durationS > (uppersS[cell] as number)) cell++;
  return cell;
}

/** The writing end of a histogram in shared memory. To be used by one thread only (H2). */
export class HistogramWriter {
  readonly #family: HistogramFamily;
  readonly #sumNs: Float64Array;
  readonly #cells: Uint32Array;

  constructor(family: HistogramFamily, buffer: SharedArrayBuffer, byteOffset: number) {
    this.#family = family;
    this.#sumNs = new Float64Array(buffer, byteOffset, 1);
    this.#cells = new Uint32Array(buffer, byteOffset + 8, CELL_ROOM);
  }

  /** Records one duration, or `weight` of them for a sampled one. */
  record(durationNs: number, weight = 1): void {
    const cell = cellOf(this.#family, durationNs);
    this.#cells[cell] = (this.#cells[cell] as number) + weight;
    /* One that is not a number would make the sum none for ever. */
    if (durationNs > 0 && durationNs < Number.POSITIVE_INFINITY)
      this.#sumNs[0] = (this.#sumNs[0] as number) + durationNs * weight;
  }
}

/**
 * The reading end: adds what is new since the last call to a running total, so that a total outlives the words it came from (H1).
 * What it finds is validated: a sum that went back or is not finite counts as unchanged.
 */
export class HistogramReader {
  readonly #sumNs: Float64Array;
  readonly #cells: Uint32Array;
  readonly #lastCells: Uint32Array;
  #lastSumNs = 0;

  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#sumNs = new Float64Array(buffer, byteOffset, 1);
    this.#cells = new Uint32Array(buffer, byteOffset + 8, CELL_ROOM);
    this.#lastCells = new Uint32Array(this.#cells.length);
  }

  /**
   * Adds what was recorded since the last call (at first: since the words were zero) to `total`; false when there was nothing. A function is asked for the
   * total once there is something.
   */
  addNewTo(total: HistogramTotal | (() => HistogramTotal)): boolean {
    let to: HistogramTotal | undefined;
    for (let i = 0; i < this.#cells.length; i++) {
      const now = this.#cells[i] as number;
      const delta = (now - (this.#lastCells[i] as number)) >>> 0;
      if (delta === 0) continue;
      this.#lastCells[i] = now;
      to ??= typeof total === 'function' ? total() : total;
      to.counts[i] = (to.counts[i] as number) + delta;
    }
    if (to === undefined) return false;
    const sumNs = this.#sumNs[0] as number;
    const deltaNs = sumNs - this.#lastSumNs;
    if (deltaNs > 0 && Number.isFinite(deltaNs)) to.sumNs += deltaNs;
    this.#lastSumNs = sumNs;
    return true;
  }
}

/** A running total on the agent thread: what several histograms in shared memory were merged into, or what the agent recorded itself. */
export class HistogramTotal implements HistogramSnapshot {
  readonly family: HistogramFamily;
  readonly counts: Float64Array;
  sumNs = 0;

  constructor(family: HistogramFamily) {
    this.family = family;
    this.counts = new Float64Array(CELL_ROOM);
  }

  record(durationNs: number): void {
    const cell = cellOf(this.family, durationNs);
    this.counts[cell] = (this.counts[cell] as number) + 1;
    if (durationNs > 0 && Number.isFinite(durationNs)) this.sumNs += durationNs;
  }

  /** Adds another one, or takes it off. */
  add({ counts, sumNs }: HistogramSnapshot, factor: 1 | -1 = 1): void {
    for (let cell = 0; cell < this.counts.length; cell++)
      this.counts[cell] = (this.counts[cell] as number) + factor * (counts[cell] ?? 0);
    this.sumNs += factor * sumNs;
  }

  /** Makes this one equal to another. */
  set({ counts, sumNs }: HistogramSnapshot): void {
    this.counts.set(counts);
    this.sumNs = sumNs;
  }
}

/** What a cell is part of; for the agent thread, which alone exports. */
interface CellBuckets {
  /** By cell: the explicit bucket. */
  readonly explicitIndex: Uint16Array;
  /** By cell: the exponential bucket, of scale 2. */
  readonly exponentialIndex: Int16Array;
}

const bucketsBuilt: Partial<Record<HistogramFamily, CellBuckets>> = {};

function bucketsOf(family: HistogramFamily): CellBuckets {
  return (bucketsBuilt[family] ??= buildBuckets(cellsOf(family), EXPLICIT_BOUNDS_S[family]));
}

function buildBuckets({ uppersS }: Cells, boundsS: readonly number[]): CellBuckets {
  const explicitIndex = Uint16Array.from(uppersS, (upper) => {
    const index = boundsS.findIndex((bound) => upper <= bound);
    return index < 0 ? boundsS.length : index;
  });
  const exponentialIndex = Int16Array.from(uppersS, (upper) =>
    upper === Number.POSITIVE_INFINITY ? MAX_EXPONENT * 4 : Math.ceil(Math.round(Math.log2(upper) * 4e6) / 1e6) - 1,
  );
  return { explicitIndex, exponentialIndex };
}

/** Counts by explicit bucket of the family: one more than it has bounds. */
export function explicitBuckets({ family, counts }: HistogramSnapshot): number[] {
  const buckets = new Array<number>(EXPLICIT_BOUNDS_S[family].length + 1).fill(0);
  const { explicitIndex } = bucketsOf(family);
  for (let cell = 0; cell < explicitIndex.length; cell++) {
    const bucket = explicitIndex[cell] as number;
    buckets[bucket] = (buckets[bucket] as number) + (counts[cell] ?? 0);
  }
  return buckets;
}

/** A base-2 exponential histogram: `counts[i]` lie in (2^((offset+i)/2^scale), 2^((offset+i+1)/2^scale)] seconds. */
export interface ExponentialBuckets {
  readonly scale: number;
  readonly offset: number;
  readonly counts: number[];
  readonly zeroCount: number;
}

/** Counts by exponential bucket, without the empty ones at either end. */
export function exponentialBuckets({ family, counts }: HistogramSnapshot): ExponentialBuckets {
  const { exponentialIndex } = bucketsOf(family);
  let first = 0;
  let last = exponentialIndex.length - 1;
  while (first <= last && !counts[first]) first++;
  while (last > first && !counts[last]) last--;
  if (first > last) return { scale: SCALE, offset: 0, counts: [], zeroCount: 0 };
  const offset = exponentialIndex[first] as number;
  const buckets = new Array<number>((exponentialIndex[last] as number) - offset + 1).fill(0);
  for (let cell = first; cell <= last; cell++) {
    const bucket = (exponentialIndex[cell] as number) - offset;
    buckets[bucket] = (buckets[bucket] as number) + (counts[cell] ?? 0);
  }
  return { scale: SCALE, offset, counts: buckets, zeroCount: 0 };
}

/** All durations added up, of each no more than its first `mostNs`: within the width of a cell, a fifth, and never more than they are in all. */
export function sumOfFirstNs({ family, counts, sumNs }: HistogramSnapshot, mostNs: number): number {
  const { uppersS } = cellsOf(family);
  let totalNs = 0;
  for (let cell = 0; cell < uppersS.length; cell++) {
    const count = counts[cell] ?? 0;
    if (count > 0) totalNs += count * Math.min(mostNs, (uppersS[cell] as number) * 1e9);
  }
  return Math.min(totalNs, sumNs);
}
