/**
 * Counters whose true energy is known, and a source that reads them. For the tests of counters, in their process.
 */
import { CounterSource } from '../../../../../agent/agent-thread/energy/sources/counter-source.ts';
import type { EnergyInterval } from '../../../../../agent/agent-thread/energy/sources/energy-source.ts';
import { energyFile, type Machine, uptime } from '../machine-tree.ts';

export const SECOND_NS = 1e9;
export const MAX_W = 280;
export const PLACES = ['intel-rapl:0', 'intel-rapl:1', 'intel-rapl:0:0', 'intel-rapl:1:0'] as const;

/** Counters with a true energy each, which never wraps, of which the files show the rest. */
export class Counted implements Disposable {
  readonly tree: Machine;
  readonly trueUj: bigint[];
  readonly source: CounterSource;
  nowNs: number = 5 * SECOND_NS;
  sleptNs = 0;
  readonly #rangeUj: bigint | undefined;

  constructor(tree: Machine, startsUj: readonly bigint[], rangeUj: bigint | undefined, isStepped = false) {
    this.tree = tree;
    this.trueUj = [...startsUj];
    this.#rangeUj = rangeUj;
    const { sys, proc } = this.tree;
    this.show();
    this.source = new CounterSource({
      name: 'rapl',
      boundary: 'package',
      uncertainty: 1.15,
      tree: sys,
      proc,
      counters: startsUj.map((_, at) => ({
        file: sys.file(`class/powercap/${PLACES[at]}/energy_uj`),
        rangeUj,
        maxPowerW: MAX_W,
      })),
      isStepped,
    });
  }

  shown(at: number): bigint {
    const value = this.trueUj[at] as bigint;
    return this.#rangeUj === undefined ? value : value % this.#rangeUj;
  }

  show(): void {
    for (const at of this.trueUj.keys()) this.tree.write({ [energyFile(PLACES[at] as string)]: `${this.shown(at)}\n` });
    this.tree.write(uptime(this.nowNs, this.sleptNs));
  }

  /** Lets time go by, and energy with it. */
  run(durationNs: number, ...watts: readonly number[]): void {
    this.nowNs += durationNs;
    for (const [at, powerW] of watts.entries())
      this.trueUj[at] = (this.trueUj[at] as bigint) + BigInt(Math.round((powerW * durationNs) / 1000));
    this.show();
  }

  read(): EnergyInterval | undefined {
    return this.source.read(this.nowNs);
  }

  [Symbol.dispose](): void {
    this.source.dispose();
    this.tree[Symbol.dispose]();
  }
}
