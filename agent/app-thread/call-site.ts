/**
 * Where in the program a function was called from, as `file:line`.
 *
 * Runs on application threads. It takes the frames as V8 has them, behind the back of a program's own `Error.prepareStackTrace` and
 * `Error.stackTraceLimit`, which find themselves unchanged. Takes microseconds: to be called where the thread is about to block anyway.
 */
interface ErrorSettings {
  prepareStackTrace?: unknown;
  stackTraceLimit?: unknown;
}

/** How far up the program's own code is looked for when its libraries are skipped. */
const MAX_FRAMES = 16;

/**
 * The caller of `callee`: a path relative to `folder` where it lies below it, else its last two parts. '' when it cannot be told. With `skipsLibraries`
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
    const frame = (skipsLibraries ? frames.find(isOfProgram) : undefined) ?? frames[0];
    const file = frame?.getFileName();
    return file ? `${shorten(file, folder)}:${frame?.getLineNumber() ?? 0}` : '';
  } catch {
    return '';
  } finally {
    restore(settings, hadPrepare, prepareStackTrace, stackTraceLimit);
  }
}

function isOfProgram(frame: NodeJS.CallSite): boolean {
  const file = frame.getFileName();
  return file != null && !file.startsWith('node:') && !/[\\/]node_modules[\\/]/.test(file);
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

function shorten(file: string, folder: string): string {
  const path = file.startsWith('file:') ? process.getBuiltinModule('node:url').fileURLToPath(file) : file;
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path.split(/[\\/]/).slice(-2).join('/');
}
