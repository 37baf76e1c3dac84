/**
 * `gridwatch observe`: runs a program of any language, or attaches to one, and tells from outside what its threads do. It runs in a process of
 * its own. The program's standard streams, signals and exit code are its own business: what is said here goes to stderr, after it has ended.
 */
import { beginObservation, commandOf, type OutsideSettings, outsideSettings } from '../outside/begin.ts';
import type { Observation } from '../outside/observation.ts';
import type { Shipping, ShippingSettings } from '../outside/ship.ts';
import { endLike, handSignalsOn } from './child-signals.ts';
import { readObserveArguments } from './observe-arguments.ts';
import { reasonNotToSend, renderSummary } from './observe-summary.ts';
import { describeOutcome, shownCommand, startProgram, unsupported } from './outside-program.ts';

const HELP = `gridwatch observe -- command [arguments]
gridwatch observe --pid N

  Runs a program that is not Node, or attaches to one, and reads from outside what its threads and those of its
  descendants do: CPU time, time in each state, waiting for a CPU, context switches, parallelism, energy. At the end,
  or at Ctrl-C of one that was attached to, a summary is printed on stderr. With OTEL_EXPORTER_OTLP_ENDPOINT the same
  metrics are sent as of a Node program. Linux only.
`;

/** Of the command in the summary's first line. */
const TITLE_CHARS = 80;

/** How often it is looked whether a program that is not our child has ended. */
const ALIVE_INTERVAL_MS = 100;

/** Runs or attaches, and ends this process: like the program, where it was started here. */
export async function observe(args: readonly string[], platform: NodeJS.Platform = process.platform): Promise<void> {
  const request = readObserveArguments(args);
  if (request.kind === 'help') {
    process.stdout.write(HELP);
    return;
  }
  const reason = request.kind === 'refused' ? request.reason : unsupported(platform);
  if (reason !== undefined || request.kind === 'refused') {
    process.stderr.write(`gridwatch observe: ${reason}\n`);
    process.exitCode = 2;
    return;
  }
  if (request.kind === 'pid') await observeRunning(request.pid);
  else await observeCommand(request.command);
}

async function observeCommand(command: readonly string[]): Promise<void> {
  const settings = outsideSettings(process.env);
  const spawnedNs = settings.clock.nowNs();
  const started = await startProgram(command, 'inherit');
  if ('reason' in started) {
    process.stderr.write(`gridwatch observe: ${started.reason}\n`);
    process.exitCode = started.exitCode;
    return;
  }
  handSignalsOn(started.child);
  const observation = beginObservation(settings, started.pid, spawnedNs);
  const shipping = ship(settings, { pid: started.pid, command, source: observation });
  const outcome = await started.ended;
  await finish(observation, shipping, `${shownCommand(command, TITLE_CHARS)} ${describeOutcome(outcome)}`);
  endLike(outcome);
}

async function observeRunning(pid: number): Promise<void> {
  const command = commandOf(pid);
  if (command === undefined) {
    process.stderr.write(
      `gridwatch observe: there is no process ${pid}, or it may not be seen from here; ps -e lists those that are.\n`,
    );
    process.exitCode = 2;
    return;
  }
  const settings = outsideSettings(process.env);
  const observation = beginObservation(settings, pid);
  const shipping = ship(settings, { pid, command, source: observation });
  process.stderr.write(
    `gridwatch: observing ${shownCommand(command, TITLE_CHARS)} (${pid}); Ctrl-C ends that, and not the program.\n`,
  );
  const isInterrupted = await new Promise<boolean>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(true));
    const timer = setInterval(() => {
      if (observation.isAlive) return;
      clearInterval(timer);
      resolve(false);
    }, ALIVE_INTERVAL_MS);
  });
  await finish(
    observation,
    shipping,
    `${shownCommand(command, TITLE_CHARS)} (${pid}) ${isInterrupted ? 'is no longer observed' : 'ended'}`,
  );
  process.exit(0);
}

/** Undefined where nobody has said where metrics go. What sends is loaded while the program runs already. */
async function ship(
  settings: OutsideSettings,
  program: Pick<ShippingSettings, 'pid' | 'command' | 'source'>,
): Promise<Shipping | undefined> {
  if (reasonNotToSend(process.env) !== undefined) return undefined;
  try {
    const { startShipping } = await import('../outside/ship.ts');
    return startShipping({ ...settings, ...program });
  } catch (error) {
    settings.diag.error(`nothing is sent: ${String(error)}`);
    return undefined;
  }
}

async function finish(observation: Observation, shipping: Promise<Shipping | undefined>, title: string): Promise<void> {
  observation.end();
  const shipped = await shipping;
  const problem = shipped === undefined ? reasonNotToSend(process.env) : await shipped.end();
  process.stderr.write(renderSummary(observation.seen(), { title, isSent: shipped !== undefined, problem }));
  observation.dispose();
}
