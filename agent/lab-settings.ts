/**
 * What the lab modes need in every thread, as the configuration wants it.
 *
 * Runs on the main thread, once.
 */
import type { LabSettings } from './app-thread/ticket.ts';
import type { Config } from './config/options.ts';
import { RaceMemory } from './shared-memory/race-memory.ts';

export function labSettings({ races, perturb }: Config): LabSettings {
  return {
    raceBuffer: races ? RaceMemory.create().buffer : undefined,
    perturbSeed: perturb === 'off' ? undefined : perturb,
  };
}
