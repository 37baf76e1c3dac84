/**
 * The rules about garbage collection: the pauses of a thread, in its time and inside the slowest requests, and what V8's own
 * threads do of it beside the program. They run in the process of `gridwatch run --ui`.
 */
import { counted, formatAtMost, formatMs, formatShare } from '../quantities.ts';
import { isProgramThread, processSuffix, type ThreadSummary } from '../summary.ts';
import { durationMsOf, type SpanEntry } from '../window/span-log.ts';
import { workFacts } from './locks.ts';
import { type Rule, stretchS } from './rule.ts';

/** A thread that spends more than this share of its time so is worth a change; below, other things matter more. */
const MIN_SHARE = 0.05;

/** A pause this long is felt by whoever waits for the thread. */
const LONG_PAUSE_MS = 100;

/** A request counts as held up when a pause made this share of it. */
const MIN_REQUEST_SHARE = 0.2;
const MIN_REQUEST_MS = 50;
const REQUESTS_LOOKED_AT = 20;

/** A heap that is merely large is collected as a whole every few seconds at most: the limit grows with what stays. */
const MANY_MAJOR_PER_SECOND = 0.5;

/** The part of a program's CPU time, and of one CPU, from which V8's own threads are worth a look. */
const MIN_SHARE_OF_PROGRAM = 0.08;
const MIN_CPUS = 0.05;

/** They also compile, and most of that at the start. */
const MIN_STRETCH_S = 10;

/** Node's own `--heap-prof` knows only what is still alive when the program ends, and garbage is what is not. */
const WHO_MAKES_IT = 'node --inspect, and in DevTools an allocation sampling with what was collected meanwhile';

interface HeldUpRequest {
  readonly request: SpanEntry;
  readonly pausedMs: number;
}

export interface PausedThread {
  readonly thread: ThreadSummary;
  readonly share: number;
  readonly minorShare: number;
  /** Collections of the whole heap. */
  readonly majorPerSecond: number;
  /** 0 where no pause was long enough to have a span. */
  readonly longestMs: number;
  /** Of the slowest requests, worst first. */
  readonly heldUp: readonly HeldUpRequest[];
}

export const gcPauses: Rule<PausedThread> = {
  check: ({ summary }) =>
    summary.threads
      .filter((thread) => isProgramThread(thread) && thread.gc.count > 0)
      .map((thread) => {
        const pauses = summary.pauses.filter((pause) => isOf(pause, thread));
        return {
          thread,
          share: thread.gc.sumS / thread.livedS,
          minorShare: thread.gc.sumS > 0 ? thread.minorGc.sumS / thread.gc.sumS : 0,
          majorPerSecond: thread.majorGc.count / thread.livedS,
          longestMs: Math.max(0, ...pauses.map(durationMsOf)),
          heldUp:
            thread.role === 'main'
              ? heldUpRequests(
                  summary.spanGroups.flatMap(({ slowest }) => slowest),
                  pauses,
                )
              : [],
        };
      })
      .filter(({ share, longestMs, heldUp }) => share >= MIN_SHARE || longestMs >= LONG_PAUSE_MS || heldUp.length > 0),
  format: (paused, { summary }) => {
    const { thread, share, longestMs, heldUp } = paused;
    return {
      severity: 'slow',
      costS: thread.gc.sumS,
      title: titleOf(thread.name + processSuffix(thread, summary), share, longestMs, heldUp),
      facts: [
        `${counted(thread.gc.count, 'pause')}, ${formatMs(thread.gc.sumS * 1000)} in all, ${longestOf(thread, longestMs)}.`,
        ...heldUpFacts(heldUp),
      ],
      advice: adviceFor(paused),
    };
  },
};

function isOf(pause: SpanEntry, thread: ThreadSummary): boolean {
  return pause.process === thread.process && (pause.threadName || 'main') === thread.name;
}

function heldUpRequests(spans: readonly SpanEntry[], pauses: readonly SpanEntry[]): HeldUpRequest[] {
  return spans
    .filter((span) => span.isRequest && durationMsOf(span) >= MIN_REQUEST_MS)
    .toSorted((a, b) => durationMsOf(b) - durationMsOf(a))
    .slice(0, REQUESTS_LOOKED_AT)
    .map((request) => ({ request, pausedMs: overlapMs(request, pauses) }))
    .filter(({ request, pausedMs }) => pausedMs >= MIN_REQUEST_SHARE * durationMsOf(request));
}

/** One pause is a span in each request that it held up: what was counted once is not counted again. */
function overlapMs(request: SpanEntry, pauses: readonly SpanEntry[]): number {
  let sumMs = 0;
  let countedMs = request.startMs;
  for (const pause of pauses.toSorted((a, b) => a.startMs - b.startMs)) {
    const endMs = Math.min(request.endMs, pause.endMs);
    if (pause.process !== request.process || endMs <= countedMs) continue;
    sumMs += endMs - Math.max(countedMs, pause.startMs);
    countedMs = endMs;
  }
  return sumMs;
}

function titleOf(name: string, share: number, longestMs: number, heldUp: readonly HeldUpRequest[]): string {
  if (share >= MIN_SHARE) return `Garbage collection stopped ${name} for ${formatShare(share)} of the time.`;
  if (longestMs >= LONG_PAUSE_MS) return `Garbage collection stopped ${name} for ${formatMs(longestMs)} at a stretch.`;
  return `Garbage collection on ${name} held up ${counted(heldUp.length, 'slow request')}.`;
}

function longestOf(thread: ThreadSummary, longestMs: number): string {
  return longestMs > 0 ? `the longest ${formatMs(longestMs)}` : `each ${formatAtMost(thread.gc.atMostS)}`;
}

function heldUpFacts(heldUp: readonly HeldUpRequest[]): string[] {
  const [worst] = heldUp;
  if (worst === undefined) return [];
  const { request, pausedMs } = worst;
  return [
    `${counted(heldUp.length, 'of the slowest requests was', 'of the slowest requests were')} held up by it: ` +
      `${request.name} took ${formatMs(durationMsOf(request))}, ${formatMs(pausedMs)} of that in a pause.`,
  ];
}

/** By the kind of collection alone: how large the heap is, and whether it grows, is not known here. */
function adviceFor({ thread, minorShare, majorPerSecond }: PausedThread): string {
  if (minorShare > 0.5) {
    const room =
      thread.role === 'main'
        ? 'node --max-semi-space-size=64'
        : 'resourceLimits: { maxYoungGenerationSizeMb: 128 } for the worker';
    return `Most of it collects young objects. See who makes them (${WHO_MAKES_IT}), make fewer, or give them room: ${room}.`;
  }
  if (majorPerSecond >= MANY_MAJOR_PER_SECOND) {
    return (
      `The whole heap was collected ${majorPerSecond.toFixed(1)} times a second: much is made that is too large or lives too long ` +
      'for the young generation, parsed documents, long strings and arrays above all, and then dies. ' +
      `See who makes it (${WHO_MAKES_IT}); make it once, or in smaller parts.`
    );
  }
  return (
    'The whole heap was collected seldom, and each time took long: as long as there are objects that stay. ' +
    'See what they are (node --heapsnapshot-signal=SIGUSR2), and whether a second snapshot has more of them.'
  );
}

export interface HelperTime {
  readonly runningS: number;
  readonly shareOfProgram: number;
  /** Workers whose own pauses cannot be seen, because they never turn their event loop. */
  readonly arePausesUnseen: boolean;
}

/** Garbage collection that no pause tells of: V8 does most of it beside the threads whose garbage it is. */
export const garbageBeside: Rule<HelperTime> = {
  check: (evidence) => {
    const { summary } = evidence;
    const ofRole = (isOfRole: (thread: ThreadSummary) => boolean): number =>
      summary.threads.filter(isOfRole).reduce((sum, { statesS }) => sum + statesS.running, 0);
    const runningS = ofRole(({ role }) => role === 'v8');
    const shareOfProgram =
      runningS /
      Math.max(
        1e-3,
        ofRole(() => true),
      );
    const lengthS = stretchS(evidence);
    const isMuch = shareOfProgram >= MIN_SHARE_OF_PROGRAM && runningS >= MIN_CPUS * lengthS && lengthS >= MIN_STRETCH_S;
    const arePausesUnseen = summary.disabledFeatures.some(({ feature }) => feature === 'gc.parked_threads');
    return isMuch ? [{ runningS, shareOfProgram, arePausesUnseen }] : [];
  },
  format: ({ runningS, shareOfProgram, arePausesUnseen }, { costs, summary }) => ({
    severity: 'waste',
    costS: runningS,
    title: `V8's own threads took ${formatShare(shareOfProgram)} of the program's CPU time, ${formatMs(runningS * 1000)}.`,
    facts: [
      'They collect garbage, and compile at the start.',
      ...(arePausesUnseen
        ? [
            'Node tells no pauses of workers that rest in Atomics.wait, so their share of it is not known.',
            ...workFacts(costs.workers, summary),
          ]
        : []),
    ],
    advice: `See who makes so much of it (${WHO_MAKES_IT}, of each worker), and make less.`,
  }),
};
