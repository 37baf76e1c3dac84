/**
 * The lab modes of a thread: what `GRIDWATCH_RACES` and `GRIDWATCH_PERTURB` put in place before user code, and what they leave for `gridwatch/sync`.
 *
 * Runs on application threads. The preload loads it in such a run only.
 */
import { patchGuardedAtomics } from './instrumentation/guarded-atomics.ts';
import { followOwnBuffers, type OwnBuffers } from './instrumentation/own-buffers.ts';
import { setLabLink } from './lab-link.ts';
import { createPerturb, type Perturb, patchPerturbed, seedOfThread } from './perturb.ts';
import type { LabSettings } from './ticket.ts';

const { isMainThread } = process.getBuiltinModule('node:worker_threads');

export interface LabModes {
  /** Gives the settings of one worker after the other that this thread starts. */
  readonly nextLab: (name: string) => LabSettings;
  /** Delays the thread; absent unless schedules are perturbed. */
  readonly perturb: Perturb | undefined;
  /** Takes everything back. */
  readonly stop: () => void;
}

/**
 * To be called before `Atomics.wait` is replaced: the place of a wait is that of the outermost call. `part` runs a step that may fail; `registerFile` says
 * where the files of the package are.
 */
export function startLabModes(
  { raceBuffer, perturbSeed: givenSeed }: LabSettings,
  registerFile: string,
  part: (feature: 'races' | 'atomics', start: () => void) => void,
): LabModes {
  const undo: (() => void)[] = [];
  const perturbSeed = isMainThread && givenSeed !== undefined ? seedOfThread(givenSeed, 'main', 0) : givenSeed;
  const perturb = perturbSeed === undefined ? undefined : createPerturb(perturbSeed);
  let ownBuffers: OwnBuffers | undefined;
  if (perturb !== undefined) part('atomics', () => undo.push(patchPerturbed(perturb)));
  if (raceBuffer !== undefined) {
    part('races', () => undo.push(patchGuardedAtomics()));
    part('races', () => {
      if (isMainThread) return;
      ownBuffers = followOwnBuffers();
      undo.push(ownBuffers.stop);
    });
  }
  if (perturb !== undefined || raceBuffer !== undefined) {
    const ownBuffer = (buffer: SharedArrayBuffer): number => ownBuffers?.numberOf(buffer) ?? 0;
    undo.push(setLabLink({ raceBuffer, perturb, ownBuffer, ownFolder: registerFile.replace(/[^\\/]*$/, '') }));
  }
  return {
    perturb,
    nextLab: labOfWorkers({ raceBuffer, perturbSeed }),
    stop: () => {
      for (const step of undo.toReversed()) step();
    },
  };
}

function labOfWorkers({ raceBuffer, perturbSeed }: LabSettings): (name: string) => LabSettings {
  let started = 0;
  return (name) => {
    started++;
    if (perturbSeed === undefined) return { raceBuffer, perturbSeed };
    return { raceBuffer, perturbSeed: seedOfThread(perturbSeed, name, started) };
  };
}
