/**
 * Reads the energy of a program out of one collection of what would be exported of it, so that a person is told the same numbers.
 *
 * Runs in the process of `gridwatch observe`. Plain bookkeeping.
 */
import { UNCERTAINTY } from '../agent-thread/energy/uncertainty.ts';
import type { Attributes } from '../agent-thread/telemetry/catalog.ts';
import type { MetricSink } from '../agent-thread/telemetry/metrics.ts';

/** By how much the ratio of two energies of one host can be off, with 90 %. */
export const SAME_HOST_FACTOR: number = UNCERTAINTY.sameHost;

export interface EnergyTold {
  readonly activeUj: number;
  readonly idleUj: number;
  /** `gridwatch.energy.source` and `.boundary`. */
  readonly source: string;
  readonly boundary: string;
  /** The truth lies in [value / uncertainty, value * uncertainty] with 90 %. */
  readonly uncertainty: number;
}

export class EnergyTally implements MetricSink {
  #told: { -readonly [K in keyof EnergyTold]: EnergyTold[K] } | undefined;

  /** Undefined where no energy was told of. */
  get told(): EnergyTold | undefined {
    return this.#told;
  }

  sum(name: string, attributes: Attributes, value: number): void {
    if (name !== 'gridwatch.process.energy') return;
    this.#told ??= {
      activeUj: 0,
      idleUj: 0,
      source: '',
      boundary: '',
      uncertainty: 1,
    };
    /* A source that broke has sums of its own, before those of the next one. */
    this.#told.source = String(attributes['gridwatch.energy.source']);
    this.#told.boundary = String(attributes['gridwatch.energy.boundary']);
    this.#told[attributes['gridwatch.energy.component'] === 'active' ? 'activeUj' : 'idleUj'] += value;
  }

  gauge(name: string, _attributes: Attributes, value: number): void {
    if (name === 'gridwatch.energy.uncertainty' && this.#told !== undefined) this.#told.uncertainty = value;
  }

  histogram(): void {}
}
