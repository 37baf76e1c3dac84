/** The rule about CPUs: more threads that want one than there are. It runs in the process of `gridwatch run --ui`. */
import { formatMs, formatShare } from '../quantities.ts';
import { isProgramThread, shareOf, type ThreadSummary } from '../summary.ts';
import { type Evidence, type Rule, stretchS } from './rule.ts';

export interface Oversubscription {
  readonly runnableS: number;
  /** Threads that were ready and had no CPU, on average. */
  readonly waiting: number;
  readonly workerCount: number;
  /** Who had the CPUs: the program itself, other programs, a quota nobody; or that is not known. */
  readonly cause: 'own' | 'others' | 'quota' | 'unseen';
  /** CPUs that other programs used. 0 where that is not known. */
  readonly othersCores: number;
  readonly main: ThreadSummary | undefined;
}

/** A third of a thread always waiting, and a fifth of what wants a CPU: less is ordinary scheduling. */
const MIN_WAITING = 0.33;
const MIN_WAITING_SHARE = 0.2;

export const tooFewCpus: Rule<Oversubscription> = {
  check: (evidence) => {
    const { cores, usedCores } = evidence.summary;
    const othersCores = Math.max(0, cores.reduce((sum, { busy }) => sum + busy, 0) - usedCores);
    const threads = evidence.summary.threads.filter(isProgramThread);
    const runnableS = threads.reduce((sum, thread) => sum + thread.statesS.runnable, 0);
    const runningS = threads.reduce((sum, thread) => sum + thread.statesS.running, 0);
    const waiting = runnableS / stretchS(evidence);
    if (waiting < MIN_WAITING || runnableS < MIN_WAITING_SHARE * (runnableS + runningS)) return [];
    return [
      {
        runnableS,
        waiting,
        workerCount: threads.filter(({ role }) => role === 'worker').length,
        cause: causeOf(evidence, othersCores),
        othersCores,
        main: threads.find(({ role }) => role === 'main'),
      },
    ];
  },
  format: ({ runnableS, waiting, workerCount, cause, othersCores, main }, { summary, cpuQuota }) => {
    const { usedCores, usableCores } = summary;
    const mainShare = main === undefined ? 0 : shareOf(main, 'runnable');
    const facts = [
      `The program wanted ${(usedCores + waiting).toFixed(1)} CPUs on average and got ${usedCores.toFixed(1)}, of ${usableCores} usable.`,
    ];
    if (mainShare >= 0.05) {
      facts.push(
        `The main thread waited like that for ${formatShare(mainShare)} of its time, and every request with it.`,
      );
    }
    if (cause === 'others') facts.push(`Other programs used ${othersCores.toFixed(1)} CPUs meanwhile.`);
    if (cause === 'quota') facts.push(`Its control group may use ${trimmed(cpuQuota)} CPUs.`);
    if (cause !== 'own')
      facts.push('All durations measured in this run, pauses and start-up among them, are longer for it.');
    const advice = {
      own: `Start fewer threads that compute (there were ${workerCount} workers; os.availableParallelism() says ${usableCores}), or give the program more CPUs.`,
      others: 'See what else runs (top), and measure again when it does not.',
      quota:
        'A quota stops every thread of the program at once. Raise it (the CPU limit of the container), or start fewer threads.',
      unseen:
        'On average the program did not fill its CPUs: in bursts it may have, or other programs did. See what else runs (top), and measure again when it does not.',
    }[cause];
    return {
      // What other programs do is no fault of this one: it says how far the rest of the report can be trusted.
      severity: cause === 'others' || cause === 'unseen' ? 'blind' : 'slow',
      costS: runnableS,
      title: `Threads were ready to run and had no CPU for ${formatMs(runnableS * 1000)} of thread time.`,
      facts,
      advice,
    };
  },
};

function causeOf({ summary, cpuQuota }: Evidence, othersCores: number): Oversubscription['cause'] {
  const { usedCores, usableCores } = summary;
  if (usedCores >= 0.75 * usableCores) return 'own';
  if (othersCores >= 0.25 * usableCores) return 'others';
  return cpuQuota === undefined ? 'unseen' : 'quota';
}

function trimmed(cpus: number | undefined): string {
  return cpus === undefined ? '' : String(Number(cpus.toFixed(2)));
}
