/**
 * What happened in a stretch of a run, in the terms that the view and the findings speak: threads and their states, cores,
 * pauses of garbage collection, requests, failures, losses. Runs in the process of `gridwatch run --ui`. Everything here is
 * computed from the window alone, so that a rule can be tested with a hand-written summary.
 */
import { type LockSummary, locksOf } from './lock-summary.ts';
import { type QueueSummary, queuesOf } from './queue-summary.ts';
import type { ProcessEntry } from './window/processes.ts';
import type { Distribution, Durations, Gauge } from './window/series.ts';
import type { SpanEntry, SpanGroup } from './window/span-log.ts';
import type { AgentEvent, Labelled, Window } from './window/window.ts';

/** In the order in which a bar shows them: what costs, then what waits, then what rests. */
export const THREAD_STATES = [
  'running',
  'runnable',
  'waiting_lock',
  'waiting_queue',
  'blocked_io',
  'parked',
  'idle',
  'unknown',
] as const;

export type ThreadState = (typeof THREAD_STATES)[number];

export interface ThreadSummary {
  readonly process: ProcessEntry;
  readonly name: string;
  readonly role: string;
  /** Seconds in each state. */
  readonly statesS: Readonly<Record<ThreadState, number>>;
  /** The sum of all states: how long the thread lived in this stretch, as far as it is known. */
  readonly livedS: number;
  readonly gc: Durations;
  /** The parts of `gc` that collected young objects, and all of the heap; its steps between (`incremental`) are neither. */
  readonly minorGc: Durations;
  readonly majorGc: Durations;
  /** How late its event loop came in the worst hundredth of each interval, on average: the lesser of the two halves of the stretch, so that no start-up counts. */
  readonly lateS: number;
}

export interface CoreSummary {
  readonly number: number;
  /** 0 to 1. */
  readonly busy: number;
}

export interface Summary {
  readonly fromMs: number;
  readonly toMs: number;
  /** False as long as the agent has sent nothing. */
  readonly hasAgentData: boolean;
  readonly processes: readonly ProcessEntry[];
  /** Threads that lived in this stretch. */
  readonly threads: readonly ThreadSummary[];
  /** Locks that were waited for, the worst first. */
  readonly locks: readonly LockSummary[];
  /** Queues, pools and ports that were used, the one whose items waited longest first. */
  readonly queues: readonly QueueSummary[];
  /** Empty where no process of this run measures the host. */
  readonly cores: readonly CoreSummary[];
  /** CPUs the program may use. */
  readonly usableCores: number;
  /** CPUs' worth of time the program used. */
  readonly usedCores: number;
  /** Threads that wanted a CPU at once, on average. */
  readonly demand: number | undefined;
  /** Of the whole window: the slowest are not of any three seconds. */
  readonly spanGroups: readonly SpanGroup[];
  /** The slowest of the spans that arrived in this stretch. */
  readonly slowestNow: SpanEntry | undefined;
  /** Pauses long enough to have a span. */
  readonly pauses: readonly SpanEntry[];
  readonly workerStarts: Durations;
  readonly exits: readonly { readonly errorType: string; readonly count: number }[];
  readonly drops: readonly { readonly kind: string; readonly count: number }[];
  readonly exportFailures: number;
  readonly agentRestarts: number;
  readonly disabledFeatures: readonly { readonly feature: string; readonly reason: string }[];
  readonly events: readonly AgentEvent[];
  /** What the view itself had no room for. */
  readonly unkeptCount: number;
}

/** A thread seen for less than this share of the stretch has ended, or has only just begun. */
const MIN_LIVED_S = 1e-3;

export function summarise(window: Window, fromMs: number, toMs: number, usableCores: number): Summary {
  const threads = threadsOf(window, fromMs, toMs);
  const stretchS = Math.max(1e-3, (toMs - fromMs) / 1000);
  const runningS = threads.reduce((sum, thread) => sum + thread.statesS.running, 0);
  const cpuS = sumOf(window.all('process.cpu.time').map(({ series }) => series.increase(fromMs, toMs)));
  const demands = window.all('gridwatch.cpu.demand').map(({ series }) => series.mean(fromMs, toMs));
  return {
    fromMs,
    toMs,
    hasAgentData: window.all('gridwatch.thread.state.time').length > 0,
    processes: window.processes,
    threads,
    locks: locksOf(window, fromMs, toMs),
    queues: queuesOf(window, fromMs, toMs),
    cores: coresOf(window, fromMs, toMs),
    usableCores,
    usedCores: Math.max(runningS, cpuS) / stretchS,
    demand: demands.length > 0 ? sumOf(demands.map((demand) => demand ?? 0)) : undefined,
    spanGroups: [...window.spans.groups],
    slowestNow: window.spans.slowestSince(fromMs),
    pauses: window.spans.pauses.filter((pause) => pause.endMs >= fromMs && pause.startMs <= toMs),
    workerStarts: merge(
      window.all('gridwatch.thread.startup.duration').map(({ series }) => series.between(fromMs, toMs)),
    ),
    exits: countsBy(window.all('gridwatch.thread.exits'), 'error.type', fromMs, toMs).map(([errorType, count]) => ({
      errorType,
      count,
    })),
    drops: countsBy(window.all('gridwatch.agent.dropped'), 'gridwatch.record.kind', fromMs, toMs).map(
      ([kind, count]) => ({
        kind,
        count,
      }),
    ),
    exportFailures: Math.round(
      sumOf(window.all('gridwatch.agent.export.failures').map(({ series }) => series.increase(fromMs, toMs))),
    ),
    agentRestarts: Math.round(
      sumOf(window.all('gridwatch.agent.restarts').map(({ series }) => series.increase(fromMs, toMs))),
    ),
    disabledFeatures: window
      .all('gridwatch.agent.feature.disabled')
      .filter(({ series }) => (series.last ?? 0) > 0)
      .map(({ attributes }) => ({
        feature: attributes['gridwatch.feature'] ?? '',
        reason: attributes['gridwatch.reason'] ?? '',
      })),
    events: window.events.filter(
      (event) => event.timeMs <= toMs && (event.timeMs >= fromMs || window.isStanding(event)),
    ),
    unkeptCount: window.unkeptPointCount + window.spans.unkeptCount,
  };
}

/** The share of a thread's life that it spent in a state, 0 to 1. */
export function shareOf(thread: ThreadSummary, state: ThreadState): number {
  return thread.livedS > 0 ? thread.statesS[state] / thread.livedS : 0;
}

/** Whether the program started the thread, and not Node or the agent. */
export function isProgramThread({ role }: ThreadSummary): boolean {
  return role === 'main' || role === 'worker';
}

/** Of several processes, the one whose main thread computed most. */
export function busiestMain({ threads }: Summary): ThreadSummary | undefined {
  return threads.filter(({ role }) => role === 'main').toSorted((a, b) => b.statesS.running - a.statesS.running)[0];
}

/** Tells threads of the same name apart in a sentence; '' where there is but one process. */
export function processSuffix({ process }: ThreadSummary, { processes }: Summary): string {
  return processes.length > 1 ? ` of process ${process.pid ?? '?'}` : '';
}

function threadsOf(window: Window, fromMs: number, toMs: number): ThreadSummary[] {
  interface Gathered {
    role: string;
    readonly statesS: Record<ThreadState, number>;
  }
  const gathered = new Map<ProcessEntry, Map<string, Gathered>>();
  for (const { process, attributes, series } of window.all('gridwatch.thread.state.time')) {
    const name = attributes['thread.name'] ?? 'main';
    const state = attributes['gridwatch.thread.state'] ?? '';
    const ofProcess = gathered.get(process) ?? new Map<string, Gathered>();
    gathered.set(process, ofProcess);
    const thread = ofProcess.get(name) ?? { role: attributes['gridwatch.thread.role'] ?? 'other', statesS: noStates() };
    ofProcess.set(name, thread);
    thread.statesS[isState(state) ? state : 'unknown'] += series.increase(fromMs, toMs);
  }
  const pauses = window.all('v8js.gc.duration');
  const delays = window.all('nodejs.eventloop.delay.p99');
  const durationsIn = ({ series }: Labelled<Distribution>): Durations => series.between(fromMs, toMs);
  const threads: ThreadSummary[] = [];
  for (const [process, ofProcess] of gathered) {
    for (const [name, { role, statesS }] of ofProcess) {
      const livedS = sumOf(Object.values(statesS));
      if (livedS < MIN_LIVED_S) continue;
      const isOwn = (entry: Labelled<unknown>): boolean =>
        entry.process === process && (entry.attributes['thread.name'] ?? 'main') === name;
      const own = pauses.filter(isOwn);
      const ofType = (type: string): Durations =>
        merge(own.filter((entry) => entry.attributes['v8js.gc.type'] === type).map(durationsIn));
      const gc = merge(own.map(durationsIn));
      const lateS = latenessOf(delays.find(isOwn)?.series, fromMs, toMs);
      threads.push({
        process,
        name,
        role,
        statesS,
        livedS,
        gc,
        minorGc: ofType('minor'),
        majorGc: ofType('major'),
        lateS,
      });
    }
  }
  return threads;
}

function latenessOf(delays: Gauge | undefined, fromMs: number, toMs: number): number {
  const middleMs = (fromMs + toMs) / 2;
  return Math.min(delays?.mean(fromMs, middleMs) ?? 0, delays?.mean(middleMs, toMs) ?? 0);
}

function coresOf(window: Window, fromMs: number, toMs: number): CoreSummary[] {
  const cores = new Map<number, { busyS: number; allS: number }>();
  const series = window.all('system.cpu.time');
  const holder = series[0]?.process;
  for (const entry of series) {
    const number = Number(entry.attributes['cpu.logical_number'] ?? Number.NaN);
    if (entry.process !== holder || !Number.isInteger(number)) continue;
    const core = cores.get(number) ?? { busyS: 0, allS: 0 };
    cores.set(number, core);
    const timeS = entry.series.increase(fromMs, toMs);
    const mode = entry.attributes['cpu.mode'];
    core.allS += timeS;
    if (mode !== 'idle' && mode !== 'iowait') core.busyS += timeS;
  }
  return [...cores]
    .map(([number, { busyS, allS }]) => ({ number, busy: allS > 0 ? Math.min(1, busyS / allS) : 0 }))
    .toSorted((a, b) => a.number - b.number);
}

/** Counts by the value of one attribute, largest first, without zeros. Series without the attribute are left out. */
function countsBy(
  series: readonly Labelled<{ increase(fromMs: number, toMs: number): number }>[],
  attribute: string,
  fromMs: number,
  toMs: number,
): [string, number][] {
  const counts = new Map<string, number>();
  for (const entry of series) {
    const value = entry.attributes[attribute];
    const count = Math.round(entry.series.increase(fromMs, toMs));
    if (value !== undefined && count > 0) counts.set(value, (counts.get(value) ?? 0) + count);
  }
  return [...counts].toSorted(([, a], [, b]) => b - a);
}

function merge(all: readonly Durations[]): Durations {
  return {
    count: sumOf(all.map(({ count }) => count)),
    sumS: sumOf(all.map(({ sumS }) => sumS)),
    atMostS: Math.max(0, ...all.map(({ atMostS }) => atMostS)),
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function noStates(): Record<ThreadState, number> {
  return Object.fromEntries(THREAD_STATES.map((state) => [state, 0])) as Record<ThreadState, number>;
}

function isState(state: string): state is ThreadState {
  return (THREAD_STATES as readonly string[]).includes(state);
}
