/**
 * How the preload got into this process, and how it gets into the next one.
 *
 * Runs on application threads at start-up. A bare or relative name makes a child that starts in another folder exit with status 1, so our own
 * entry in `process.execArgv` and in NODE_OPTIONS is rewritten to the absolute path; nobody else's is touched.
 */
const { resolve } = process.getBuiltinModule('node:path');

/** The name under which the package exports the gate. */
const PACKAGE_NAME = 'gridwatch/register';

export interface Preload {
  /** The absolute path of register.cjs. */
  readonly file: string;
  readonly inExecArgv: boolean;
  readonly inNodeOptions: boolean;
  /** By `--import`, which does not run in workers made from a string of code. */
  readonly isImport: boolean;
}

const FLAG = /^(--require|-r|--import)(?:=(.*))?$/s;

/** True for an argument list that loads the gate by its absolute path. */
export function hasPreload(args: readonly unknown[], file: string): boolean {
  return args.some((argument) => argument === file || argument === `--require=${file}` || isUrlOf(argument, file));
}

/** Finds our own entries and makes them absolute. */
export function claimPreload(file: string): Preload {
  let isImport = false;
  const rewrite = (args: string[]): boolean => {
    let isFound = false;
    for (let i = 0; i < args.length; i++) {
      const [, flag, attached] = FLAG.exec(args[i] as string) ?? [];
      if (flag === undefined) continue;
      const valueAt = attached === undefined ? i + 1 : i;
      const value = attached ?? args[valueAt];
      if (value === undefined || !isOurs(value, file)) continue;
      isFound = true;
      isImport ||= flag === '--import';
      if (value === file || isUrlOf(value, file)) continue;
      args[valueAt] = attached === undefined ? file : `${flag}=${file}`;
    }
    return isFound;
  };
  const inExecArgv = rewrite(process.execArgv);
  const options = splitNodeOptions(process.env['NODE_OPTIONS'] ?? '');
  const before = options.join('\0');
  const inNodeOptions = rewrite(options);
  if (options.join('\0') !== before) process.env['NODE_OPTIONS'] = joinNodeOptions(options);
  return { file, inExecArgv, inNodeOptions, isImport };
}

/** Options of NODE_OPTIONS that run code of the program's, or print. The value of all but the last is attached or follows. */
const RUNS_CODE = /^(?:--require|-r|--import|--(?:experimental[-_])?loader)(=|$)/;
const PRINTS = /^--trace[-_]sync[-_]io$/;

/** NODE_OPTIONS without what would run code before a thread's first file: for the agent's own thread. */
export function nodeOptionsWithoutCode(nodeOptions: string): string {
  const kept: string[] = [];
  const options = splitNodeOptions(nodeOptions);
  for (let i = 0; i < options.length; i++) {
    const option = options[i] as string;
    const [runsCode, attached] = RUNS_CODE.exec(option) ?? [];
    if (runsCode !== undefined) i += attached === '=' ? 0 : 1;
    else if (!PRINTS.test(option)) kept.push(option);
  }
  return joinNodeOptions(kept);
}

/**
 * True when nothing of the program's runs before the gate in a worker with these options. Node loads what is required, of NODE_OPTIONS first, then
 * starts the threads of loaders, then loads what is imported. Yarn's hooks, which must come first where they are, start nothing.
 */
export function isGateFirst(execArgv: readonly unknown[], nodeOptions: string, file: string): boolean {
  const required: string[] = [];
  const imported: string[] = [];
  let hasLoader = false;
  const options = [...splitNodeOptions(nodeOptions), ...execArgv];
  for (const [i, option] of options.entries()) {
    if (typeof option !== 'string' || !RUNS_CODE.test(option)) continue;
    const [, flag, attached] = FLAG.exec(option) ?? [];
    const value = attached ?? options[i + 1];
    if (flag === undefined) hasLoader = true;
    else if (typeof value === 'string') (flag === '--import' ? imported : required).push(value);
  }
  const first = required.find((value) => !value.endsWith('.pnp.cjs')) ?? imported[0];
  return first !== undefined && isOurs(first, file) && (required.includes(first) || !hasLoader);
}

function isOurs(value: string, file: string): boolean {
  return value === PACKAGE_NAME || value === file || isUrlOf(value, file) || resolve(value) === file;
}

/** `node:url` is loaded only where somebody names the gate by a URL. */
function isUrlOf(value: unknown, file: string): boolean {
  if (typeof value !== 'string' || !value.startsWith('file:')) return false;
  return value === process.getBuiltinModule('node:url').pathToFileURL(file).href;
}

/**
 * NODE_OPTIONS as Node splits it: by spaces, but for those between double quotes, where a backslash quotes one character. Quotes with nothing
 * between them are no argument.
 */
function splitNodeOptions(text: string): string[] {
  const options: string[] = [];
  let current = '';
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '\\' && isQuoted && i + 1 < text.length) current += text[++i];
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === ' ' && !isQuoted) {
      if (current !== '') options.push(current);
      current = '';
    } else current += char;
  }
  if (current !== '') options.push(current);
  return options;
}

function joinNodeOptions(options: readonly string[]): string {
  return options.map((option) => (/[ "\\]/.test(option) ? `"${option.replace(/["\\]/g, '\\$&')}"` : option)).join(' ');
}
