/**
 * The thresholds past which what happened becomes a record, as application threads read them: in the header of the control buffer.
 *
 * Runs on the main thread before the agent thread starts, then on the agent thread.
 */
import { type ControlMemory, HEADER } from './layout.ts';

export interface Thresholds {
  readonly gcThresholdMs: number;
  readonly loopThresholdMs: number;
  readonly lockThresholdMs: number;
  readonly queueThresholdMs: number;
}

export function setThresholds({ f64 }: ControlMemory, thresholds: Thresholds): void {
  f64[HEADER.GC_THRESHOLD_NS >> 3] = thresholds.gcThresholdMs * 1e6;
  f64[HEADER.LOOP_THRESHOLD_NS >> 3] = thresholds.loopThresholdMs * 1e6;
  f64[HEADER.LOCK_THRESHOLD_NS >> 3] = thresholds.lockThresholdMs * 1e6;
  f64[HEADER.QUEUE_THRESHOLD_NS >> 3] = thresholds.queueThresholdMs * 1e6;
}
