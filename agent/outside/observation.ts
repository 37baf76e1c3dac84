/**
 * One program observed from outside, from its start, or from now, to its end: builds the parts, looks ten times a second, and keeps the sums.
 *
 * Runs in the process of `gridwatch observe` and `gridwatch compare`. It must never throw, and never touch the program.
 *
 * A look may cost at most a twentieth of a core: with thousands of threads there are fewer of them. Only its CPU time counts: on a busy machine, where looking is
 * worth most, the process waits long for a CPU in the middle of one.
 */
import { type FollowEnergySettings, FollowedEnergy } from '../agent-thread/energy/follow-energy.ts';
import { ProcTree, type ReportUnavailable, reasonOf } from '../agent-thread/host/proc.ts';
import { ownCpuNs } from '../agent-thread/host/process.ts';
import { ProcTaskDirectory } from '../agent-thread/host/task.ts';
import type { NamedUsage } from '../agent-thread/model/thread-series.ts';
import type { ThreadUsage } from '../agent-thread/model/thread-usage.ts';
import type { MetricSink, MetricSource } from '../agent-thread/telemetry/metrics.ts';
import type { Config } from '../config/options.ts';
import type { Diag } from '../diag.ts';
import type { Clock } from '../shared-memory/clock.ts';
import { EnergyTally, type EnergyTold } from './energy-tally.ts';
import { type CpuTimes, readProcessStat, readUptimeNs } from './process-stat.ts';
import { ProcessTree } from './process-tree.ts';
import { TreeThreads } from './tree-threads.ts';

export interface ObservationSettings {
  readonly pid: number;
  /** This process has started it and waits for it. Otherwise it has been there before. */
  readonly isChild: boolean;
  readonly clock: Clock;
  readonly config: Config;
  readonly diag: Diag;
  readonly onUnavailable: ReportUnavailable;
  /** Before it was started, by the clock; now by default. */
  readonly beganNs?: number | undefined;
  /** CPU time of this process so far; tests have one of their own. */
  readonly usedNs?: () => number;
  readonly proc?: ProcTree;
  readonly sys?: ProcTree;
}

/** Threads of one name. */
export type SeenThread = NamedUsage;

/** What an observation saw, from its begin to now. */
export interface Seen {
  readonly wallNs: number;
  readonly cpu: CpuTimes;
  /** Of all threads together. */
  readonly total: ThreadUsage;
  readonly named: readonly SeenThread[];
  readonly processes: number;
  readonly mostThreads: number;
  /** False where the kernel does not tell how long threads wait for a CPU. */
  readonly hasSchedule: boolean;
  /** False where the kernel does not tell this user what the threads wait in. */
  readonly hasWaits: boolean;
  /** Undefined when it was too short to tell, or nobody could; `off` by GRIDWATCH_FEATURES. */
  readonly energy: EnergyTold | 'off' | undefined;
}

const LOOK_INTERVAL_MS = 100;
const MAX_SHARE = 0.05;

export class Observation implements MetricSource {
  readonly #settings: ObservationSettings;
  readonly #tree: ProcessTree;
  readonly #threads: TreeThreads;
  /** Undefined where nobody wants to know. */
  readonly #energy: FollowedEnergy | undefined;
  readonly #beganNs: number;
  /** When the program began. */
  readonly #startedNs: number;
  readonly #hasWaits: boolean;
  /** What one that was there before had used by then; a child is told of from its start, which is a moment before the first look. */
  readonly #before: { readonly cpu: CpuTimes; readonly usages: ReturnType<TreeThreads['usages']> } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #endedNs: number | undefined;

  constructor(settings: ObservationSettings) {
    const { pid, isChild, clock, config, diag, onUnavailable } = settings;
    const { proc = new ProcTree(), sys = new ProcTree({ root: '/sys' }) } = settings;
    const nowNs = (): number => clock.nowNs();
    this.#settings = settings;
    this.#beganNs = settings.beganNs ?? nowNs();
    this.#tree = new ProcessTree({ proc, rootPid: pid, waiterPid: isChild ? process.pid : undefined });
    const birthNs = (folder: string, atNs: number): number => {
      const [stat, uptimeNs] = [readProcessStat(proc, folder), readUptimeNs(proc)];
      const bornNs = stat === undefined || uptimeNs === undefined ? atNs : atNs - (uptimeNs - stat.startNs);
      // The kernel tells it in hundredths of a second: a child has not begun before it was started.
      return Math.min(atNs, isChild ? Math.max(bornNs, this.#beganNs) : bornNs);
    };
    this.#startedNs = birthNs(String(pid), this.#beganNs);
    this.#threads = new TreeThreads({
      directory: new ProcTaskDirectory({ proc, onUnavailable }),
      birthNs,
      nowNs,
      beganNs: this.#startedNs,
      cpu: () => this.#tree.cpu,
    });
    const energy: FollowEnergySettings = {
      config,
      // The reservation that counts is the program's, which a child of ours shares.
      proc: isChild ? proc : new ProcTree({ root: proc.root, fs: proc.fs, self: pid }),
      sys,
      table: this.#threads,
      processNs: () => this.#tree.cpu.userNs + this.#tree.cpu.systemNs,
      nowNs,
      diag,
      onUnavailable,
    };
    this.#energy = config.features.energy ? new FollowedEnergy(energy) : undefined;
    this.#hasWaits = showsWaits(proc, pid);
    this.#look();
    this.#before = isChild ? undefined : { cpu: { ...this.#tree.cpu }, usages: this.#threads.usages() };
  }

  /** Looks from now on until `end`. Holds the process alive. */
  start(): void {
    const { clock, usedNs = ownCpuNs } = this.#settings;
    const wait = (costNs: number): void => {
      this.#timer = setTimeout(
        () => {
          const beforeNs = usedNs();
          this.#look();
          clock.reanchor();
          wait(usedNs() - beforeNs);
        },
        Math.max(LOOK_INTERVAL_MS, costNs / 1e6 / MAX_SHARE),
      );
    };
    wait(0);
  }

  /** The program lives; of one that this process waits for, it was not waited for yet. */
  get isAlive(): boolean {
    return this.#tree.hasRoot;
  }

  /** Whatever goes wrong here, the program is to be waited for, and what is known of it to be told. */
  #look(): void {
    const { clock, diag } = this.#settings;
    try {
      const nowNs = clock.nowNs();
      this.#tree.scan();
      this.#threads.sample(this.#tree.living, nowNs);
      this.#energy?.tick(nowNs);
    } catch (error) {
      diag.once('look').error(`a look at the program failed: ${String(error)}`);
    }
  }

  /** The program has ended, or nobody wants to know any more: the last look. */
  end(): void {
    if (this.#endedNs !== undefined) return;
    clearTimeout(this.#timer);
    this.#endedNs = this.#settings.clock.nowNs();
    this.#look();
    this.#energy?.end(this.#endedNs);
  }

  seen(): Seen {
    const { cpu, seenProcesses, mostThreads } = this.#tree;
    const { named: soFar, total } = this.#threads.usages();
    const before = this.#before;
    if (before !== undefined) total.add(before.usages.total, -1);
    const named = soFar.map(({ name, role, usage: all }) => {
      const usage = all.copy();
      const earlier = before?.usages.named.find((one) => one.name === name);
      if (earlier !== undefined) usage.add(earlier.usage, -1);
      return { name, role, usage };
    });
    const energy = new EnergyTally();
    this.#energy?.collect(energy);
    return {
      wallNs: (this.#endedNs ?? this.#settings.clock.nowNs()) - this.#beganNs,
      cpu: { userNs: cpu.userNs - (before?.cpu.userNs ?? 0), systemNs: cpu.systemNs - (before?.cpu.systemNs ?? 0) },
      total,
      named,
      processes: seenProcesses,
      mostThreads,
      hasSchedule: this.#threads.hasSchedule,
      hasWaits: this.#hasWaits,
      energy: this.#energy === undefined ? 'off' : energy.told,
    };
  }

  collect(sink: MetricSink): void {
    if (this.#endedNs === undefined) this.#look();
    const { features } = this.#settings.config;
    if (features.threads) this.#threads.collect(sink);
    this.#energy?.collect(sink);
    if (features.cpu) this.#collectProcess(sink);
  }

  #collectProcess(sink: MetricSink): void {
    const { cpu } = this.#tree;
    sink.sum('process.cpu.time', { 'cpu.mode': 'user' }, cpu.userNs);
    sink.sum('process.cpu.time', { 'cpu.mode': 'system' }, cpu.systemNs);
    const { total } = this.#threads.usages();
    const type = 'process.context_switch.type';
    sink.sum('process.context_switches', { [type]: 'voluntary' }, total.voluntarySwitches);
    sink.sum('process.context_switches', { [type]: 'involuntary' }, total.involuntarySwitches);
    sink.sum('process.thread.count', {}, this.#tree.threadCount);
    sink.gauge('process.uptime', {}, (this.#endedNs ?? this.#settings.clock.nowNs()) - this.#startedNs);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#threads.dispose();
    this.#energy?.dispose();
  }
}

/** What a thread waits in the kernel tells to those who may trace it; to others it shows nothing in the place of it. This file, of no interest here, has the same guard. */
function showsWaits(proc: ProcTree, pid: number): boolean {
  const guarded = proc.file(`${pid}/io`);
  const isShown = guarded.read() || reasonOf(guarded.failure) !== 'no_permission';
  guarded.close();
  return isShown;
}
