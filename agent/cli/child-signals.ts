/**
 * Signals between the command and the program it runs: those sent to the command are handed on, and at the end the command
 * dies the way the program did. Runs in the process of the command, and only where that is not the
 * program's own.
 *
 * A signal typed at a terminal (Ctrl-C, Ctrl-\, hanging up) reaches every process of the foreground group, the program
 * included; handed on as well it would arrive twice, and many programs take the second for "now". So these three are not
 * handed on while the command is in the foreground of a terminal. The price: one sent from elsewhere to the command's pid
 * alone does not reach the program then. SIGTERM, SIGUSR1 and SIGUSR2 always do.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';

/** How a program ended: with a code, or of a signal. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const TERMINAL_SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const;
const OTHER_SIGNALS = ['SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;

/** After this long the process is the first of its container, to which the kernel sends no fatal signal of its own. */
const SELF_KILL_DEADLINE_MS = 200;

/**
 * Hands signals on to the child until it ends. On Windows nothing can be: Ctrl-C reaches every process of the console, and
 * it is enough not to die of it.
 * @param onInterrupt told of each SIGINT, handed on or not.
 */
export function handSignalsOn(child: ChildProcess, onInterrupt?: () => void): void {
  const isTerminals = process.platform === 'win32' || isInForeground();
  const handlers: [NodeJS.Signals, () => void][] = [];
  const listen = (signal: NodeJS.Signals, handler: () => void): void => {
    handlers.push([signal, handler]);
    process.on(signal, handler);
  };
  for (const signal of TERMINAL_SIGNALS) {
    listen(signal, () => {
      if (!isTerminals) child.kill(signal);
      if (signal === 'SIGINT') onInterrupt?.();
    });
  }
  for (const signal of process.platform === 'win32' ? [] : OTHER_SIGNALS) listen(signal, () => child.kill(signal));
  child.once('exit', () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  });
}

/** Ends this process as the program ended: same code, or death of the same signal. */
export function endLike(outcome: Outcome): void {
  const { code, signal } = outcome;
  if (signal === null) process.exit(code ?? 1);
  leaveNoCore();
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + constants.signals[signal]), SELF_KILL_DEADLINE_MS);
}

/**
 * The core of a program that crashed is looked for in its folder, and one of this process, of half a gigabyte, would be put in its place: the kernel
 * writes it into the folder that a process is in, and into `/proc` nobody can. Where it goes elsewhere, to a program or by an absolute path, it
 * is told to put no memory in it. Where there is no `/proc` cores bear the process's number.
 */
function leaveNoCore(): void {
  try {
    process.chdir('/proc');
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // A kernel that dumps no cores has no filter for them.
  }
}

/** Whether what is typed at the terminal reaches this process, and so the whole group. */
function isInForeground(): boolean {
  try {
    // Behind the command's name in parentheses: state, parent, group, session, terminal, the terminal's foreground group.
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return terminal !== '0' && group === foreground;
  } catch {
    return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  }
}
