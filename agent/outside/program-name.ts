/**
 * What an observed program is called, told from its command line: the script that an interpreter runs, or else the program itself.
 *
 * Runs in the process of `gridwatch observe`. Pure functions. Of the command line nothing but these names leaves the machine.
 */
import { basename } from 'node:path';

/** Programs that are started to run another, whose name is the one to be told. */
const INTERPRETERS =
  /^(?:python|pypy|ruby|perl|php|node|nodejs|deno|bun|bash|dash|zsh|sh|lua|luajit|Rscript|java|dotnet)[\d.t]*$/;

const MAX_NAME_CHARS = 100;

/** `process.executable.name`: without its path. */
export function executableName(command: readonly string[]): string {
  return bounded(basename(command[0] ?? '')) || 'unknown';
}

/** `service.name`, where nobody has said another. */
export function programName(command: readonly string[]): string {
  const executable = executableName(command);
  if (!INTERPRETERS.test(executable)) return executable;
  const rest = command.slice(1);
  const at = rest.findIndex((argument) => !argument.startsWith('-') || argument === '-m' || argument === '-jar');
  const option = rest[at] ?? '';
  const script = option.startsWith('-') ? rest[at + 1] : option;
  // What follows -c or -e is the program's text, which is nobody's business.
  const isText = rest.slice(0, Math.max(0, at)).some((argument) => /^-[a-zA-Z]*[ce]$/.test(argument));
  if (script === undefined || script === '' || isText) return executable;
  return bounded(basename(script).replace(/\.(?:py|rb|pl|php|js|cjs|mjs|ts|sh|lua|R|jar|dll)$/, '')) || executable;
}

function bounded(name: string): string {
  return name
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, MAX_NAME_CHARS);
}
