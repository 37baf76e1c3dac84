/**
 * The rules about workers: those that fail, those started slowly or too often, and pools of the wrong size. They run
 * in the process of `gridwatch run --ui`.
 */
import { counted, formatMs, formatShare } from '../quantities.ts';
import { isProgramThread, shareOf, type ThreadSummary } from '../summary.ts';
import { durationMsOf, type SpanEntry } from '../window/span-log.ts';
import type { AgentEvent } from '../window/window.ts';
import { fullPools } from './queues.ts';
import { type Rule, stretchS } from './rule.ts';

interface Failure {
  readonly how: string;
  readonly advice: string;
}

/** `terminate()` is how pools end their workers: no failure. */
const FAILURES: ReadonlyMap<string, Failure> = new Map([
  [
    'out_of_memory',
    {
      how: 'ran out of memory',
      advice: 'Give it more (resourceLimits.maxOldGenerationSizeMb), or hand it less at a time.',
    },
  ],
  [
    'uncaught',
    {
      how: 'ended with an error that nothing in it caught',
      advice: "The error goes to the listeners of 'error' on the Worker; without any it ends the program.",
    },
  ],
  [
    'exit_code',
    {
      how: 'ended with an exit code other than 0',
      advice: 'process.exit() in a worker ends it in the middle of its work: let it return instead, or throw.',
    },
  ],
]);

export interface FailedWorkers {
  readonly errorType: string;
  readonly count: number;
  readonly event: AgentEvent | undefined;
}

export const failedWorkers: Rule<FailedWorkers> = {
  check: ({ summary }) => {
    const events = summary.events.filter(({ name }) => name === 'gridwatch.thread.failed');
    return summary.exits
      .filter(({ errorType }) => FAILURES.has(errorType))
      .map(({ errorType, count }) => {
        return { errorType, count, event: events.find((event) => event.errorType === errorType) };
      });
  },
  format: ({ errorType, count, event }) => {
    const name = event?.threadName ?? '';
    const { how, advice } = FAILURES.get(errorType) ?? { how: '', advice: '' };
    return {
      severity: 'failure',
      costS: count,
      title: `${counted(count, 'worker')} ${how}${name === '' ? '' : count === 1 ? `: ${name}` : `, ${name} among them`}.`,
      facts: fileFacts(event?.workerFile),
      advice,
      site: event?.site,
    };
  },
};

export interface WorkerStarts {
  readonly count: number;
  readonly sumS: number;
  /** Without the time in which threads of the program were ready and had no CPU, as far as that can be estimated. */
  readonly unhinderedS: number;
  readonly perSecond: number;
  readonly slowest: SpanEntry | undefined;
}

/** Loading a worker takes Node some 30 ms; ten times that is the worker's own modules. */
const SLOW_START_S = 0.3;

/** One start a second, for a while: each costs as much as many a task. */
const CHURN_PER_SECOND = 1;
const CHURN_COUNT = 20;

function startsOf(evidence: Parameters<Rule<WorkerStarts>['check']>[0]): WorkerStarts {
  const { workerStarts, spanGroups, threads } = evidence.summary;
  const [slowest] = spanGroups
    .flatMap((group) => group.slowest)
    .filter(({ isGridwatch, name }) => isGridwatch && name.startsWith('worker.start '))
    .toSorted((a, b) => durationMsOf(b) - durationMsOf(a));
  return {
    count: workerStarts.count,
    sumS: workerStarts.sumS,
    unhinderedS: workerStarts.sumS * gotShare(threads),
    perSecond: workerStarts.count / stretchS(evidence),
    slowest,
  };
}

/** How much of the CPU time that the program's threads wanted they got. */
function gotShare(threads: readonly ThreadSummary[]): number {
  let runningS = 0;
  let wantedS = 0;
  for (const { statesS } of threads.filter(isProgramThread)) {
    runningS += statesS.running;
    wantedS += statesS.running + statesS.runnable;
  }
  return wantedS > 0 ? runningS / wantedS : 1;
}

export const slowWorkerStart: Rule<WorkerStarts> = {
  check: (evidence) => {
    const starts = startsOf(evidence);
    // On a machine that is full anything takes long, and that is not for the worker to mend.
    return starts.count > 0 && starts.unhinderedS / starts.count >= SLOW_START_S ? [starts] : [];
  },
  format: ({ count, sumS, slowest }) => ({
    severity: 'slow',
    costS: sumS,
    title: `A worker took ${formatMs((sumS / count) * 1000)} until its first line of code.`,
    facts: [
      `That is the mean of ${counted(count, 'start')}` +
        (slowest === undefined ? '.' : `; the slowest, ${nameOf(slowest)}, took ${formatMs(durationMsOf(slowest))}.`),
      ...fileFacts(slowest?.workerFile),
    ],
    advice: 'Import less in the worker file, or start the workers before they are needed (piscina: minThreads).',
    site: slowest?.site,
  }),
};

export const workerChurn: Rule<WorkerStarts> = {
  check: (evidence) => {
    const starts = startsOf(evidence);
    return starts.count >= CHURN_COUNT && starts.perSecond >= CHURN_PER_SECOND ? [starts] : [];
  },
  format: ({ count, sumS, perSecond, slowest }) => ({
    severity: 'waste',
    costS: sumS,
    title: `${counted(count, 'worker')} started, ${perSecond.toFixed(1)} a second.`,
    facts: [
      `Each took ${formatMs((sumS / count) * 1000)} until its first line of code, ${formatMs(sumS * 1000)} in all.`,
      ...fileFacts(slowest?.workerFile),
    ],
    advice: 'Keep workers and send them tasks instead of starting one for each: a pool like piscina does that.',
    site: slowest?.site,
  }),
};

export interface Pool {
  /** What the names have in common. */
  readonly name: string;
  /** The busiest first. */
  readonly workers: readonly ThreadSummary[];
  readonly usedCount: number;
}

const MIN_LIVED_S = 10;
const IN_USE_SHARE = 0.01;
const IDLE_SHARE = 0.1;
const BUSY_SHARE = 0.85;

/** Workers of one kind and process that have lived long enough to be judged. */
function poolsOf(threads: readonly ThreadSummary[]): Pool[] {
  const pools = new Map<string, ThreadSummary[]>();
  for (const worker of threads) {
    if (worker.role !== 'worker' || worker.livedS < MIN_LIVED_S) continue;
    const key = `${worker.process.pid ?? ''} ${kindOf(worker)}`;
    const workers = pools.get(key) ?? [];
    workers.push(worker);
    pools.set(key, workers);
  }
  return [...pools.values()].map((all) => {
    const workers = all.toSorted((a, b) => shareOf(b, 'running') - shareOf(a, 'running'));
    const usedCount = workers.filter((worker) => shareOf(worker, 'running') >= IN_USE_SHARE).length;
    return { name: workers[0] === undefined ? '' : kindOf(workers[0]), workers, usedCount };
  });
}

/** The name without the number that tells threads of one kind apart. */
function kindOf({ name }: ThreadSummary): string {
  return name.replace(/-?\d+$/, '') || name;
}

/** Whether one worker computed all the time and the others hardly ever. */
function isOneSided({ workers: [busiest, ...others] }: Pool): boolean {
  return (
    busiest !== undefined &&
    others.length > 0 &&
    shareOf(busiest, 'running') >= BUSY_SHARE &&
    others.every((worker) => shareOf(worker, 'running') < IDLE_SHARE)
  );
}

export const poolOneSided: Rule<Pool> = {
  check: ({ summary }) => poolsOf(summary.threads).filter(isOneSided),
  format: ({ name, workers }) => ({
    severity: 'slow',
    costS: workers[0]?.statesS.running ?? 0,
    title: `${workers[0]?.name ?? name} computed all the time while ${counted(workers.length - 1, 'worker')} of its kind had nothing to do.`,
    facts: [`It ran ${formatShare(workers[0] === undefined ? 0 : shareOf(workers[0], 'running'))} of the time.`],
    advice:
      'Its work is one long task: split it, so that the others can take parts. node --cpu-prof shows what it computes.',
  }),
};

/** An idle pool is no finding: there may be nothing to do. One of which half works and half never does is too large. */
export const poolTooLarge: Rule<Pool> = {
  check: ({ summary }) =>
    poolsOf(summary.threads).filter((pool) => {
      const unusedCount = pool.workers.length - pool.usedCount;
      return pool.usedCount > 0 && unusedCount >= Math.max(2, pool.workers.length / 2) && !isOneSided(pool);
    }),
  format: ({ name, workers, usedCount }) => ({
    severity: 'waste',
    costS: workers.length - usedCount,
    title: `${workers.length - usedCount} of ${workers.length} "${name}" workers did next to nothing.`,
    facts: [
      `The busiest ran ${formatShare(Math.max(...workers.map((worker) => shareOf(worker, 'running'))))} of the time.`,
    ],
    advice: `Unless larger bursts come, ${counted(usedCount, 'worker')} would do (piscina: maxThreads). Each costs a heap and its modules, 5 MB and more.`,
  }),
};

/** One worker alone may be meant to be one: from two on they are a pool. */
export const poolTooSmall: Rule<Pool> = {
  check: (evidence) => {
    const { summary } = evidence;
    /* Of a pool that is known, what waits for it says more. */
    if (fullPools.check(evidence).some(({ kind }) => kind === 'pool')) return [];
    return poolsOf(summary.threads).filter(
      ({ workers }) =>
        workers.length > 1 &&
        summary.usableCores - summary.usedCores >= 1 &&
        workers.every((worker) => shareOf(worker, 'running') >= BUSY_SHARE),
    );
  },
  format: ({ name, workers }, evidence) => {
    const { usableCores, usedCores } = evidence.summary;
    return {
      severity: 'slow',
      costS: (usableCores - usedCores) * stretchS(evidence),
      title: `All ${workers.length} "${name}" workers were busy while ${(usableCores - usedCores).toFixed(1)} CPUs had nothing to do.`,
      facts: [`The program used ${usedCores.toFixed(1)} of ${usableCores} CPUs.`],
      advice: 'If tasks wait for these workers, start more of them (piscina: maxThreads).',
    };
  },
};

/** Which file the worker runs: the site is where it was started. */
function fileFacts(workerFile: string | undefined): string[] {
  return workerFile === undefined || workerFile === '' ? [] : [`The worker's file is ${workerFile}.`];
}

function nameOf(span: SpanEntry): string {
  return span.threadName || span.name.replace(/^worker\.start /, '');
}
