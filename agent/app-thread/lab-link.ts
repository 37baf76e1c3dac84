/**
 * Where `gridwatch/sync` finds what the lab modes gave this thread: a symbol on the global that the preload sets, in those modes only.
 *
 * Runs on application threads.
 */
import type { Perturb } from './perturb.ts';

const LINK = Symbol.for('gridwatch.lab');

export interface LabLink {
  /** Race memory, where races are looked for. */
  readonly raceBuffer: SharedArrayBuffer | undefined;
  /** Delays the thread, where schedules are perturbed. */
  readonly perturb: Perturb | undefined;
  /** The number of a buffer that this worker has made itself; 0 for what it was sent, and on the main thread. */
  readonly ownBuffer: (buffer: SharedArrayBuffer) => number;
  /** Where the files of the package are, its last character a separator: their frames are none of the program's. */
  readonly ownFolder: string;
}

export function findLabLink(): LabLink | undefined {
  return (globalThis as { [LINK]?: LabLink })[LINK];
}

/** Gives back what takes it away. */
export function setLabLink(value: LabLink): () => void {
  Object.defineProperty(globalThis, LINK, { value, configurable: true, enumerable: false });
  return () => {
    Reflect.deleteProperty(globalThis, LINK);
  };
}
