/**
 * The public entry point: for programs that start the agent themselves, or want their records delivered at a moment of their own.
 */
export type { Config, Feature, GridwatchOptions, HandledSignal, LogMode } from './config/options.ts';
export { flush, shutdown, start } from './start.ts';
