/**
 * The rules about the main thread, which answers everybody: that it has no time left, that one kind of request keeps it, and that something does of which no request
 * tells. They run in the process of `gridwatch run --ui`.
 */
import { counted, formatMs, formatShare } from '../quantities.ts';
import { estimateOf, type RequestCost } from '../request-cost.ts';
import { busiestMain, processSuffix, type Summary, shareOf, type ThreadSummary } from '../summary.ts';
import type { SpanEntry } from '../window/span-log.ts';
import type { Rule } from './rule.ts';

/** Past this share, new work waits behind old. */
const BUSY_SHARE = 0.85;

/** Shorter lives are start-up, which is busy by nature. */
const MIN_LIVED_S = 5;

/** What runs shorter than this at a stretch is felt by nobody. */
const BLOCKING_MS = 10;

/** Of all that the main thread computed, and of its time: below, other things matter more. */
const MIN_SHARE_OF_RUNNING = 0.3;
const MIN_SHARE_OF_TIME = 0.04;

export const busyMainThread: Rule<ThreadSummary> = {
  check: ({ summary }) => summary.threads.filter(({ role }) => role === 'main').filter(isBusy),
  format: (thread, { summary, costs }) => ({
    severity: 'slow',
    costS: thread.statesS.running - thread.gc.sumS,
    title: `The main thread${processSuffix(thread, summary)} computed ${formatShare(shareOf(thread, 'running'))} of the time: whatever else it had to do waited.`,
    facts: [
      `The program used ${summary.usedCores.toFixed(1)} of ${summary.usableCores} CPUs. ` +
        `The main thread was free for ${formatShare(shareOf(thread, 'idle'))} of the time.`,
      ...(isBusiest(thread, summary) ? costs.main.slice(0, 1).flatMap((cost) => factsOf(cost, thread)) : []),
    ],
    advice: adviceFor(isBusiest(thread, summary) ? costs.main[0] : undefined),
  }),
};

/** One kind of request that occupies a thread which has time, all in all. */
export interface Blocking {
  readonly thread: ThreadSummary;
  readonly cost: RequestCost;
}

export const blockingRequests: Rule<Blocking> = {
  check: ({ summary, costs }) => {
    const thread = busiestMain(summary);
    const [cost] = costs.main;
    if (thread === undefined || cost === undefined || isBusy(thread)) return [];
    const isMuch =
      cost.eachMs >= BLOCKING_MS &&
      cost.sumS >= MIN_SHARE_OF_RUNNING * thread.statesS.running &&
      cost.sumS >= MIN_SHARE_OF_TIME * thread.livedS;
    return isMuch ? [{ thread, cost }] : [];
  },
  format: ({ thread, cost }) => ({
    severity: 'slow',
    costS: cost.sumS,
    title: `${cost.route} keeps the main thread for about ${formatMs(cost.eachMs)} each time; all others wait meanwhile.`,
    facts: factsOf(cost, thread),
    advice: adviceFor(cost),
  }),
};

/** A delay that a person feels; and one that computing explains, not somebody else who has the CPU. */
const LATE_S = 0.1;
const MIN_RUNNING = 0.2;

/** The main thread has time, but comes back to its event loop late again and again. */
export const lateMainThread: Rule<ThreadSummary> = {
  check: (evidence) => {
    const told = blockingRequests.check(evidence).map(({ thread }) => thread);
    return evidence.summary.threads.filter(
      (thread) =>
        thread.role === 'main' &&
        thread.livedS >= MIN_LIVED_S &&
        thread.lateS >= LATE_S &&
        shareOf(thread, 'running') >= MIN_RUNNING &&
        !isBusy(thread) &&
        !told.includes(thread),
    );
  },
  format: (thread, { summary }) => ({
    severity: 'slow',
    costS: thread.statesS.running - thread.gc.sumS,
    title: `The main thread${processSuffix(thread, summary)} came back to its event loop ${formatMs(thread.lateS * 1000)} late at worst, again and again: whatever else it had to do waited.`,
    facts: [
      'That is the 99th percentile of the event loop delay, on average: it computes for long at a stretch.',
      `It computed ${formatShare(shareOf(thread, 'running'))} of the time, and was free for ${formatShare(shareOf(thread, 'idle'))}.`,
    ],
    advice: adviceFor(undefined),
    site: longestTurnOf(thread, summary)?.site,
  }),
};

function longestTurnOf({ process }: ThreadSummary, { spanGroups }: Summary): SpanEntry | undefined {
  const turns = spanGroups.find(({ name }) => name === 'eventloop.blocked')?.slowest ?? [];
  return turns.find((turn) => turn.process === process && turn.threadName === 'main');
}

/** What requests cost is known of one process. */
function isBusiest(thread: ThreadSummary, summary: Summary): boolean {
  return thread === busiestMain(summary);
}

function isBusy(thread: ThreadSummary): boolean {
  const running = shareOf(thread, 'running');
  return (
    thread.livedS >= MIN_LIVED_S && running + shareOf(thread, 'runnable') >= BUSY_SHARE && running >= BUSY_SHARE / 2
  );
}

function factsOf(cost: RequestCost, { statesS, gc }: ThreadSummary): string[] {
  const share = Math.min(1, cost.sumS / statesS.running);
  const gcShare = gc.sumS / statesS.running;
  const ofGc = gcShare >= 0.05 ? ` Garbage collection was ${formatShare(gcShare)} of that thread's work.` : '';
  return [
    `${counted(cost.count, 'request')} of ${cost.route} took ${formatMs(cost.sumS * 1000)}, ` +
      `${formatShare(share)} of all that the main thread computed.${ofGc}`,
    estimateOf(cost),
  ];
}

function adviceFor(cost: RequestCost | undefined): string {
  const what = cost === undefined ? 'what it computes' : `what ${cost.route} computes`;
  return (
    `See ${what} (node --cpu-prof app.js, then open the file in the DevTools of a browser). ` +
    'Do it once and keep the result, in a worker, or in slices.'
  );
}
