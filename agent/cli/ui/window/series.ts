/**
 * One metric series each, over a bounded stretch of time: counters, gauges and distributions. Runs in the process of
 * `gridwatch run --ui`. Times are milliseconds since the epoch, as the sender gave them. A series must stay bounded however
 * often its sender sends.
 */

/** Points closer together than this become one: the view draws twice a second. */
const MIN_STEP_MS = 500;

/** What every series does with time: points in order, none older than needed. */
abstract class Series<T> {
  protected readonly timesMs: number[] = [];
  protected readonly values: T[] = [];

  get lastMs(): number {
    return this.timesMs.at(-1) ?? 0;
  }

  get last(): T | undefined {
    return this.values.at(-1);
  }

  /** Forgets what is older, but for one point from which to count on. */
  prune(beforeMs: number): void {
    const firstKept = this.timesMs.findIndex((timeMs) => timeMs >= beforeMs);
    const stale = (firstKept < 0 ? this.timesMs.length : firstKept) - 1;
    if (stale <= 0) return;
    this.timesMs.splice(0, stale);
    this.values.splice(0, stale);
  }

  protected push(timeMs: number, value: T): void {
    const at = this.timesMs.length;
    if (at > 0 && timeMs < this.lastMs) return;
    const isTooClose = at > 1 && timeMs - (this.timesMs[at - 2] ?? 0) < MIN_STEP_MS;
    this.timesMs[isTooClose ? at - 1 : at] = timeMs;
    this.values[isTooClose ? at - 1 : at] = value;
  }

  /** What a growing quantity was at a time. Between two points it is taken to have grown evenly. */
  protected at(timeMs: number, quantityOf: (value: T) => number): number {
    const at = this.indexAt(timeMs);
    const value = this.values[Math.max(0, at)];
    if (value === undefined) return 0;
    const next = this.values[at + 1];
    if (at < 0 || next === undefined) return quantityOf(value);
    const beforeMs = this.timesMs[at] ?? 0;
    const afterMs = this.timesMs[at + 1] ?? 0;
    const share = afterMs > beforeMs ? (timeMs - beforeMs) / (afterMs - beforeMs) : 1;
    return quantityOf(value) + share * (quantityOf(next) - quantityOf(value));
  }

  /** The index of the last point at or before a time; -1 if all are later. */
  protected indexAt(timeMs: number): number {
    for (let at = this.timesMs.length - 1; at >= 0; at--) if ((this.timesMs[at] ?? 0) <= timeMs) return at;
    return -1;
  }
}

/** A monotonic sum. A value that falls is a restart at zero; deltas are added up. */
export class Counter extends Series<number> {
  #total = 0;
  #lastSent = 0;

  /** @param sinceMs where the counting began, for the first point: the value then was 0. */
  add(sinceMs: number, timeMs: number, value: number, isDelta: boolean): void {
    if (!Number.isFinite(value) || value < 0 || timeMs < this.lastMs) return;
    if (this.values.length === 0) this.push(Math.min(sinceMs, timeMs), 0);
    this.#total += isDelta || value < this.#lastSent ? value : value - this.#lastSent;
    this.#lastSent = value;
    this.push(timeMs, this.#total);
  }

  /** How much it grew between two times. */
  increase(fromMs: number, toMs: number): number {
    return Math.max(0, this.at(toMs, numberOf) - this.at(fromMs, numberOf));
  }
}

/** A gauge, or a sum that can fall. */
export class Gauge extends Series<number> {
  add(timeMs: number, value: number): void {
    if (Number.isFinite(value)) this.push(timeMs, value);
  }

  /** The mean of the points between two times; of the last one before where there is none. */
  mean(fromMs: number, toMs: number): number | undefined {
    const lastAt = this.indexAt(toMs);
    const firstAt = Math.min(lastAt, this.indexAt(fromMs) + 1);
    if (firstAt < 0) return undefined;
    const inside = this.values.slice(firstAt, lastAt + 1);
    return inside.reduce((sum, value) => sum + value, 0) / inside.length;
  }
}

/** Upper bounds in seconds, fine enough for durations from a tenth of a millisecond to a minute. The last cell is open. */
const CELLS_S = [1e-4, 1e-3, 5e-3, 0.01, 0.02, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, Infinity] as const;

interface Cells {
  readonly count: number;
  readonly sumS: number;
  readonly counts: readonly number[];
}

/** What a distribution collected in a stretch of time. */
export interface Durations {
  readonly count: number;
  readonly sumS: number;
  /** No duration was longer: the upper bound of the last cell in use. 0 without any, Infinity beyond the last bound. */
  readonly atMostS: number;
}

/** A histogram of durations in seconds, whatever buckets its sender uses. */
export class Distribution extends Series<Cells> {
  #total: Cells = { count: 0, sumS: 0, counts: CELLS_S.map(() => 0) };
  #lastSent: Cells = this.#total;

  /** @param buckets pairs of upper bound in seconds and count. */
  add(
    sinceMs: number,
    timeMs: number,
    sumS: number,
    buckets: Iterable<readonly [number, number]>,
    isDelta: boolean,
  ): void {
    if (!Number.isFinite(sumS) || timeMs < this.lastMs) return;
    const counts: number[] = CELLS_S.map(() => 0);
    let count = 0;
    for (const [boundS, bucketCount] of buckets) {
      if (!Number.isFinite(bucketCount)) return;
      const cell = CELLS_S.findIndex((upperS) => boundS <= upperS * (1 + 1e-9));
      counts[cell < 0 ? CELLS_S.length - 1 : cell]! += bucketCount;
      count += bucketCount;
    }
    const sent: Cells = { count, sumS, counts };
    if (this.values.length === 0) this.push(Math.min(sinceMs, timeMs), this.#total);
    const isFresh = isDelta || count < this.#lastSent.count;
    this.#total = plus(this.#total, isFresh ? sent : minus(sent, this.#lastSent));
    this.#lastSent = sent;
    this.push(timeMs, this.#total);
  }

  between(fromMs: number, toMs: number): Durations {
    const last = this.values[this.indexAt(toMs)];
    if (last === undefined) return { count: 0, sumS: 0, atMostS: 0 };
    const found = minus(last, this.values[Math.max(0, this.indexAt(fromMs))] ?? last);
    return {
      count: found.count,
      sumS: Math.max(0, found.sumS),
      atMostS: CELLS_S[found.counts.findLastIndex((count) => count > 0)] ?? 0,
    };
  }

  /** How much the sum of all durations grew between two times. */
  increaseS(fromMs: number, toMs: number): number {
    return Math.max(0, this.at(toMs, sumSOf) - this.at(fromMs, sumSOf));
  }
}

function numberOf(value: number): number {
  return value;
}

function sumSOf(cells: Cells): number {
  return cells.sumS;
}

function plus(a: Cells, b: Cells, sign = 1): Cells {
  return {
    count: a.count + sign * b.count,
    sumS: a.sumS + sign * b.sumS,
    counts: a.counts.map((count, cell) => count + sign * (b.counts[cell] ?? 0)),
  };
}

function minus(a: Cells, b: Cells): Cells {
  return plus(a, b, -1);
}
