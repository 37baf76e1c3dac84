/**
 * The thresholds past which what happened becomes a record, as application threads read them: in the header of the control buffer.
 *
 * Runs on the main thread before the agent thread starts, then on the agent thread.
 */
import { type ControlMemory, HEADER } from '../shared-memory/layout.ts';
import type { Config } from './options.ts';

export function setThresholds({ f64 }: ControlMemory, config: Config): void {
  f64[HEADER.GC_THRESHOLD_NS >> 3] = config.gcThresholdMs * 1e6;
  f64[HEADER.LOOP_THRESHOLD_NS >> 3] = config.loopThresholdMs * 1e6;
  f64[HEADER.LOCK_THRESHOLD_NS >> 3] = config.lockThresholdMs * 1e6;
  f64[HEADER.QUEUE_THRESHOLD_NS >> 3] = config.queueThresholdMs * 1e6;
}
