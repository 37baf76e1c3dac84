/**
 * Where in the program a lock is taken or released, as numbers of names: the nearest frame that is neither ours nor Node's, and the frames from there on.
 *
 * Runs on application threads, only where a wait is long, a holder was asked, or an order is new: it takes tens of microseconds.
 */
import { framesOf, siteOf, stackOf, type Trace, takeTrace } from '../call-site.ts';
import type { LockObserver } from '../lock-observer.ts';

const { fileURLToPath, pathToFileURL } = process.getBuiltinModule('node:url');

/**
 * The folder of the agent, in whose patches callbacks run, as ES modules and as CommonJS name it; none where a program has joined these modules with its own.
 */
const OWN = foldersOf(framesOf(takeTrace(), () => false)[0]?.getFileName() ?? '');
const folder = process.cwd();

export interface SyncStack {
  readonly siteNumber: number;
  /** 0 where no stacks are wanted. */
  readonly stackNumber: number;
}

/** Whether a file is one of the agent's or of Node's. */
export const isOwn = (file: string): boolean => file.startsWith('node:') || OWN.some((own) => file.startsWith(own));

/** That frame, as `file:line`; '' where it cannot be told. */
export function siteOfCaller(): string {
  return siteOf(framesOf(takeTrace(), isOwn), folder);
}

/** Of now, or of a trace that was taken earlier and was not looked at yet. */
export function captureStack(observer: LockObserver, trace: Trace = takeTrace()): SyncStack {
  return internFrames(observer, framesOf(trace, isOwn));
}

export function internFrames(observer: LockObserver, frames: readonly NodeJS.CallSite[]): SyncStack {
  const siteNumber = observer.intern(siteOf(frames, folder));
  const stackNumber = observer.config.stacks === 'off' ? 0 : observer.intern(stackOf(frames, folder));
  return { siteNumber, stackNumber };
}

function foldersOf(file: string): string[] {
  const [, own] = /^(.*[\\/])app-thread[\\/]sync[\\/]/.exec(file) ?? [];
  if (own === undefined) return [];
  return [own, own.startsWith('file:') ? fileURLToPath(own) : pathToFileURL(own).href];
}
