/**
 * The event loop of one thread: how long it was active and idle, and what waited for it.
 *
 * Runs on the agent thread. The loop tells of itself in beats. One that is overdue says as much: the loop is held up, or its thread is parked, which
 * the wait word knows. After the last beat before it became quiet a loop has been idle; when its thread has used CPU time since, it has been dealing
 * with an event that did not end yet. Parked time is idle: a pool's worker that waits for its next task in `Atomics.wait` never turns its loop, and
 * Node counts it as fully active.
 */
import { HistogramTotal } from '../../shared-memory/histogram.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import { type LoopBeat, LoopReader } from '../../shared-memory/loop-words.ts';
import type { WaitSnapshot } from '../../shared-memory/wait-word.ts';
import { type DelayStatistics, delayStatistics } from './delays.ts';

/** Of CPU time, since the loop became quiet. Going to sleep takes some of it. */
const AWAKE_NS = 1e6;
/** A shorter interval, as when two readers collect one after the other, keeps the last values. */
const MIN_INTERVAL_NS = 1e9;
/** As the thread does (`app-thread/sources/delay-probe.ts`). */
const PROBE_NS = 20e6;
const MAX_PROBES = 10_000;
const NO_DELAYS = { minNs: Number.POSITIVE_INFINITY, maxNs: 0, squares: 0 };

export interface EventLoopSettings {
  readonly memory: ControlMemory;
  readonly readWait: (slot: number, nowNs: number) => WaitSnapshot | undefined;
}

/** What the kernel says of the thread. */
export interface ThreadCpu {
  readonly cpuNs: number;
  /** When it was asked. */
  readonly sampledNs: number;
  /** It was asleep in the event loop then. */
  readonly isAsleep: boolean;
}

/** What has become of the loop since its last beat. */
interface Since {
  /** Nothing to do. */
  readonly quietNs: number;
  readonly parkedNs: number;
  readonly activeNs: number;
  /** How long something due has been waiting for the loop by now; 0 when the thread has parked meanwhile, which is nobody's waiting. */
  readonly lateNs: number;
}

export class EventLoop {
  readonly name: string;
  readonly #settings: EventLoopSettings;
  readonly #slot: number;
  readonly #cpu: ThreadCpu;
  readonly #reader: LoopReader;
  /** Active and idle time of all threads that bore the name. */
  readonly #totals: Float64Array;
  #activeNs = 0;
  #quietNs = 0;
  #parkedNs = 0;
  /** The last quiet beat; the CPU time of the thread when it was seen first after that, and when it last slept; when it was seen to have woken. */
  #quietNumber = 0;
  #quietCpuNs = Number.NaN;
  #asleepCpuNs = Number.NaN;
  #awakeNs = Number.NaN;
  #intervalNs = Number.NEGATIVE_INFINITY;
  #intervalActiveNs = 0;
  #intervalQuietNs = 0;
  #intervalParkedNs = 0;
  #utilization: number | undefined;
  #delays: DelayStatistics | undefined;

  constructor(settings: EventLoopSettings, slot: number, name: string, cpu: ThreadCpu, totals: Float64Array) {
    this.name = name;
    this.#settings = settings;
    this.#slot = slot;
    this.#cpu = cpu;
    this.#reader = new LoopReader(settings.memory, slot);
    this.#totals = totals;
  }

  /** The share of the last interval that was active. */
  get utilization(): number | undefined {
    return this.#utilization;
  }

  get delays(): DelayStatistics | undefined {
    return this.#delays;
  }

  /** Looks whether a quiet loop still is. To be called at every poll. */
  look(): void {
    const beat = this.#reader.readBeat();
    if (beat === undefined || beat.dueNs !== 0) return;
    if (beat.number !== this.#quietNumber) {
      this.#quietNumber = beat.number;
      this.#quietCpuNs = Number.NaN;
      this.#awakeNs = Number.NaN;
    }
    const { cpuNs, sampledNs, isAsleep } = this.#cpu;
    if (sampledNs < beat.atNs) return;
    if (Number.isNaN(this.#quietCpuNs)) this.#quietCpuNs = this.#asleepCpuNs = cpuNs;
    else if (isAsleep) {
      this.#asleepCpuNs = cpuNs;
      this.#awakeNs = Number.NaN;
    } else if (Number.isNaN(this.#awakeNs) && cpuNs - this.#asleepCpuNs > AWAKE_NS) this.#awakeNs = sampledNs;
  }

  /** Since when something due waits for the loop; undefined while it turns, and when the thread has parked meanwhile. */
  lateSinceNs(nowNs: number): number | undefined {
    const beat = this.#reader.readBeat();
    const dueNs = beat && this.#dueNs(beat);
    if (beat === undefined || dueNs === undefined || nowNs <= dueNs) return undefined;
    const wait = this.#settings.readWait(this.#slot, nowNs);
    const hasParked = wait !== undefined && (wait.state !== 'none' || wait.parkedNs > beat.parkedNs);
    return hasParked ? undefined : dueNs;
  }

  /** Up to when the thread has run any of the program's code that is not over; `nowNs` while it may. */
  activeUntilNs(nowNs: number): number {
    const wait = this.#settings.readWait(this.#slot, nowNs);
    if (wait !== undefined && wait.state !== 'none') return wait.sinceNs;
    const beat = this.#reader.readBeat();
    return beat !== undefined && this.#dueNs(beat) === undefined ? beat.atNs : nowNs;
  }

  /** Adds to the name's totals what has passed since the last call. */
  update(nowNs: number): void {
    const beat = this.#reader.readBeat();
    if (beat === undefined) return;
    const since = this.#since(beat, nowNs);
    const toBeatNs = Math.max(0, beat.atNs - beat.startedNs - beat.idleNs - beat.parkedNs);
    const activeNs = Math.max(this.#activeNs, toBeatNs + since.activeNs);
    const quietNs = Math.max(this.#quietNs, beat.idleNs + since.quietNs);
    const parkedNs = Math.max(this.#parkedNs, beat.parkedNs + since.parkedNs);
    const idleNs = quietNs - this.#quietNs + parkedNs - this.#parkedNs;
    this.#totals[0] = (this.#totals[0] as number) + activeNs - this.#activeNs;
    this.#totals[1] = (this.#totals[1] as number) + idleNs;
    this.#activeNs = activeNs;
    this.#quietNs = quietNs;
    this.#parkedNs = parkedNs;
    if (nowNs - this.#intervalNs >= MIN_INTERVAL_NS) this.#endInterval(nowNs, since.lateNs);
  }

  /** When something due begins to wait; undefined in a loop that is quiet. */
  #dueNs({ number, dueNs }: LoopBeat): number | undefined {
    if (dueNs !== 0) return dueNs;
    return number === this.#quietNumber && !Number.isNaN(this.#awakeNs) ? this.#awakeNs : undefined;
  }

  #since(beat: LoopBeat, nowNs: number): Since {
    const wait = this.#settings.readWait(this.#slot, nowNs);
    const parkedNs = Math.max(0, (wait?.parkedNs ?? 0) - beat.parkedNs);
    const dueNs = this.#dueNs(beat);
    const overdueNs = dueNs === undefined ? 0 : Math.max(0, nowNs - dueNs - parkedNs);
    const lateNs = parkedNs > 0 ? 0 : overdueNs;
    if (beat.dueNs !== 0) return { quietNs: 0, parkedNs, activeNs: overdueNs, lateNs };
    const isKnown = beat.number === this.#quietNumber && !Number.isNaN(this.#quietCpuNs);
    const activeNs = isKnown ? Math.max(overdueNs, this.#cpu.cpuNs - this.#quietCpuNs) : 0;
    return { quietNs: Math.max(0, nowNs - beat.atNs - parkedNs - activeNs), parkedNs, activeNs, lateNs };
  }

  #endInterval(nowNs: number, lateNs: number): void {
    const activeNs = this.#activeNs - this.#intervalActiveNs;
    const quietNs = this.#quietNs - this.#intervalQuietNs;
    const parkedNs = this.#parkedNs - this.#intervalParkedNs;
    const passedNs = activeNs + quietNs + parkedNs;
    if (passedNs > 0) this.#utilization = activeNs / passedNs;
    this.#delays = this.#takeDelays(quietNs, lateNs);
    this.#intervalNs = nowNs;
    this.#intervalActiveNs = this.#activeNs;
    this.#intervalQuietNs = this.#quietNs;
    this.#intervalParkedNs = this.#parkedNs;
  }

  /** The thread tells of those that waited; what was due in quiet time waited for nothing; what waits now counts with how long it has so far. */
  #takeDelays(quietNs: number, lateNs: number): DelayStatistics | undefined {
    const window = new HistogramTotal('waits');
    const seen = this.#reader.takeDelays(window);
    const histogram = seen === undefined ? new HistogramTotal('waits') : window;
    let { minNs, maxNs, squares } = seen ?? NO_DELAYS;
    for (let probes = 0, delayNs = lateNs; delayNs > 0 && probes < MAX_PROBES; probes++, delayNs -= PROBE_NS) {
      histogram.record(delayNs);
      minNs = Math.min(minNs, delayNs);
      maxNs = Math.max(maxNs, delayNs);
      squares += delayNs * delayNs;
    }
    const unhindered = Math.floor(quietNs / PROBE_NS);
    if (unhindered > 0) {
      histogram.counts[0] = (histogram.counts[0] as number) + unhindered;
      minNs = 0;
    }
    return delayStatistics(histogram, { minNs, maxNs, squares });
  }
}
