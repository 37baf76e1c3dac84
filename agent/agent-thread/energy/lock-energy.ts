/**
 * What waiting for the locks of each class has cost: an "of which" of the energy of the threads, and apart from it the idle power that went by meanwhile.
 *
 * Runs on the agent thread, when a reader wants the numbers. It must never throw.
 *
 * `E = j * sum of min(wait, t_spin + c_sw)`: a wait spins for a moment, and if that was not enough it takes its thread off the CPU and on again. One that was over before has
 * done no more than it has lasted. A thread that is parked costs nothing more, however long; what goes by then is the idle power of a CPU that the process keeps for it, `P_idle / CPUs * wait`. Waits of
 * promises, of Web Locks and of `acquireAsync` block no thread. `j` is what a busy CPU draws, of the time since the last look.
 */
import type { LockClass } from '../model/lock-classes.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { PricedTime } from './priced-time.ts';

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

export class LockEnergy implements MetricSource {
  readonly #settings: LockEnergySettings;
  readonly #active = new PricedTime<LockClass>();
  readonly #idle = new PricedTime<LockClass>();

  constructor(settings: LockEnergySettings) {
    this.#settings = settings;
  }

  collect(sink: MetricSink): void {
    const { classes, rates } = this.#settings;
    for (const lockClass of classes()) {
      const { waits, waitedNs } = lockClass.contention;
      if (waits === 0) continue;
      const lock = { 'gridwatch.lock.name': lockClass.name, 'gridwatch.lock.kind': lockClass.kind };
      const activeUj = this.#active.energyUj(lockClass, this.#cpuNs(lockClass), rates.powerPerCpuW);
      sink.sum('gridwatch.lock.energy', lock, activeUj);
      sink.sum('gridwatch.lock.idle_energy', lock, this.#idle.energyUj(lockClass, waitedNs, rates.idlePowerPerCpuW));
    }
  }

  /** The CPU time of all waits so far. */
  #cpuNs(lockClass: LockClass): number {
    const { waits, asyncWaits } = lockClass.contention;
    const blocked = BLOCKING_KINDS.has(lockClass.kind) ? Math.max(0, waits - asyncWaits) : 0;
    /* Which of the waits were asynchronous is not known of each. */
    return blocked === 0 ? 0 : (blocked / waits) * lockClass.waitedFirstNs(MAX_SPIN_NS + this.#settings.switchNs());
  }
}
