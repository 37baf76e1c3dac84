/** Hand-written summaries for the tests of the view and of the findings. */
import type { QueueSummary } from '../../../../agent/cli/ui/queue-summary.ts';
import { type Summary, THREAD_STATES, type ThreadState, type ThreadSummary } from '../../../../agent/cli/ui/summary.ts';
import type { ProcessEntry } from '../../../../agent/cli/ui/window/processes.ts';
import type { SpanEntry, SpanGroup } from '../../../../agent/cli/ui/window/span-log.ts';

export const PROCESS: ProcessEntry = { serviceName: 'shop', pid: 4711, collectedMs: 0 };

const NO_PAUSES = { count: 0, sumS: 0, atMostS: 0 };

/** A thread by the seconds it spent in each state. */
export function thread(
  name: string,
  seconds: Partial<Record<ThreadState, number>>,
  options: Partial<ThreadSummary> = {},
): ThreadSummary {
  const statesS = Object.fromEntries(THREAD_STATES.map((state) => [state, seconds[state] ?? 0])) as Record<
    ThreadState,
    number
  >;
  return {
    process: PROCESS,
    name,
    role: name === 'main' ? 'main' : 'worker',
    statesS,
    livedS: Object.values(statesS).reduce((sum, value) => sum + value, 0),
    gc: NO_PAUSES,
    minorGc: NO_PAUSES,
    majorGc: NO_PAUSES,
    lateS: 0,
    ...options,
  };
}

/** A pool that a thousand tasks came to, and in which nothing stands out. */
export function queue(options: Partial<QueueSummary> = {}): QueueSummary {
  return {
    process: PROCESS,
    name: 'piscina@work.js',
    kind: 'pool',
    direction: '',
    arrivals: 1000,
    completions: 1000,
    rejections: 0,
    growth: [0, 0, 0, 0],
    waits: NO_PAUSES,
    services: NO_PAUSES,
    serialises: NO_PAUSES,
    size: 0,
    oldestS: 0,
    pool: undefined,
    ...options,
  };
}

export function span(name: string, startMs: number, endMs: number, options: Partial<SpanEntry> = {}): SpanEntry {
  return {
    process: PROCESS,
    name,
    isRequest: false,
    isGridwatch: false,
    threadName: '',
    startMs,
    endMs,
    site: undefined,
    workerFile: '',
    ...options,
  };
}

export function groupOf(...spans: readonly SpanEntry[]): SpanGroup {
  const slowest = spans.toSorted((a, b) => b.endMs - b.startMs - (a.endMs - a.startMs));
  return { name: spans[0]?.name ?? '', count: spans.length, slowest };
}

/** Sixty seconds of a program on four CPUs, in which nothing stands out. */
export function summary(options: Partial<Summary> = {}): Summary {
  return {
    fromMs: 0,
    toMs: 60_000,
    hasAgentData: true,
    processes: [PROCESS],
    threads: [thread('main', { running: 6, idle: 54 }), thread('worker-1', { running: 10, parked: 50 })],
    locks: [],
    queues: [],
    cores: [],
    usableCores: 4,
    usedCores: 0.3,
    demand: 0.3,
    spanGroups: [],
    slowestNow: undefined,
    pauses: [],
    workerStarts: NO_PAUSES,
    exits: [],
    drops: [],
    exportFailures: 0,
    agentRestarts: 0,
    disabledFeatures: [],
    events: [],
    unkeptCount: 0,
    ...options,
  };
}
