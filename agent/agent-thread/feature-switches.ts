/**
 * Which features run at this moment: those the program was started with, less those the control file has switched off, less those the agent has shed
 * to keep within its budget.
 *
 * Runs on the agent thread, the only one that decides. Application threads are told by a word of shared memory. A feature that was off when the
 * program started has nothing in place on those threads, so it can never be switched on here.
 */
import { featureBits } from '../config/feature-bits.ts';
import { type Config, FEATURES, type Feature } from '../config/options.ts';
import { type ControlMemory, HEADER } from '../shared-memory/layout.ts';
import type { DisabledFeatures } from './model/self.ts';
import type { MetricSource } from './telemetry/metrics.ts';

export class FeatureSwitches {
  readonly #memory: ControlMemory;
  readonly #started: Config['features'];
  readonly #disabled: DisabledFeatures;
  #wanted: Config['features'];
  #shed: readonly Feature[] = [];
  #isOff = false;

  constructor(memory: ControlMemory, started: Config['features'], disabled: DisabledFeatures) {
    this.#memory = memory;
    this.#started = started;
    this.#wanted = started;
    this.#disabled = disabled;
    this.#apply();
  }

  /** Whether the whole agent is switched off. */
  get isOff(): boolean {
    return this.#isOff;
  }

  isOn(feature: Feature): boolean {
    return !this.#isOff && this.isWanted(feature) && !this.#shed.includes(feature);
  }

  /** Whether the feature would run if there were no budget. */
  isWanted(feature: Feature): boolean {
    return this.#started[feature] && this.#wanted[feature];
  }

  /** What the operator wants from now on. */
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
    const unwanted = FEATURES.filter((feature) => !this.isWanted(feature));
    this.#disabled.show('configured', unwanted);
    this.#disabled.show(
      'budget',
      this.#shed.filter((feature) => this.isWanted(feature)),
    );
  }
}
