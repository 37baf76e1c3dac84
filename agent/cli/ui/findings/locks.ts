/**
 * The rule about locks: those of `gridwatch/sync`, which are known by name and holder, and raw waits at the places that
 * GRIDWATCH_ATOMICS_SITES names. Everywhere else a thread that waits is `parked`, and a parked thread is no finding. It
 * runs in the process of `gridwatch run --ui`.
 */

import { type LockSummary, toSite } from '../lock-summary.ts';
import { formatMs, formatShare } from '../quantities.ts';
import type { RequestCost } from '../request-cost.ts';
import { isProgramThread, type Summary, type ThreadSummary } from '../summary.ts';
import { siteText } from '../window/span-log.ts';
import { hasDeadlock } from './lock-mistakes.ts';
import type { Rule } from './rule.ts';

/** Waiting below half a second, or a twentieth of what the threads had to do, is what a lock is for. */
const MIN_WAIT_S = 0.5;
const MIN_SHARE = 0.05;

/** The others are seldom worth a sentence. */
const MAX_NAMED_LOCKS = 2;

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
  check: (evidence) => {
    if (hasDeadlock(evidence)) return [];
    const waiting = evidence.summary.threads
      .filter((thread) => isProgramThread(thread) && thread.statesS.waiting_lock > 0)
      .toSorted((a, b) => b.statesS.waiting_lock - a.statesS.waiting_lock);
    const [worst] = waiting;
    if (worst === undefined) return [];
    const waitS = sumOf(waiting.map(({ statesS }) => statesS.waiting_lock));
    const share = waitS / sumOf(waiting.map(({ statesS: s }) => s.waiting_lock + s.running + s.runnable));
    return waitS >= MIN_WAIT_S && share >= MIN_SHARE ? [{ waitS, share, worst }] : [];
  },
  format: ({ waitS, share, worst }, { lockSites, costs, summary }) => {
    /* Not where it was locks with a name, for the most of it. */
    const sites = sumOf(summary.locks.map((lock) => lock.waitS)) < waitS / 2 ? lockSites : [];
    return {
      severity: 'slow',
      costS: waitS,
      title: `Threads waited for a lock for ${formatMs(waitS * 1000)}, ${formatShare(share)} of the time in which they had work.`,
      facts: [
        `${worst.name} waited longest, ${formatMs(worst.statesS.waiting_lock * 1000)}.`,
        ...summary.locks.slice(0, MAX_NAMED_LOCKS).map(lockFact),
        ...workFacts(costs.workers, summary),
        ...(sites.length > 1 ? [`The locks are those of GRIDWATCH_ATOMICS_SITES: ${sites.join(', ')}.`] : []),
      ],
      advice:
        'Hold the lock for less: take out of it what does not need it, or give each part of the data a lock of its own.',
      site: summary.locks[0]?.worst?.site ?? (sites.length === 1 ? toSite(sites[0] ?? '') : undefined),
    };
  },
};

/** Which lock, and whom it was waited for. */
function lockFact({ name, waitS, worst }: LockSummary): string {
  const waited = `Threads waited ${formatMs(waitS * 1000)} for "${name}"`;
  if (worst === undefined) return `${waited}.`;
  const { threadName, site, causedS } = worst;
  const place = site === undefined ? '' : `, which took it at ${siteText(site)}`;
  return `${waited}, most of it (${formatMs(causedS * 1000)}) for ${threadName}${place}.`;
}

/** What workers compute most for is what they hold the lock for, or make garbage for; nothing where much of it is not known. */
export function workFacts(costs: readonly RequestCost[], { threads }: Summary): string[] {
  const workers = threads.filter(({ role }) => role === 'worker');
  const runningS = sumOf(workers.map(({ statesS }) => statesS.running));
  if (sumOf(costs.map(({ sumS }) => sumS)) < MIN_KNOWN_SHARE * runningS || costs.length === 0) return [];
  const routes = costs.slice(0, 3).map(({ route, eachMs }) => `${route} (about ${formatMs(eachMs)} each)`);
  return [`The workers computed most for ${new Intl.ListFormat('en').format(routes)}; that is an estimate.`];
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
