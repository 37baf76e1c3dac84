/**
 * The threads of a process tree: where their time went, from the outside. The accounts, names and sums are those of the agent; only
 * here the kernel is all there is to ask, so a wait in a futex is `parked`, whatever it is for: a lock, an interpreter's global one, an idle pool.
 *
 * Runs in the process of `gridwatch observe`: `sample` ten times a second, after the tree was scanned. It must never throw, and never grow with the
 * number of threads that ever lived. A thread that lives and dies between two samples is not seen; its CPU time is told as that of `other`.
 */
import { Ahead } from '../agent-thread/energy/attribution.ts';
import { ProcTaskDirectory } from '../agent-thread/host/task.ts';
import type { NamedThread } from '../agent-thread/host/thread-class.ts';
import { Concurrency } from '../agent-thread/model/concurrency.ts';
import { ThreadAccount } from '../agent-thread/model/thread-account.ts';
import { ThreadNames } from '../agent-thread/model/thread-names.ts';
import { type NamedUsage, ThreadSeries } from '../agent-thread/model/thread-series.ts';
import { ThreadUsage } from '../agent-thread/model/thread-usage.ts';
import type { MetricSink, MetricSource } from '../agent-thread/telemetry/metrics.ts';
import type { CpuTimes } from './process-stat.ts';
import type { TreeProcess } from './process-tree.ts';

export interface TreeThreadsSettings {
  /** Of this process: it knows which files there are. */
  readonly directory: ProcTaskDirectory;
  /** When a thread began, by the clock of the samples. */
  readonly birthNs: (folder: string, nowNs: number) => number;
  readonly nowNs: () => number;
  /** When the root began. */
  readonly beganNs: number;
  /** CPU time of the whole tree. */
  readonly cpu: () => CpuTimes;
}

/** Of so many threads each is asked at every sample for its switches and modes; of more once a second, because it costs as much as all else. */
const MAX_REFRESHED_THREADS = 16;
const REFRESH_INTERVAL_NS = 1e9;

/** Whom nobody saw: threads and processes that lived between two samples. */
const REST = 'other';

class LiveThread {
  readonly name: string;
  readonly account: ThreadAccount;

  constructor(name: string, account: ThreadAccount) {
    this.name = name;
    this.account = account;
  }
}

interface ProcessThreads {
  readonly isRoot: boolean;
  readonly directory: ProcTaskDirectory;
  readonly threads: Map<number, LiveThread>;
}

export class TreeThreads implements MetricSource {
  readonly #settings: TreeThreadsSettings;
  readonly #names = new ThreadNames();
  readonly #series = new ThreadSeries();
  readonly #concurrency: Concurrency;
  readonly #processes = new Map<number, ProcessThreads>();
  readonly #rest = { user: new Ahead(), system: new Ahead() };
  readonly #restNs = { user: 0, system: 0 };
  #refreshedNs = Number.NEGATIVE_INFINITY;

  constructor(settings: TreeThreadsSettings) {
    this.#settings = settings;
    this.#concurrency = new Concurrency(settings.beganNs);
  }

  /** What there is to be had of a thread on this machine. */
  get hasSchedule(): boolean {
    return this.#settings.directory.hasSchedule;
  }

  sample(processes: Iterable<Pick<TreeProcess, 'pid' | 'isRoot'>>, nowNs: number): void {
    const gone = new Set(this.#processes.keys());
    for (const process of processes) {
      gone.delete(process.pid);
      this.#sampleProcess(process, nowNs);
    }
    for (const pid of gone) this.#endProcess(pid, nowNs);
    this.#refresh(nowNs);
  }

  /** What is asked of a living thread only: of a dead one all switches would count as voluntary. */
  #refresh(nowNs: number): void {
    const live = [...this.#live()];
    if (live.length > MAX_REFRESHED_THREADS && nowNs - this.#refreshedNs < REFRESH_INTERVAL_NS) return;
    this.#refreshedNs = nowNs;
    for (const { account } of live) account.refresh();
  }

  #sampleProcess({ pid, isRoot }: Pick<TreeProcess, 'pid' | 'isRoot'>, nowNs: number): void {
    let own = this.#processes.get(pid);
    if (own === undefined) {
      own = { isRoot, directory: new ProcTaskDirectory({ pid, like: this.#settings.directory }), threads: new Map() };
      this.#processes.set(pid, own);
    }
    const { directory, threads } = own;
    const listed = new Set<number>();
    const newcomers = directory.list((osThreadId) => {
      listed.add(osThreadId);
      return threads.has(osThreadId);
    });
    if (newcomers === undefined) {
      this.#endProcess(pid, nowNs);
      return;
    }
    for (const [osThreadId, thread] of threads) {
      if (!listed.has(osThreadId)) this.#end(threads, osThreadId, thread, thread.account.states.nowNs);
    }
    for (const newcomer of newcomers) this.#begin(own, pid, isRoot, newcomer, nowNs);
    for (const { account } of threads.values()) {
      if (account.isDue(nowNs)) account.sample(nowNs, undefined);
    }
  }

  #begin({ directory, threads }: ProcessThreads, pid: number, isRoot: boolean, newcomer: NamedThread, nowNs: number) {
    const { osThreadId, name: kernelName } = newcomer;
    const task = directory.open(osThreadId);
    if (task === undefined) return;
    const isFirst = osThreadId === pid;
    const birthNs = this.#settings.birthNs(`${pid}/task/${osThreadId}`, nowNs);
    const account = new ThreadAccount({ birthNs, hasSchedule: directory.hasSchedule, futexState: 'parked' });
    account.attach(task);
    const name = isRoot && isFirst ? 'main' : this.#names.take(kernelName);
    this.#series.begin(name, isFirst ? 'main' : 'worker');
    threads.set(osThreadId, new LiveThread(name, account));
  }

  /** The end of the root is told at once. When any other thread ended between two samples nobody knows: its account ends with the first. */
  #end(threads: Map<number, LiveThread>, osThreadId: number, { name, account }: LiveThread, nowNs: number): void {
    threads.delete(osThreadId);
    account.finish(nowNs, undefined);
    this.#series.end(name, account);
    this.#names.giveBack(name);
  }

  #endProcess(pid: number, nowNs: number): void {
    const { isRoot, threads } = this.#processes.get(pid) as ProcessThreads;
    for (const [osThreadId, thread] of threads) {
      const { states } = thread.account;
      // What ran may have ended at once; what the kernel has counted for it since is told as that of other.
      const hasStayed = isRoot && states.seen !== 'on_cpu';
      this.#end(threads, osThreadId, thread, hasStayed ? nowNs : states.nowNs);
    }
    this.#processes.delete(pid);
  }

  *#live(): Generator<LiveThread> {
    for (const { threads } of this.#processes.values()) yield* threads.values();
  }

  /** CPU time so far by name; undefined where the kernel does not tell. */
  cpuNs(): ReadonlyMap<string, number> | undefined {
    return this.#settings.directory.hasCpuTime ? this.#series.cpuNs(this.#live()) : undefined;
  }

  /** What was used under each name, and by all together, forgotten names and whoever was not seen included. */
  usages(): { readonly named: readonly NamedUsage[]; readonly total: ThreadUsage } {
    for (const { account } of this.#live()) account.refresh();
    const named = this.#series.collect(this.#live());
    const total = this.#series.forgotten.copy();
    for (const { usage } of named) total.add(usage);
    const { userNs, systemNs } = this.#settings.cpu();
    this.#restNs.user += this.#rest.user.gained(userNs, total.userNs);
    this.#restNs.system += this.#rest.system.gained(systemNs, total.systemNs);
    const rest = new ThreadUsage();
    rest.userNs = this.#restNs.user;
    rest.systemNs = this.#restNs.system;
    total.add(rest);
    return { named: [...named, { name: REST, role: 'other', usage: rest }], total };
  }

  collect(sink: MetricSink): void {
    const { directory, nowNs } = this.#settings;
    const { named, total } = this.usages();
    for (const { name, role, usage } of named) usage.emit(sink, name, role, directory);
    const counts = { main: this.#processes.size, worker: -this.#processes.size };
    for (const _ of this.#live()) counts.worker++;
    for (const role of ['main', 'worker'] as const)
      sink.sum('gridwatch.thread.count', { 'gridwatch.thread.role': role }, Math.max(0, counts[role]));
    if (directory.hasSchedule) this.#concurrency.emit(sink, nowNs(), [total]);
  }

  dispose(): void {
    for (const { account } of this.#live()) account.detach();
  }
}
