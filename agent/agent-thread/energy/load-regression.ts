/**
 * Parts what a machine draws anyway from what it draws for its work: the line `P = idle + span * load` through what was seen, by least squares.
 *
 * Runs on the agent thread. Plain reckoning of six sums; it never reads anything, nor throws. What draws the same at every load, a screen above all, is in `idle` and
 * not in `span`. What was seen earlier counts less: a screen is dimmed, a machine warms up.
 */

/** The weight of each look when the next one comes: of half an hour at two looks a minute about half is left. */
const KEPT = 0.99;
/** A line through fewer has no error that could be believed. */
const MIN_LOOKS = 6;

export interface LoadLine {
  readonly idleW: number;
  readonly spanW: number;
  /** Standard error of `spanW` against it. */
  readonly relativeError: number;
}

export class LoadRegression {
  readonly #minSpread: number;
  #looks = 0;
  #weight = 0;
  #meanLoad = 0;
  #meanW = 0;
  /** Weighted sums of the squares, and of the products, of the differences from the means. */
  #loads = 0;
  #watts = 0;
  #products = 0;

  /** `minSpread`: the standard deviation of the loads below which they are one load, and say nothing of others. */
  constructor(minSpread: number) {
    this.#minSpread = minSpread;
  }

  /** What was drawn at a load; both are means over one and the same time. */
  add(load: number, powerW: number): void {
    this.#looks++;
    this.#weight = this.#weight * KEPT + 1;
    const loadAhead = load - this.#meanLoad;
    const wattsAhead = powerW - this.#meanW;
    this.#meanLoad += loadAhead / this.#weight;
    this.#meanW += wattsAhead / this.#weight;
    this.#loads = this.#loads * KEPT + loadAhead * (load - this.#meanLoad);
    this.#watts = this.#watts * KEPT + wattsAhead * (powerW - this.#meanW);
    this.#products = this.#products * KEPT + loadAhead * (powerW - this.#meanW);
  }

  /** Undefined until enough was seen, at loads that differ enough, and unless more work takes more power. */
  line(): LoadLine | undefined {
    if (this.#looks < MIN_LOOKS || Math.sqrt(this.#loads / this.#weight) < this.#minSpread) return undefined;
    const spanW = this.#products / this.#loads;
    if (!(spanW > 0)) return undefined;
    const unexplained = Math.max(0, this.#watts - spanW * this.#products);
    const relativeError = Math.sqrt(unexplained / (this.#weight - 2) / this.#loads) / spanW;
    return { idleW: this.#meanW - spanW * this.#meanLoad, spanW, relativeError };
  }
}
