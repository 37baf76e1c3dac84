/**
 * The rule about pauses of garbage collection: of a thread's time, and inside the slowest requests. It runs in
 * the process of `gridwatch run --ui`.
 */
import { counted, formatAtMost, formatMs, formatShare } from '../quantities.ts';
import { isProgramThread, type ThreadSummary } from '../summary.ts';
import { durationMsOf, type SpanEntry } from '../window/span-log.ts';
import type { Rule } from './rule.ts';

/** A thread that spends more than this share of its time so is worth a change; below, other things matter more. */
const MIN_SHARE = 0.05;

/** A pause this long is felt by whoever waits for the thread. */
const LONG_PAUSE_MS = 100;

/** A request counts as held up when a pause made this share of it. */
const MIN_REQUEST_SHARE = 0.2;
const MIN_REQUEST_MS = 50;
const REQUESTS_LOOKED_AT = 20;

interface HeldUpRequest {
  readonly request: SpanEntry;
  readonly pausedMs: number;
}

export interface PausedThread {
  readonly thread: ThreadSummary;
  readonly share: number;
  readonly majorShare: number;
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
          majorShare: thread.gc.sumS > 0 ? thread.majorGc.sumS / thread.gc.sumS : 0,
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
  format: ({ thread, share, majorShare, longestMs, heldUp }) => ({
    severity: 'slow',
    costS: thread.gc.sumS,
    title: titleOf(thread, share, longestMs, heldUp),
    facts: [
      `${counted(thread.gc.count, 'pause')}, ${formatMs(thread.gc.sumS * 1000)} in all, ${longestOf(thread, longestMs)}.`,
      ...heldUpFacts(heldUp),
    ],
    advice: majorShare > 0.5 ? adviceForOldObjects(thread) : adviceForYoungObjects(thread),
    site: undefined,
  }),
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

function overlapMs(request: SpanEntry, pauses: readonly SpanEntry[]): number {
  let sumMs = 0;
  for (const pause of pauses) {
    if (pause.process !== request.process) continue;
    sumMs += Math.max(0, Math.min(request.endMs, pause.endMs) - Math.max(request.startMs, pause.startMs));
  }
  return Math.min(sumMs, durationMsOf(request));
}

function titleOf({ name }: ThreadSummary, share: number, longestMs: number, heldUp: readonly HeldUpRequest[]): string {
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

function adviceForYoungObjects({ role }: ThreadSummary): string {
  const room =
    role === 'main'
      ? 'node --max-semi-space-size=64'
      : 'resourceLimits: { maxYoungGenerationSizeMb: 128 } for the worker';
  return `Most of it is objects that live briefly. See who makes them (node --heap-prof), make fewer, or give them room: ${room}.`;
}

function adviceForOldObjects({ role }: ThreadSummary): string {
  const room =
    role === 'main' ? 'node --max-old-space-size=<MB>' : 'resourceLimits.maxOldGenerationSizeMb of the worker';
  return (
    'Most of it is a heap of objects that stay. If it keeps growing, compare two heap snapshots ' +
    `(node --heapsnapshot-signal=SIGUSR2); if it has to be so large, raise ${room}.`
  );
}
