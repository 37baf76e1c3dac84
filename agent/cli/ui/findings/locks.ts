/**
 * The rule about locks. The agent tells a thread that waits for a lock from one that rests only where
 * GRIDWATCH_ATOMICS_SITES names the place: everything else is `parked`, and a parked thread is no finding. It runs in the
 * process of `gridwatch run --ui`.
 */
import { formatMs, formatShare } from '../quantities.ts';
import type { RequestCost } from '../request-cost.ts';
import { isProgramThread, type Summary, type ThreadSummary } from '../summary.ts';
import type { Site } from '../window/span-log.ts';
import type { Rule } from './rule.ts';

/** Waiting below half a second, or a twentieth of what the threads had to do, is what a lock is for. */
const MIN_WAIT_S = 0.5;
const MIN_SHARE = 0.05;

/** Of what workers computed: with less of it known, another route may be the costliest. */
const MIN_KNOWN_SHARE = 0.5;

export interface LockWaits {
  readonly waitS: number;
  /** Of the time in which these threads ran, wanted to run or waited. */
  readonly share: number;
  /** Who waited longest. */
  readonly worst: ThreadSummary;
}

export const lockWaits: Rule<LockWaits> = {
  check: ({ summary }) => {
    const waiting = summary.threads
      .filter((thread) => isProgramThread(thread) && thread.statesS.waiting_lock > 0)
      .toSorted((a, b) => b.statesS.waiting_lock - a.statesS.waiting_lock);
    const [worst] = waiting;
    if (worst === undefined) return [];
    const waitS = sumOf(waiting.map(({ statesS }) => statesS.waiting_lock));
    const share = waitS / sumOf(waiting.map(({ statesS: s }) => s.waiting_lock + s.running + s.runnable));
    return waitS >= MIN_WAIT_S && share >= MIN_SHARE ? [{ waitS, share, worst }] : [];
  },
  format: ({ waitS, share, worst }, { lockSites, costs, summary }) => ({
    severity: 'slow',
    costS: waitS,
    title: `Threads waited for a lock for ${formatMs(waitS * 1000)}, ${formatShare(share)} of the time in which they had work.`,
    facts: [
      `${worst.name} waited longest, ${formatMs(worst.statesS.waiting_lock * 1000)}.`,
      ...workFacts(costs.workers, summary),
      ...(lockSites.length > 1 ? [`The locks are those of GRIDWATCH_ATOMICS_SITES: ${lockSites.join(', ')}.`] : []),
    ],
    advice:
      'Hold the lock for less: take out of it what does not need it, or give each part of the data a lock of its own.',
    site: lockSites.length === 1 ? toSite(lockSites[0] ?? '') : undefined,
  }),
};

/** What workers compute most for is what they hold the lock for, or make garbage for; nothing where much of it is not known. */
export function workFacts(costs: readonly RequestCost[], { threads }: Summary): string[] {
  const workers = threads.filter(({ role }) => role === 'worker');
  const runningS = sumOf(workers.map(({ statesS }) => statesS.running));
  if (sumOf(costs.map(({ sumS }) => sumS)) < MIN_KNOWN_SHARE * runningS || costs.length === 0) return [];
  const routes = costs.slice(0, 3).map(({ route, eachMs }) => `${route} (about ${formatMs(eachMs)} each)`);
  return [`The workers computed most for ${new Intl.ListFormat('en').format(routes)}; that is an estimate.`];
}

/** A site as the configuration writes it: `file:line`, or a glob. */
function toSite(text: string): Site {
  const [, file = text, line] = /^(.+):(\d+)$/.exec(text) ?? [];
  return { file, line: line === undefined ? undefined : Number(line) };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
