/**
 * What a busy CPU of the process has drawn, reading by reading: work that has lasted for several of them is priced by all, not by the last one.
 *
 * Runs on the agent thread. Plain reckoning; it never reads anything, nor throws.
 *
 * The mean is one over CPU time, `sum of energy / sum of CPU time`: a reading of a time in which hardly anything ran says little of what a busy CPU draws, and
 * weighs as little.
 */

/** Ten minutes. What has lasted for longer has the mean of those. */
const MAX_READINGS = 600;

/** Sums since the beginning, at the end of a reading. */
interface Reading {
  readonly untilNs: number;
  readonly activeUj: number;
  readonly usedNs: number;
}

export class RateHistory {
  /** The first one is where the history begins. */
  readonly #readings: Reading[] = [];

  /** The process has used CPU time, above 0, up to that moment, and what it drew for it. */
  add(untilNs: number, activeUj: number, usedNs: number): void {
    const last = this.#readings.at(-1) ?? { activeUj: 0, usedNs: 0 };
    if (this.#readings.length === 0) this.#readings.push({ untilNs: Number.NEGATIVE_INFINITY, activeUj: 0, usedNs: 0 });
    this.#readings.push({ untilNs, activeUj: last.activeUj + activeUj, usedNs: last.usedNs + usedNs });
    if (this.#readings.length > MAX_READINGS + 1) this.#readings.shift();
  }

  /** Watts for each busy CPU, in all readings that have a part of that time; of a time that none covers, those of the nearest one; 0 before the first. */
  meanPowerPerCpuW(fromNs: number, untilNs: number): number {
    const readings = this.#readings;
    const end = readings.findLastIndex((reading) => reading.untilNs < untilNs) + 1;
    const last = Math.max(1, Math.min(end, readings.length - 1));
    const begin = readings.findLastIndex((reading) => reading.untilNs <= fromNs);
    const from = readings[Math.max(0, Math.min(begin, last - 1))];
    const to = readings[last];
    if (from === undefined || to === undefined) return 0;
    /* A watt is a microjoule a microsecond. */
    return ((to.activeUj - from.activeUj) * 1e3) / (to.usedNs - from.usedNs);
  }
}
