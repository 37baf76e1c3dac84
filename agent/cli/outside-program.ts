/**
 * What `gridwatch observe` and `gridwatch compare` have in common: a program that is started here, or found, and observed from outside. Runs in
 * the process of the command.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Outcome } from './child-signals.ts';
import { printable } from './ui/printable.ts';

/** As shells have them: found but not to be started, not found. */
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_NOT_FOUND = 127;

/** Undefined where programs can be observed from outside. */
export function unsupported(platform: NodeJS.Platform): string | undefined {
  if (platform === 'linux') return undefined;
  return `it reads what the Linux kernel tells in /proc, and this is ${platform}. A Node program can be run by "gridwatch run" here.`;
}

export interface StartedProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<Outcome>;
}

/** A program that could not be started: why, and the exit code that a shell would have. */
export interface StartFailure {
  readonly reason: string;
  readonly exitCode: number;
}

export async function startProgram(
  command: readonly string[],
  stdio: SpawnOptions['stdio'],
  env: NodeJS.ProcessEnv = process.env,
): Promise<StartedProgram | StartFailure> {
  const [file = '', ...args] = command;
  let child: ChildProcess;
  try {
    child = spawn(file, args, { stdio: stdio ?? 'inherit', env });
  } catch (error) {
    return startFailure(file, error);
  }
  if (child.pid !== undefined) return { child, pid: child.pid, ended: outcomeOf(child) };
  const [error] = (await once(child, 'error')) as [unknown];
  return startFailure(file, error);
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}

function startFailure(file: string, error: unknown): StartFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  const name = `"${printable(file)}"`;
  if (code === 'ENOENT') {
    const hint = /\s/.test(file)
      ? ' Write its words apart, without quotes around them all; a line for a shell goes after: sh -c'
      : '';
    return { reason: `there is no program ${name}.${hint}`, exitCode: EXIT_NOT_FOUND };
  }
  const why =
    code === 'EACCES'
      ? `${name} may not be executed. chmod +x makes it a program, or name its interpreter before it.`
      : '';
  return { reason: why || `${name} cannot be started: ${message}`, exitCode: EXIT_NOT_EXECUTABLE };
}

/** A command in one line for a person, also where an argument is a program of many lines. */
export function shownCommand(command: readonly string[], maxLength: number): string {
  return printable(command.join(' ').replaceAll(/\s+/g, ' '), maxLength);
}

/** How a program ended, as the end of a sentence that begins with its name. */
export function describeOutcome({ code, signal }: Outcome): string {
  return signal === null ? `ended with exit code ${code}` : `ended by ${signal}`;
}
