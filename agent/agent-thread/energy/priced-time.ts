/**
 * What the time that many things have taken has cost, each piece of it at the rate of when it was first told of.
 *
 * Runs on the agent thread. Plain reckoning; it never reads anything, nor throws. What is gone is forgotten with the thing.
 */

interface Priced {
  ns: number;
  energyUj: number;
}

export class PricedTime<Of extends object> {
  readonly #priced = new WeakMap<Of, Priced>();

  /** All that it has cost so far: it has taken `ns` in all, and what is new of that at `powerW`. */
  energyUj(of: Of, ns: number, powerW: number): number {
    const priced = this.#priced.get(of) ?? { ns: 0, energyUj: 0 };
    this.#priced.set(of, priced);
    priced.energyUj += (powerW * Math.max(0, ns - priced.ns)) / 1e3;
    priced.ns = Math.max(priced.ns, ns);
    return priced.energyUj;
  }
}
