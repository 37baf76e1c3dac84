/**
 * Puts into effect what is changed while the program runs: features, thresholds, limits, and whether there is an agent at all.
 *
 * Runs on the agent thread, for the control file. Application threads see a change in shared memory, at their next event.
 */
import type { Config } from '../config/options.ts';
import type { ControlMemory } from '../shared-memory/layout.ts';
import { setThresholds } from '../shared-memory/thresholds.ts';
import type { Breaker } from './breaker.ts';
import type { FeatureSwitches } from './feature-switches.ts';
import type { Telemetry } from './telemetry/sdk.ts';

export interface LiveSettingsTargets {
  readonly memory: ControlMemory;
  readonly switches: FeatureSwitches;
  readonly telemetry: Telemetry;
  readonly breaker: Breaker;
}

export function applySettings(
  { memory, switches, telemetry, breaker }: LiveSettingsTargets,
  config: Config,
  isOff: boolean,
): void {
  setThresholds(memory, config);
  switches.want(config.features, isOff);
  telemetry.metrics.limit(config.metricsMaxSeries);
  telemetry.isSilent = isOff;
  breaker.limit(config);
}
