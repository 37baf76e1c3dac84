/**
 * What `gridwatch observe` and `gridwatch compare` have in common: a program that is started here, or found, and observed from outside. Runs in
 * the process of the command.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ProcTree } from '../agent-thread/host/proc.ts';
import type { Config } from '../config/options.ts';
import { resolveConfig } from '../config/resolve.ts';
import { createDiag, type Diag } from '../diag.ts';
import { Observation } from '../outside/observation.ts';
import { Clock } from '../shared-memory/clock.ts';
import type { Outcome } from './child-signals.ts';
import { printable } from './ui/printable.ts';

/** What observing needs beside the program. */
export interface OutsideSettings {
  readonly clock: Clock;
  readonly config: Config;
  readonly diag: Diag;
}

/** As shells have them: found but not to be started, not found. */
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_NOT_FOUND = 127;

/** Undefined where programs can be observed from outside. */
export function unsupported(platform: NodeJS.Platform): string | undefined {
  if (platform === 'linux') return undefined;
  return `it reads what the Linux kernel tells in /proc, and this is ${platform}. A Node program can be run by "gridwatch run" here.`;
}

export function outsideSettings(env: NodeJS.ProcessEnv): OutsideSettings {
  const { config, problems } = resolveConfig(env);
  const diag = createDiag(config.log === 'auto' ? 'text' : config.log);
  for (const { message } of problems) diag.warn(message);
  const clock = new Clock();
  clock.reanchor();
  return { clock, config, diag };
}

/** Observes a process from now on, each tenth of a second. */
export function beginObservation(settings: OutsideSettings, pid: number, isChild: boolean): Observation {
  const { diag } = settings;
  const observation = new Observation({
    ...settings,
    pid,
    isChild,
    onUnavailable: (feature, _reason, detail) => diag.once(feature).warn(`${feature} is not observed: ${detail}`),
  });
  observation.start();
  return observation;
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
): Promise<StartedProgram | StartFailure> {
  const [file = '', ...args] = command;
  let child: ChildProcess;
  try {
    child = spawn(file, args, { stdio: stdio ?? 'inherit' });
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

/** How a program ended, as the end of a sentence that begins with its name. */
export function describeOutcome({ code, signal }: Outcome): string {
  return signal === null ? `ended with exit code ${code}` : `ended by ${signal}`;
}

/** The command line of a process; undefined when there is none of that number. The kernel's own threads have an empty one. */
export function commandOf(pid: number): readonly string[] | undefined {
  const proc = new ProcTree();
  const line = proc.readText(`${pid}/cmdline`);
  if (line === undefined) return undefined;
  const words = Buffer.from(line, 'latin1').toString().split('\0').slice(0, -1);
  return words.length > 0 ? words : [proc.readText(`${pid}/comm`)?.trimEnd() ?? 'unknown'];
}
