/**
 * Event loop delays, as if something became due every 20 ms: while the loop is active it waits for the rest of the turn, so that a turn counts for as
 * long as it lasted, however often anybody looked. What becomes due while the loop is idle waits for nothing; the agent thread knows how much that is.
 *
 * Runs on application threads. Plain arithmetic: the time that passed is given piece by piece, in order.
 */
const PROBE_NS = 20e6;
/** A turn of hours is not written down to its end. */
const MAX_PROBES = 10_000;

export class DelayProbe {
  readonly #record: (delayNs: number) => void;
  /** When the next one is due, after the time given so far. */
  #nextInNs = 0;

  constructor(record: (delayNs: number) => void) {
    this.#record = record;
  }

  /** The loop had nothing to do. */
  idle(durationNs: number): void {
    const passed = Math.max(0, Math.ceil((durationNs - this.#nextInNs) / PROBE_NS));
    this.#nextInNs += passed * PROBE_NS - durationNs;
  }

  /** One turn. */
  active(durationNs: number): void {
    for (let probes = 0; this.#nextInNs <= durationNs && probes < MAX_PROBES; probes++) {
      this.#record(durationNs - this.#nextInNs);
      this.#nextInNs += PROBE_NS;
    }
    this.#nextInNs = Math.max(0, this.#nextInNs - durationNs);
  }

  /** Something of ours was due, and came so late. */
  late(durationNs: number): void {
    this.#nextInNs = 0;
    this.active(durationNs);
  }
}
