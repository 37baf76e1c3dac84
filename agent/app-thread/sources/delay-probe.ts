/**
 * Event loop delays, as if something became due every 20 ms: it waits for nothing while the loop is idle, and for the rest of the turn while it is not.
 * So a turn counts for as long as it lasted, however often anybody looked.
 *
 * Runs on application threads. Plain arithmetic: the time that passed is given piece by piece, in order.
 */
const PROBE_NS = 20e6;
/** A turn of hours is not written down to its end. */
const MAX_PROBES = 10_000;

export class DelayProbe {
  readonly #record: (delayNs: number, weight: number) => void;
  /** When the next one is due, after the time given so far. */
  #nextInNs = 0;

  constructor(record: (delayNs: number, weight: number) => void) {
    this.#record = record;
  }

  /** The loop had nothing to do. */
  idle(durationNs: number): void {
    const probes = Math.ceil((durationNs - this.#nextInNs) / PROBE_NS);
    if (probes > 0) {
      this.#record(0, probes);
      this.#nextInNs += probes * PROBE_NS;
    }
    this.#nextInNs -= durationNs;
  }

  /** One turn. */
  active(durationNs: number): void {
    for (let probes = 0; this.#nextInNs <= durationNs && probes < MAX_PROBES; probes++) {
      this.#record(durationNs - this.#nextInNs, 1);
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
