/**
 * The one clock of the agent: nanoseconds since a base that all threads of the process share.
 *
 * Runs on every thread. `process.hrtime` reads the same monotonic clock on each of them, so two threads' times may be subtracted from
 * one another. A `number` holds nanoseconds exactly for 104 days after the base and to 2 ns for 208 days.
 * An application thread calls `toHrTime` only where no agent does: else it is the agent thread alone that follows the wall clock.
 */
const hrtime = process.hrtime;

/** A wall-clock step smaller than this is the resolution of `Date.now()` and the slew of NTP, not a step. */
const ANCHOR_TOLERANCE_MS = 5;

/** Epoch time as OpenTelemetry has it: seconds, and nanoseconds within the second. */
export type HrTime = [number, number];

export class Clock {
  /** `process.hrtime()[0]` at the base: what the other threads of the process are given to read the same clock. */
  readonly baseS: number;
  #anchorNs = 0;
  #anchorEpochS = 0;
  #anchorEpochNs = 0;

  constructor(baseS: number = hrtime()[0]) {
    this.baseS = baseS;
  }

  /** Nanoseconds since the base. Costs 32-43 ns. */
  nowNs(): number {
    const now = hrtime();
    return (now[0] - this.baseS) * 1e9 + now[1];
  }

  /** Maps a time of this clock to the epoch, by the last anchor; takes the first one when there is none. */
  toHrTime(ns: number): HrTime {
    if (this.#anchorEpochS === 0) this.reanchor();
    /* Rounded before it is split: 999 999 999.6 ns are the next second. */
    const sinceAnchorNs = Math.round(ns - this.#anchorNs + this.#anchorEpochNs);
    const seconds = Math.floor(sinceAnchorNs / 1e9);
    return [this.#anchorEpochS + seconds, sinceAnchorNs - seconds * 1e9];
  }

  /**
   * Follows the wall clock: to be called every few seconds. The first anchor has the microseconds of `performance.timeOrigin`; a later one
   * replaces it only when the wall clock was set, or has drifted away by more than 5 ms, and then has the milliseconds of `Date.now()`.
   */
  reanchor(): void {
    const nowNs = this.nowNs();
    const wallMs = Date.now();
    if (this.#anchorEpochS !== 0) {
      const [seconds, nanoseconds] = this.toHrTime(nowNs);
      if (Math.abs(seconds * 1e3 + nanoseconds / 1e6 - wallMs) <= ANCHOR_TOLERANCE_MS) return;
      this.#setAnchor(nowNs, wallMs);
      return;
    }
    const preciseMs = performance.timeOrigin + performance.now();
    this.#setAnchor(nowNs, Math.abs(preciseMs - wallMs) <= ANCHOR_TOLERANCE_MS ? preciseMs : wallMs);
  }

  #setAnchor(nowNs: number, epochMs: number): void {
    this.#anchorNs = nowNs;
    this.#anchorEpochS = Math.floor(epochMs / 1e3);
    this.#anchorEpochNs = (epochMs - this.#anchorEpochS * 1e3) * 1e6;
  }
}
