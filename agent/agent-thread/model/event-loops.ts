/**
 * The event loops of the threads: how long each was active and idle, and what waited for it.
 *
 * Runs on the agent thread, at collection. A loop tells of itself in beats, the last one up to 5 s old while it has nothing to do. A beat that is
 * overdue says as much: the loop has been active since, or its thread is parked, which the wait word knows. Parked time is idle: a pool's worker
 * that waits for its next task in `Atomics.wait` never turns its loop, and Node counts it as fully active.
 */
import { HistogramTotal } from '../../shared-memory/histogram.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import { type LoopBeat, LoopReader } from '../../shared-memory/loop-words.ts';
import type { WaitSnapshot } from '../../shared-memory/wait-word.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { type DelayStatistics, delayStatistics } from './delays.ts';
import { NameTotals } from './name-totals.ts';

/** A shorter interval, as when two readers collect one after the other, keeps the last values. */
const MIN_INTERVAL_NS = 1e9;
/** Without a new one for so long, delays are left out: the loop does not turn. */
const KEEP_DELAYS_NS = 15e9;
/** As the thread does (`app-thread/sources/event-loop.ts`). */
const PROBE_NS = 20e6;
const MAX_PROBES = 10_000;

export interface EventLoopsSettings {
  readonly memory: ControlMemory;
  readonly readWait: (slot: number, nowNs: number) => WaitSnapshot | undefined;
  readonly nowNs: () => number;
}

interface Progress {
  readonly activeNs: number;
  readonly idleNs: number;
  /** How long something due has been waiting for the loop by now; 0 when the thread has parked meanwhile, which is nobody's waiting. */
  readonly lateNs: number;
}

/** One thread's. */
export class EventLoop {
  readonly name: string;
  readonly #settings: EventLoopsSettings;
  readonly #slot: number;
  readonly #reader: LoopReader;
  /** Active and idle time of all threads that bore the name. */
  readonly #totals: Float64Array;
  #activeNs = 0;
  #idleNs = 0;
  #intervalNs = Number.NEGATIVE_INFINITY;
  #intervalActiveNs = 0;
  #intervalIdleNs = 0;
  #utilization: number | undefined;
  #delays: DelayStatistics | undefined;
  #delaysNs = 0;

  constructor(settings: EventLoopsSettings, slot: number, name: string, totals: Float64Array) {
    this.name = name;
    this.#settings = settings;
    this.#slot = slot;
    this.#reader = new LoopReader(settings.memory, slot);
    this.#totals = totals;
  }

  /** Since when something due waits for the loop to turn; undefined while it turns, and when the thread has waited for anything meanwhile. */
  lateSinceNs(nowNs: number): number | undefined {
    const beat = this.#reader.readBeat();
    if (beat === undefined || nowNs <= beat.dueNs) return undefined;
    const wait = this.#settings.readWait(this.#slot, nowNs);
    const hasWaited = wait !== undefined && (wait.state !== 'none' || wait.parkedNs > beat.parkedNs);
    return hasWaited ? undefined : beat.dueNs;
  }

  /** Adds to the name's totals what has passed since the last call. */
  update(nowNs: number): Progress | undefined {
    const beat = this.#reader.readBeat();
    if (beat === undefined) return undefined;
    const progress = progressOf(beat, this.#settings.readWait(this.#slot, nowNs), nowNs);
    const activeNs = Math.max(this.#activeNs, progress.activeNs);
    const idleNs = Math.max(this.#idleNs, progress.idleNs);
    this.#totals[0] = (this.#totals[0] as number) + activeNs - this.#activeNs;
    this.#totals[1] = (this.#totals[1] as number) + idleNs - this.#idleNs;
    this.#activeNs = activeNs;
    this.#idleNs = idleNs;
    return progress;
  }

  collect(sink: MetricSink, nowNs: number): void {
    const progress = this.update(nowNs);
    if (progress === undefined) return;
    if (nowNs - this.#intervalNs >= MIN_INTERVAL_NS) this.#endInterval(nowNs, progress.lateNs);
    const thread = { 'thread.name': this.name };
    if (this.#utilization !== undefined) sink.gauge('nodejs.eventloop.utilization', thread, this.#utilization);
    const delays = this.#delays;
    if (delays === undefined) return;
    sink.gauge('nodejs.eventloop.delay.min', thread, delays.min);
    sink.gauge('nodejs.eventloop.delay.max', thread, delays.max);
    sink.gauge('nodejs.eventloop.delay.mean', thread, delays.mean);
    sink.gauge('nodejs.eventloop.delay.stddev', thread, delays.stddev);
    sink.gauge('nodejs.eventloop.delay.p50', thread, delays.p50);
    sink.gauge('nodejs.eventloop.delay.p90', thread, delays.p90);
    sink.gauge('nodejs.eventloop.delay.p99', thread, delays.p99);
  }

  #endInterval(nowNs: number, lateNs: number): void {
    this.#intervalNs = nowNs;
    const activeNs = this.#activeNs - this.#intervalActiveNs;
    const idleNs = this.#idleNs - this.#intervalIdleNs;
    if (activeNs + idleNs > 0) this.#utilization = activeNs / (activeNs + idleNs);
    this.#intervalActiveNs = this.#activeNs;
    this.#intervalIdleNs = this.#idleNs;
    const delays = this.#takeDelays(lateNs);
    if (delays === undefined && nowNs - this.#delaysNs < KEEP_DELAYS_NS) return;
    this.#delays = delays;
    this.#delaysNs = nowNs;
  }

  /** What waits now counts with how long it has waited so far. */
  #takeDelays(lateNs: number): DelayStatistics | undefined {
    const window = new HistogramTotal('waits');
    const seen = this.#reader.takeDelays(window);
    const histogram = seen === undefined ? new HistogramTotal('waits') : window;
    let { minNs, maxNs, squares } = seen ?? { minNs: Number.POSITIVE_INFINITY, maxNs: 0, squares: 0 };
    for (let probes = 0, delayNs = lateNs; delayNs > 0 && probes < MAX_PROBES; probes++, delayNs -= PROBE_NS) {
      histogram.record(delayNs);
      minNs = Math.min(minNs, delayNs);
      maxNs = Math.max(maxNs, delayNs);
      squares += delayNs * delayNs;
    }
    return delayStatistics(histogram, { minNs, maxNs, squares });
  }
}

function progressOf(beat: LoopBeat, wait: WaitSnapshot | undefined, nowNs: number): Progress {
  const parkedNs = Math.max(beat.parkedNs, wait?.parkedNs ?? 0);
  const parkedSinceNs = parkedNs - beat.parkedNs;
  const overdueNs = Math.max(0, nowNs - beat.dueNs - parkedSinceNs);
  const toBeatNs = Math.max(0, beat.atNs - beat.startedNs - beat.idleNs - beat.parkedNs);
  return {
    activeNs: toBeatNs + overdueNs,
    idleNs: beat.idleNs + parkedNs,
    lateNs: parkedSinceNs > 0 ? 0 : overdueNs,
  };
}

export class EventLoops implements MetricSource {
  readonly #settings: EventLoopsSettings;
  readonly #live = new Set<EventLoop>();
  readonly #totals = new NameTotals(2);

  constructor(settings: EventLoopsSettings) {
    this.#settings = settings;
  }

  /** A thread of this name has the slot. */
  open(slot: number, name: string): EventLoop {
    const loop = new EventLoop(this.#settings, slot, name, this.#totals.take(name));
    this.#live.add(loop);
    return loop;
  }

  /** Reads a last time, before the slot is given back. */
  close(loop: EventLoop, endedNs: number): void {
    loop.update(endedNs);
    this.#live.delete(loop);
    this.#totals.giveBack(loop.name);
  }

  collect(sink: MetricSink): void {
    const nowNs = this.#settings.nowNs();
    for (const loop of this.#live) loop.collect(sink, nowNs);
    for (const [name, [activeNs = 0, idleNs = 0]] of this.#totals.tell()) {
      if (activeNs + idleNs === 0) continue;
      sink.sum('nodejs.eventloop.time', { 'thread.name': name, 'nodejs.eventloop.state': 'active' }, activeNs);
      sink.sum('nodejs.eventloop.time', { 'thread.name': name, 'nodejs.eventloop.state': 'idle' }, idleNs);
    }
  }
}
