/**
 * Where in the program a function was called from, as `file:line`.
 *
 * Runs on application threads. It takes the frames as V8 has them, behind the back of a program's own `Error.prepareStackTrace` and
 * `Error.stackTraceLimit`, which find themselves unchanged. Takes microseconds: to be called where the thread is about to block anyway.
 */
import { shownPath } from '../file-path.ts';

interface ErrorSettings {
  prepareStackTrace?: unknown;
  stackTraceLimit?: unknown;
}

/** Our own patches may stand between a library and what it calls. Installed, they lie in node_modules anyway. */
const OWN_FILE = /[\\/](?:dist|agent)[\\/](?:preload(?:-worker)?|app-thread[\\/].*)\.(?:js|cjs|ts)$/;

/** How far up the program's own code is looked for when its libraries are skipped. */
const MAX_FRAMES = 16;

/**
 * The caller of `callee`, its path as it may leave the process: relative to `folder` where it lies below it. '' when it cannot be told. With `skipsLibraries`
 * the nearest caller outside node_modules, if there is one.
 */
export function callSiteOf(callee: (...args: never[]) => unknown, folder: string, skipsLibraries = false): string {
  const settings = Error as ErrorSettings;
  const { prepareStackTrace, stackTraceLimit } = settings;
  const hadPrepare = Object.hasOwn(settings, 'prepareStackTrace');
  try {
    settings.prepareStackTrace = (_: unknown, frames: readonly NodeJS.CallSite[]): readonly NodeJS.CallSite[] => frames;
    settings.stackTraceLimit = skipsLibraries ? MAX_FRAMES : 1;
    const holder: { stack?: readonly NodeJS.CallSite[] } = {};
    Error.captureStackTrace(holder, callee);
    const frames = holder.stack ?? [];
    const frame = (skipsLibraries ? (frames.find(isOfProgram) ?? frames.find(isOfOthers)) : undefined) ?? frames[0];
    const file = frame?.getFileName();
    return file ? `${shownPath(file, folder)}:${frame?.getLineNumber() ?? 0}` : '';
  } catch {
    return '';
  } finally {
    restore(settings, hadPrepare, prepareStackTrace, stackTraceLimit);
  }
}

/** The frames of a moment, not yet looked at. */
export interface Trace {
  stack?: unknown;
}

/** Frames of a stack that leave the process, and characters: names are cut at 1 024 bytes. */
const MAX_SHOWN_FRAMES = 10;
const MAX_STACK_CHARS = 1000;

/** Takes the frames as they are now, for `framesOf` later: a microsecond or two. */
export function takeTrace(): Trace {
  const settings = Error as ErrorSettings;
  const { stackTraceLimit } = settings;
  const trace: Trace = {};
  try {
    settings.stackTraceLimit = MAX_FRAMES;
    Error.captureStackTrace(trace, takeTrace);
    settings.stackTraceLimit = stackTraceLimit;
  } catch {
    /* Frozen intrinsics: there are as many frames as the program wants. */
  }
  return trace;
}

/** The frames of a trace, without those of the engine itself and of the files that `isSkipped` names. To be asked once: V8 forgets them. */
export function framesOf(trace: Trace, isSkipped: (file: string) => boolean): NodeJS.CallSite[] {
  const settings = Error as ErrorSettings;
  const { prepareStackTrace, stackTraceLimit } = settings;
  const hadPrepare = Object.hasOwn(settings, 'prepareStackTrace');
  try {
    settings.prepareStackTrace = (_: unknown, frames: readonly NodeJS.CallSite[]): readonly NodeJS.CallSite[] => frames;
    const frames = Array.isArray(trace.stack) ? (trace.stack as NodeJS.CallSite[]) : [];
    return frames.filter((frame) => {
      const file = frame.getFileName() ?? '';
      return file !== '' && !isSkipped(file);
    });
  } catch {
    return [];
  } finally {
    restore(settings, hadPrepare, prepareStackTrace, stackTraceLimit);
  }
}

/** The first frame as `file:line`; '' when it cannot be told. */
export function siteOf([frame]: readonly NodeJS.CallSite[], folder: string): string {
  const file = frame?.getFileName();
  return file ? `${shownPath(file, folder)}:${frame?.getLineNumber() ?? 0}` : '';
}

/** The frames, innermost first, a line each: `function (file:line:column)`. */
export function stackOf(frames: readonly NodeJS.CallSite[], folder: string): string {
  let text = '';
  for (const frame of frames.slice(0, MAX_SHOWN_FRAMES)) {
    const file = frame.getFileName() ?? '';
    const place = `${shownPath(file, folder)}:${frame.getLineNumber() ?? 0}:${frame.getColumnNumber() ?? 0}`;
    const line = `${frame.getFunctionName() ?? '<anonymous>'} (${place})`;
    if (text.length + line.length >= MAX_STACK_CHARS) break;
    text += text === '' ? line : `\n${line}`;
  }
  return text;
}

function isOfProgram(frame: NodeJS.CallSite): boolean {
  const file = frame.getFileName();
  return file != null && !file.startsWith('node:') && !/[\\/]node_modules[\\/]/.test(file) && !OWN_FILE.test(file);
}

function isOfOthers(frame: NodeJS.CallSite): boolean {
  const file = frame.getFileName();
  return file != null && !file.startsWith('node:') && !OWN_FILE.test(file);
}

function restore(
  settings: ErrorSettings,
  hadPrepare: boolean,
  prepareStackTrace: unknown,
  stackTraceLimit: unknown,
): void {
  try {
    settings.stackTraceLimit = stackTraceLimit;
    if (hadPrepare) settings.prepareStackTrace = prepareStackTrace;
    else delete settings.prepareStackTrace;
  } catch {
    /* Frozen intrinsics: nothing was changed. */
  }
}
