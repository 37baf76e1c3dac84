/**
 * Puts into effect what is changed while the program runs: features, thresholds, limits, and whether there is an agent at all.
 *
 * Runs on the agent thread, for the control file. Application threads see a change in shared memory, at their next event.
 */
import type { Config } from '../config/options.ts';
import { type ControlMemory, HEADER } from '../shared-memory/layout.ts';
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
  memory.f64[HEADER.GC_THRESHOLD_NS >> 3] = config.gcThresholdMs * 1e6;
  memory.f64[HEADER.LOOP_THRESHOLD_NS >> 3] = config.loopThresholdMs * 1e6;
  memory.f64[HEADER.LOCK_THRESHOLD_NS >> 3] = config.lockThresholdMs * 1e6;
  memory.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] = config.queueThresholdMs * 1e6;
  switches.want(config.features, isOff);
  telemetry.metrics.limit(config.metricsMaxSeries);
  telemetry.isSilent = isOff;
  breaker.limit(config);
}
