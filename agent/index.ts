/**
 * The public entry point: for programs that start the agent themselves, or want their records delivered at a moment of their own.
 * Runs on the main thread; on a worker `start` does nothing.
 */
export type { ActiveSpanContext } from './active-span-context.ts';
export type { BullmqTelemetry } from './config/bullmq-telemetry.ts';
export type { InstrumentLockOptions } from './config/instrument-lock-options.ts';
export type { InstrumentQueueOptions } from './config/instrument-queue-options.ts';
export type { Config, Feature, GridwatchOptions, HandledSignal, LogMode } from './config/options.ts';
export type { PowerEstimate, PowerModelInput } from './config/power-estimate.ts';
/* From the preload: in the package it is one joined file, and both must be the same module instance. */
export {
  activeSpanContext,
  bullmqTelemetry,
  estimatePower,
  flush,
  instrumentLock,
  instrumentQueue,
  shutdown,
  start,
} from './preload.ts';
