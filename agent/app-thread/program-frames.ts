/**
 * The frames of a trace that are the program's own: without those of the engine, of Node, of libraries and of this agent.
 *
 * Runs on application threads. To look at a trace costs ten times as much as to take it.
 */
import { framesOf, siteOf, type Trace, takeTrace } from './call-site.ts';

export class ProgramFrames {
  /** What paths are relative to. */
  readonly folder: string = process.cwd();
  readonly #own = ownFolder();
  readonly #isOurs = (file: string): boolean =>
    file === '' || file.startsWith('node:') || (this.#own !== '' && file.startsWith(this.#own));

  /** Innermost first; where there are none, as of a program that is all libraries, those that are not of this one. */
  of(trace: Trace, library = ''): NodeJS.CallSite[] {
    const frames = framesOf(trace, this.#isOurs);
    const ofProgram = frames.filter((frame) => !isLibrary(frame.getFileName() ?? ''));
    if (ofProgram.length > 0 || library === '') return ofProgram.length > 0 ? ofProgram : frames;
    return frames.filter((frame) => !(frame.getFileName() ?? '').includes(`/node_modules/${library}/`));
  }

  /** `<library>@<file>:<line>` of a trace. */
  nameOf(library: string, trace: Trace | undefined): string {
    const site = trace === undefined ? '' : siteOf(this.of(trace, library), this.folder);
    return site === '' ? library : `${library}@${site}`;
  }
}

/** The folder of our own files: of the sources, or of the one file that they were joined into. */
function ownFolder(): string {
  const file = framesOf(takeTrace(), () => false)[0]?.getFileName() ?? '';
  return /^(.*?[\\/])(?:app-thread[\\/])?[^\\/]+$/.exec(file)?.[1] ?? '';
}

function isLibrary(file: string): boolean {
  return /[\\/]node_modules[\\/]/.test(file);
}
