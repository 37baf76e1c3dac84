/**
 * What a user may tell an instrumentation.
 *
 * Runs on application threads that import `gridwatch/instrumentations`: types only.
 */
import type { InstrumentationConfig } from '@opentelemetry/instrumentation';

export interface PromiseLockInstrumentationConfig extends InstrumentationConfig {
  /**
   * Without the agent, a wait that lasts this long in a sampled trace becomes a span; with it, its own option holds. In milliseconds. Default 20.
   */
  readonly lockThresholdMs?: number | undefined;
}

export interface QueueInstrumentationConfig extends InstrumentationConfig {
  /**
   * Without the agent, an item that waits this long in a sampled trace becomes a span, as each task of a worker pool in one does; with it, its own option holds.
   * In milliseconds. Default 20.
   */
  readonly queueThresholdMs?: number | undefined;
}
