/**
 * What the node draws when nobody uses it. A model says so itself; of a measured source it is the least that was seen while the CPUs were quiet.
 *
 * Runs on the agent thread. Plain reckoning; it never reads anything, nor throws.
 */

/** Quieter than this, for so long, counts as idle (ENERGY.md). */
const QUIET_UTILIZATION = 0.02;
const QUIET_NS = 5e9;
/** The least that was seen is believed for about so long: a machine's idle power moves with its temperature, and with what is plugged in. */
const DECAY_NS = 3600e9;

export class IdlePower {
  #powerW: number;
  #wasQuiet = false;
  #quietNs = 0;
  #quietUj = 0;

  /** `tableW`: what to believe until a quiet time was seen. */
  constructor(tableW: number) {
    this.#powerW = tableW;
  }

  get powerW(): number {
    return this.#powerW;
  }

  /** An interval of a measured source. */
  saw(energyUj: number, durationNs: number, utilization: number): void {
    if (durationNs <= 0) return;
    const seenW = (energyUj * 1e3) / durationNs;
    if (utilization >= QUIET_UTILIZATION) {
      this.#quietNs = this.#quietUj = 0;
      /* A node never draws less at work than idle. */
      this.#powerW = Math.min(this.#powerW, seenW);
      return;
    }
    this.#quietNs += durationNs;
    this.#quietUj += energyUj;
    if (this.#quietNs < QUIET_NS) return;
    const quietW = (this.#quietUj * 1e3) / this.#quietNs;
    /* A table does not know this machine: of what it says nothing is kept. */
    const kept = this.#wasQuiet ? Math.exp(-this.#quietNs / DECAY_NS) : 0;
    this.#wasQuiet = true;
    this.#powerW = quietW < this.#powerW ? quietW : this.#powerW * kept + quietW * (1 - kept);
    this.#quietNs = this.#quietUj = 0;
  }
}
