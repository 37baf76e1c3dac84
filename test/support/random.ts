/**
 * Random numbers that a seed repeats. Runs on every thread of a test: each makes its own from a seed it is given.
 * `GRIDWATCH_TEST_SEED` sets the seed of a run; every stress test prints the one it had.
 */
export const runSeed: number = Number(process.env['GRIDWATCH_TEST_SEED'] ?? Date.now() % 0x7fffffff);

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** mulberry32: a number from 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Lets other threads go on in between: mostly not at all, sometimes for a few steps, seldom for a millisecond. */
  pause(): void {
    const kind = this.below(1000);
    if (kind === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    else if (kind < 50) for (let left = this.below(500); left > 0; left--) this.next();
  }
}
