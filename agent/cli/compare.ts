/**
 * `gridwatch compare`: runs two programs by turns and says how the second compares with the first. It runs in a process of its own. Both are observed from
 * outside and in the same way, so that what observing costs is the same for both. They read nothing and what they print is thrown away.
 */
import { beginObservation, type OutsideSettings, outsideSettings } from '../outside/begin.ts';
import { handSignalsOn } from './child-signals.ts';
import { readCompareArguments } from './compare-arguments.ts';
import { jsonOf, type Run, renderComparison, runOf } from './compare-report.ts';
import { type Inside, openInside } from './inside-figures.ts';
import { describeOutcome, shownCommand, startProgram, unsupported } from './outside-program.ts';
import { packageVersion } from './path.ts';
import { printable } from './ui/printable.ts';

const HELP = `gridwatch compare [--rounds N] [--inside] [--json] -- command A [arguments] --vs command B [arguments]

  Runs A and B by turns, N rounds (10) after one that does not count, each round in the other order than the last, and
  prints B / A of wall time, CPU time, energy, waiting for a CPU and context switches, with 95 % intervals of the pairs.
  --inside, for two commands that begin with "node", loads the agent into both and adds lock waits, contentions and
  garbage collection; what the agent costs is then in all figures. --json says it to a program, with every run.
  What the programs print is thrown away; one that fails ends the comparison. Linux only.
  Exit codes: 0 compared; 1 a program failed or could not be started; 2 it was asked for something it does not know.
`;

/** Of what a program that failed has said last. */
const MAX_STDERR_CHARS = 2000;

/** One program of the two, in one round, went wrong. */
class RunFailure extends Error {}

export async function compare(args: readonly string[], platform: NodeJS.Platform = process.platform): Promise<number> {
  const request = readCompareArguments(args);
  if (request.kind === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const reason = request.kind === 'refused' ? request.reason : unsupported(platform);
  if (reason !== undefined || request.kind === 'refused') {
    process.stderr.write(`gridwatch compare: ${reason}\n`);
    return 2;
  }
  const { commands, rounds, isJson, isInside } = request;
  const settings = outsideSettings(process.env);
  const runs: readonly [Run[], Run[]] = [[], []];
  let energySource: string | undefined;
  const inside = isInside ? await openInside(process.env) : undefined;
  try {
    for (let round = 0; round <= rounds; round++) {
      // A B, B A, A B: what drifts steadily favours neither.
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        showProgress(`round ${round} of ${rounds}, ${'AB'[which]}`);
        const measured = await measure({ settings, inside }, commands[which], 'AB'[which] as string);
        energySource ??= measured.energySource;
        if (round > 0) runs[which].push(measured.run);
      }
    }
  } catch (error) {
    showProgress('');
    if (!(error instanceof RunFailure)) throw error;
    process.stderr.write(`gridwatch compare: ${error.message}\n`);
    return 1;
  } finally {
    await inside?.close();
  }
  showProgress('');
  const comparison = { commands, a: runs[0], b: runs[1], energySource, isInside };
  process.stdout.write(isJson ? jsonOf(comparison, packageVersion()) : renderComparison(comparison));
  return 0;
}

interface Measured {
  readonly run: Run;
  readonly energySource: string | undefined;
}

interface Means {
  readonly settings: OutsideSettings;
  readonly inside: Inside | undefined;
}

async function measure({ settings, inside }: Means, command: readonly string[], label: string): Promise<Measured> {
  const spawnedNs = settings.clock.nowNs();
  const started = await startProgram(command, ['ignore', 'ignore', 'pipe'], inside?.env);
  if ('reason' in started) throw new RunFailure(`${label} cannot be run: ${started.reason}`);
  let isInterrupted = false;
  handSignalsOn(started.child, () => {
    isInterrupted = true;
  });
  let said = '';
  started.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MAX_STDERR_CHARS);
  });
  const observation = beginObservation(settings, started.pid, spawnedNs);
  const outcome = await started.ended;
  observation.end();
  const seen = observation.seen();
  observation.dispose();
  started.child.stderr?.destroy();
  if (isInterrupted) throw new RunFailure('interrupted: nothing is said of the rounds before.');
  if (outcome.code !== 0) {
    const name = shownCommand(command, 80);
    const last = said
      .trim()
      .split('\n')
      .slice(-5)
      .map((line) => `\n  ${printable(line)}`);
    throw new RunFailure(
      `${label} (${name}) ${describeOutcome(outcome)}: what fails cannot be compared.${said.trim() === '' ? '' : ` It said last:${last.join('')}`}`,
    );
  }
  const told = inside?.take();
  if (inside !== undefined && told === undefined) {
    throw new RunFailure(`${label} has told nothing from inside: "gridwatch doctor" says what keeps the agent out.`);
  }
  return { run: { ...runOf(seen), ...told }, energySource: seen.energy === 'off' ? undefined : seen.energy?.source };
}

/** On a terminal only, and in one line that is gone at the end. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
