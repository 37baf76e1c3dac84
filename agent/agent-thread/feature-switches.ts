/**
 * Which features run at this moment: those that are wanted, less those the agent has shed to keep within its budget.
 *
 * Runs on the agent thread, the only one that decides. Application threads are told by a word of shared memory, and look at it when they have
 * something to record.
 */
import { featureBits } from '../config/feature-bits.ts';
import { type Config, FEATURES, type Feature } from '../config/options.ts';
import { type ControlMemory, HEADER } from '../shared-memory/layout.ts';
import type { DisabledFeatures } from './model/self.ts';
import type { MetricSource } from './telemetry/metrics.ts';

export class FeatureSwitches {
  readonly #memory: ControlMemory;
  readonly #disabled: DisabledFeatures;
  #wanted: Config['features'];
  #shed: readonly Feature[] = [];
  #isOff = false;

  constructor(memory: ControlMemory, wanted: Config['features'], disabled: DisabledFeatures) {
    this.#memory = memory;
    this.#wanted = wanted;
    this.#disabled = disabled;
    this.#apply();
  }

  /** Whether the whole agent is switched off. */
  get isOff(): boolean {
    return this.#isOff;
  }

  isOn(feature: Feature): boolean {
    return !this.#isOff && this.#wanted[feature] && !this.#shed.includes(feature);
  }

  /** What is wanted from now on: nothing that was not when the program started, because application threads have nothing in place for it. */
  want(features: Config['features'], isOff: boolean): void {
    this.#wanted = features;
    this.#isOff = isOff;
    this.#apply();
  }

  /** What there is no budget for from now on. */
  shed(features: readonly Feature[]): void {
    this.#shed = features;
    this.#apply();
  }

  /** The source as long as the feature runs, and nothing while it does not. */
  gate(feature: Feature, source: MetricSource): MetricSource {
    return {
      collect: (sink) => {
        if (this.isOn(feature)) source.collect(sink);
      },
    };
  }

  #apply(): void {
    const off = FEATURES.filter((feature) => !this.isOn(feature));
    Atomics.store(this.#memory.i32, HEADER.FEATURES_OFF >> 2, featureBits(off));
    this.#disabled.show(
      'configured',
      FEATURES.filter((feature) => !this.#wanted[feature]),
    );
    this.#disabled.show(
      'budget',
      this.#shed.filter((feature) => this.#wanted[feature]),
    );
  }
}
