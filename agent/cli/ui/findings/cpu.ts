/**
 * The rules about CPUs: one thread that has no time left, and more threads that want a CPU than there are CPUs.
 * They run in the process of `gridwatch run --ui`.
 */
import { formatMs, formatShare } from '../quantities.ts';
import { isProgramThread, shareOf, type ThreadSummary } from '../summary.ts';
import { type Rule, stretchS } from './rule.ts';

/** The main thread answers everybody: past this share, new work waits behind old. */
const BUSY_SHARE = 0.85;

/** Shorter lives are start-up, which is busy by nature. */
const MIN_LIVED_S = 5;

export const busyMainThread: Rule<ThreadSummary> = {
  check: ({ summary }) =>
    summary.threads.filter(
      (thread) =>
        thread.role === 'main' &&
        thread.livedS >= MIN_LIVED_S &&
        shareOf(thread, 'running') + shareOf(thread, 'runnable') >= BUSY_SHARE &&
        shareOf(thread, 'running') >= BUSY_SHARE / 2,
    ),
  format: (thread, { summary }) => ({
    severity: 'slow',
    costS: thread.statesS.running - thread.gc.sumS,
    title: `The main thread computed ${formatShare(shareOf(thread, 'running'))} of the time: while it does, nothing else is served.`,
    facts: [
      `The program used ${summary.usedCores.toFixed(1)} of ${summary.usableCores} CPUs. ` +
        `The main thread was free for ${formatShare(shareOf(thread, 'idle'))} of the time.`,
    ],
    advice:
      'Record what it computes (node --cpu-prof app.js, then open the file in the DevTools of a browser) and ' +
      'move the largest part to a worker, or do it in slices.',
  }),
};

export interface Oversubscription {
  readonly runnableS: number;
  /** Threads that were ready and had no CPU, on average. */
  readonly waiting: number;
  readonly workerCount: number;
  /** Whether the program itself filled the CPUs; otherwise somebody else did, or a quota. */
  readonly isOwnDemand: boolean;
  readonly main: ThreadSummary | undefined;
}

/** A third of a thread always waiting, and a fifth of what wants a CPU: less is ordinary scheduling. */
const MIN_WAITING = 0.33;
const MIN_WAITING_SHARE = 0.2;

export const tooFewCpus: Rule<Oversubscription> = {
  check: (evidence) => {
    const { usedCores, usableCores } = evidence.summary;
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
        isOwnDemand: usedCores >= 0.75 * usableCores,
        main: threads.find(({ role }) => role === 'main'),
      },
    ];
  },
  format: ({ runnableS, waiting, workerCount, isOwnDemand, main }, { summary }) => {
    const mainShare = main === undefined ? 0 : shareOf(main, 'runnable');
    const wanted = (summary.usedCores + waiting).toFixed(1);
    return {
      severity: 'slow',
      costS: runnableS,
      title: `Threads were ready to run and had no CPU for ${formatMs(runnableS * 1000)} of thread time.`,
      facts: [
        `The program wanted ${wanted} CPUs on average and got ${summary.usedCores.toFixed(1)}, of ${summary.usableCores} usable.`,
        ...(mainShare >= 0.05
          ? [`The main thread waited like that for ${formatShare(mainShare)} of its time, and every request with it.`]
          : []),
      ],
      advice: isOwnDemand
        ? `Start fewer threads that compute (there were ${workerCount} workers; os.availableParallelism() says ${summary.usableCores}), or give the program more CPUs.`
        : 'The program did not fill its CPUs itself: another program uses them, or a CPU quota holds it back. Look at the other processes (top) and the limit of the container.',
    };
  },
};
