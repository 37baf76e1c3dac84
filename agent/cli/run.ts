/**
 * `gridwatch run`: starts a program with the agent preloaded. Without `--ui` this process *becomes* the program, where the
 * platform can do that: pid, signals, exit status and standard streams are then those of plain `node` because nothing
 * stands between. On Windows, and with `--ui`, the program is a child whose end this process copies. It must never change
 * the program's arguments.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readRunArguments } from './arguments.ts';
import { endLike, handSignalsOn, type Outcome } from './child-signals.ts';
import { registerFile } from './path.ts';

const HELP = `gridwatch run [--ui] [node options] app.js [arguments]

  Runs the program with the agent. Whatever you would write after "node" goes after "gridwatch run".
  --ui shows the program's threads while it runs, and at the end what to look at first. Telemetry goes to
  OTEL_EXPORTER_OTLP_ENDPOINT as well, if that is set. Ctrl-C goes to the program; a second one ends it at once.
`;

export interface RunSettings {
  /** The file to preload. */
  readonly gate: string;
  /** Whether this process may become the program instead of starting it as a child. */
  readonly canReplaceItself: boolean;
}

/** Runs the program and ends this process like it. */
export async function run(
  args: readonly string[],
  settings: RunSettings = { gate: registerFile(), canReplaceItself: process.platform !== 'win32' },
): Promise<void> {
  const request = readRunArguments(args);
  if (request.kind === 'help') {
    process.stdout.write(HELP);
    return;
  }
  if (request.kind === 'refused' || !existsSync(settings.gate)) {
    const reason = request.kind === 'refused' ? request.reason : `${settings.gate} is missing. Reinstall gridwatch.`;
    process.stderr.write(`gridwatch run: ${reason}\n`);
    process.exitCode = 2;
    return;
  }
  const nodeArguments = ['--require', settings.gate, ...request.nodeArguments];
  if (request.hasView) {
    const { programName, runWithView } = await import('./ui/session.ts');
    endLike(await runWithView({ nodeArguments, name: programName(request.script) }));
    return;
  }
  if (settings.canReplaceItself) process.execve?.(process.execPath, [process.execPath, ...nodeArguments], process.env);
  endLike(await runAsChild(nodeArguments));
}

async function runAsChild(nodeArguments: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, nodeArguments, { stdio: 'inherit' });
  handSignalsOn(child);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}
