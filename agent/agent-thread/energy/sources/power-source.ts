/**
 * Energy from meters of power: what is drawn at two readings, times the time between them. For machines that have a meter and no counter.
 *
 * Runs on the agent thread, once a second. It must never throw, and never tell energy for a time it knows nothing of. What holds:
 *
 * - N7. The power in between is the mean of both ends; the sum of all energies told is that of the exact areas, less than a microjoule apart.
 * - N8. A read that fails, of any meter, a sleep, or half a minute without a reading ends the area: it begins anew at the next good one.
 */
import type { ProcFile, ProcTree } from '../../host/proc.ts';
import { complaintOf, readCounter } from './counter-source.ts';
import type { EnergyBoundary, EnergyInterval, EnergySource } from './energy-source.ts';
import { SuspendWatch } from './suspend.ts';

export interface PowerSourceSettings {
  readonly boundary: EnergyBoundary;
  /** The tree of all the meters' files. */
  readonly tree: ProcTree;
  /** Files of microwatts, whose sum is the boundary's power. */
  readonly meters: readonly ProcFile[];
  readonly proc: ProcTree;
}

/** What happens between two looks at a meter is not seen. No published bound: twice that of a counter in logarithms. */
const UNCERTAINTY = 1.3;

/** Two values that are further apart say nothing of what lay between them. */
const MAX_INTERVAL_NS = 30_000_000_000n;

/** A megawatt: a meter of one machine that says more is broken. */
const MAX_POWER_UW = 1_000_000_000_000n;

/** The mean of two powers is half of their sum, and a microwatt over a nanosecond is 10^-9 uJ. */
const PARTS_PER_UJ = 2_000_000_000n;

export class PowerSource implements EnergySource {
  readonly name = 'hwmon';
  readonly boundary: EnergyBoundary;
  readonly uncertainty: number = UNCERTAINTY;
  readonly isMeasured = true;
  readonly idlePowerW = undefined;
  readonly #settings: PowerSourceSettings;
  readonly #suspend: SuspendWatch;
  #before: { readonly powerUw: bigint; readonly atNs: bigint } | undefined;
  #remainder = 0n;
  #silence = '';

  constructor(settings: PowerSourceSettings) {
    this.boundary = settings.boundary;
    this.#settings = settings;
    this.#suspend = new SuspendWatch(settings.proc);
  }

  get silence(): string {
    return this.#silence;
  }

  read(nowNs: number): EnergyInterval | undefined {
    this.#silence = '';
    const powerUw = this.#readAll();
    const hasSlept = this.#suspend.hasSlept(nowNs);
    const before = this.#before;
    if (powerUw === undefined) {
      this.#before = undefined;
      return undefined;
    }
    const atNs = BigInt(Math.round(nowNs));
    const durationNs = before === undefined ? 0n : atNs - before.atNs;
    this.#before = { powerUw, atNs };
    if (before === undefined || hasSlept || durationNs <= 0n || durationNs > MAX_INTERVAL_NS) return undefined;
    const parts = (before.powerUw + powerUw) * durationNs + this.#remainder;
    this.#remainder = parts % PARTS_PER_UJ;
    if (parts === 0n) this.#silence = 'its meters say 0 W';
    return { energyUj: Number(parts / PARTS_PER_UJ), durationNs: Number(durationNs) };
  }

  dispose(): void {
    for (const meter of this.#settings.meters) meter.close();
    this.#suspend.dispose();
  }

  #readAll(): bigint | undefined {
    let totalUw = 0n;
    for (const meter of this.#settings.meters) {
      const powerUw = readCounter(meter, this.#settings.tree);
      if (powerUw === undefined || powerUw > MAX_POWER_UW) {
        this.#silence = powerUw === undefined ? complaintOf(meter) : `${meter.path} says more than any machine draws`;
        return undefined;
      }
      totalUw += powerUw;
    }
    return totalUw;
  }
}
