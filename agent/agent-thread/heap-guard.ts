/**
 * Ends the agent thread when its heap stays above its limit, so that the main thread starts it anew: every buffer is bounded, and this is for the
 * one that was forgotten.
 *
 * Runs on the agent thread. `resourceLimits` would not do: a burst past it kills the whole process.
 */
const CHECK_INTERVAL_NS = 5e9;
/** The used heap includes garbage: only what is above the limit at this many checks in a row is kept by somebody. */
const CHECKS_IN_A_ROW = 6;

export class HeapGuard {
  readonly #limitBytes: number;
  readonly #onExceeded: (usedBytes: number) => void;
  #lastCheckNs = 0;
  #exceeded = 0;

  constructor(limitBytes: number, onExceeded: (usedBytes: number) => void) {
    this.#limitBytes = limitBytes;
    this.#onExceeded = onExceeded;
  }

  /** To be called often; looks every 5 s. */
  check(nowNs: number, usedBytes: () => number): void {
    if (nowNs - this.#lastCheckNs < CHECK_INTERVAL_NS) return;
    this.#lastCheckNs = nowNs;
    const used = usedBytes();
    this.#exceeded = used > this.#limitBytes ? this.#exceeded + 1 : 0;
    if (this.#exceeded === CHECKS_IN_A_ROW) this.#onExceeded(used);
  }
}
