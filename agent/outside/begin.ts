/**
 * Begins to observe a process from outside, with the settings that the environment gives.
 *
 * Runs in the process of `gridwatch observe` and `gridwatch compare`.
 */
import { ProcTree } from '../agent-thread/host/proc.ts';
import type { Config } from '../config/options.ts';
import { resolveConfig } from '../config/resolve.ts';
import { createDiag, type Diag } from '../diag.ts';
import { Clock } from '../shared-memory/clock.ts';
import { Observation } from './observation.ts';

/** What observing needs beside the program. */
export interface OutsideSettings {
  readonly clock: Clock;
  readonly config: Config;
  readonly diag: Diag;
}

/** What is wrong in the environment is said at once. */
export function outsideSettings(env: NodeJS.ProcessEnv): OutsideSettings {
  const { config, problems } = resolveConfig(env);
  const diag = createDiag(config.log === 'auto' ? 'text' : config.log);
  for (const { message } of problems) diag.warn(message);
  const clock = new Clock();
  clock.reanchor();
  return { clock, config, diag };
}

/** Observes a process from now on. `spawnedNs`: when this process has started it, by the clock; undefined for one that was there before. */
export function beginObservation(settings: OutsideSettings, pid: number, spawnedNs?: number): Observation {
  const { diag } = settings;
  const observation = new Observation({
    ...settings,
    pid,
    isChild: spawnedNs !== undefined,
    beganNs: spawnedNs,
    onUnavailable: (feature, _reason, detail) => diag.once(feature).warn(`${feature} is not observed: ${detail}`),
  });
  observation.start();
  return observation;
}

/** The command line of a process; undefined when there is none of that number. The kernel's own threads have an empty one. */
export function commandOf(pid: number): readonly string[] | undefined {
  const proc = new ProcTree();
  const line = proc.readText(`${pid}/cmdline`);
  if (line === undefined) return undefined;
  const words = Buffer.from(line, 'latin1').toString().split('\0').slice(0, -1);
  return words.length > 0 ? words : [proc.readText(`${pid}/comm`)?.trimEnd() ?? 'unknown'];
}
