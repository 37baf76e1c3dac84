/**
 * What waiting for the locks of each class has cost: an "of which" of the energy of the threads, and apart from it the idle power that went by meanwhile.
 *
 * Runs on the agent thread, when a reader wants the numbers. It must never throw.
 *
 * `E = j * waits * (t_spin + c_sw)`: a wait spins for a moment, and if that was not enough it takes its thread off the CPU and on again. A thread that is parked
 * costs nothing more, however long; what goes by then is the idle power of a CPU that the process keeps for it, `P_idle / CPUs * wait`. Waits of
 * promises and Web Locks block no thread. `j` is what a busy CPU draws, of the time since the last look.
 */
import type { LockClass } from '../model/lock-classes.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';

/** The longest that `gridwatch/sync` spins before it parks: a hundred pauses. */
const MAX_SPIN_NS = 5e3;

const BLOCKING_KINDS: ReadonlySet<string> = new Set([
  'mutex',
  'rwlock',
  'semaphore',
  'condition',
  'barrier',
  'atomics',
]);

export interface LockEnergySettings {
  readonly classes: () => Iterable<LockClass>;
  readonly rates: { readonly powerPerCpuW: number; readonly idlePowerPerCpuW: number };
  /** CPU time of a switch away from a thread and back to it. */
  readonly switchNs: () => number;
}

interface Priced {
  waits: number;
  waitedNs: number;
  activeUj: number;
  idleUj: number;
}

export class LockEnergy implements MetricSource {
  readonly #settings: LockEnergySettings;
  readonly #priced = new WeakMap<LockClass, Priced>();

  constructor(settings: LockEnergySettings) {
    this.#settings = settings;
  }

  collect(sink: MetricSink): void {
    const { classes } = this.#settings;
    for (const lockClass of classes()) {
      const { waits, waitedNs } = lockClass.contention;
      if (waits === 0) continue;
      const priced = this.#price(lockClass, waits, waitedNs);
      const lock = { 'gridwatch.lock.name': lockClass.name, 'gridwatch.lock.kind': lockClass.kind };
      sink.sum('gridwatch.lock.energy', lock, priced.activeUj);
      sink.sum('gridwatch.lock.idle_energy', lock, priced.idleUj);
    }
  }

  #price(lockClass: LockClass, waits: number, waitedNs: number): Priced {
    const { rates, switchNs } = this.#settings;
    const priced = this.#priced.get(lockClass) ?? { waits: 0, waitedNs: 0, activeUj: 0, idleUj: 0 };
    this.#priced.set(lockClass, priced);
    const newWaits = Math.max(0, waits - priced.waits);
    const newNs = Math.max(0, waitedNs - priced.waitedNs);
    if (newWaits > 0 && BLOCKING_KINDS.has(lockClass.kind)) {
      const spinNs = Math.min(MAX_SPIN_NS, newNs / newWaits);
      priced.activeUj += (rates.powerPerCpuW * newWaits * (spinNs + switchNs())) / 1e3;
    }
    priced.idleUj += (rates.idlePowerPerCpuW * newNs) / 1e3;
    priced.waits = waits;
    priced.waitedNs = waitedNs;
    return priced;
  }
}
