/**
 * The threads of the program, living and dead: what they are called, where their time went, how they ended.
 *
 * Runs on the agent thread: `sample` ten times a second, `collect` when a reader wants the numbers. It must never throw, whatever the shared
 * memory or `/proc` say, and never grow with the number of threads that ever lived.
 *
 * Counters belong to a name, not to a thread: they run on over all threads that bear it one after the other.
 */
import { HistogramTotal } from '../../shared-memory/histogram.ts';
import type { WaitSnapshot } from '../../shared-memory/wait-word.ts';
import { ownCpuNs } from '../host/process.ts';
import type { TaskDirectory } from '../host/task.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { Concurrency } from './concurrency.ts';
import { HELPER_CLASSES, HelperThreads } from './helper-threads.ts';
import { ThreadAccount } from './thread-account.ts';
import { ThreadNames } from './thread-names.ts';
import { ThreadSeries } from './thread-series.ts';
import type { ThreadRole } from './thread-usage.ts';

/** What shared memory says of a thread. */
export interface ThreadInfo {
  readonly slot: number;
  readonly generation: number;
  /** Node's; -1 until the thread has attached. */
  readonly threadId: number;
  /** The kernel's; 0 until the thread has attached. */
  readonly osThreadId: number;
  /** As the program gave it; '' for none. */
  readonly name: string;
  readonly role: 'main' | 'worker' | 'agent';
  readonly parentThreadId: number;
  /** `new Worker`. */
  readonly claimedNs: number;
  /** First user code; 0 until then. */
  readonly startedNs: number;
}

export interface ThreadExit {
  /** Absent when the thread ended cleanly. */
  readonly error?: 'exit_code' | 'uncaught' | 'terminated' | 'out_of_memory';
}

/** One live thread. */
export interface ThreadEntry {
  readonly info: ThreadInfo;
  /** `thread.name`: unique among the live threads. */
  readonly name: string;
  /** CPU time as of the last sample, and when that was; 0 where the kernel does not tell. */
  readonly cpuNs: number;
  readonly sampledNs: number;
  /** It slept in its event loop then. */
  readonly isAsleep: boolean;
}

export interface ThreadTableSettings {
  readonly directory: TaskDirectory;
  /** Undefined when the wait word of the slot could not be read this time. */
  readonly readWait: (slot: number, nowNs: number) => WaitSnapshot | undefined;
  readonly nowNs: () => number;
  /** When the process began: a negative time where that was before the clock's base. The main thread has lived since then. */
  readonly processStartNs: number;
  /** CPU time of all threads together, of the dead as well; this process's by default. Of a thread whose end nobody has seen it says how much can have been its. */
  readonly processCpuNs?: () => number;
}

/** Each costs one or two reads of 1-5 us; of more threads each is looked at less often, for the same. */
const MAX_THREADS_PER_SAMPLE = 64;

/** Wait words that could not be read in a row before the thread is accounted for without. */
const MAX_UNREAD_WAITS = 10;

const EXIT_ERRORS = [undefined, 'exit_code', 'uncaught', 'terminated', 'out_of_memory'] as const;

class LiveThread implements ThreadEntry {
  info: ThreadInfo;
  readonly name: string;
  readonly account: ThreadAccount;
  unreadWaits = 0;

  constructor(info: ThreadInfo, name: string, account: ThreadAccount) {
    this.info = info;
    this.name = name;
    this.account = account;
  }

  get cpuNs(): number {
    return this.account.cpuNs;
  }

  get sampledNs(): number {
    return this.account.states.nowNs;
  }

  get isAsleep(): boolean {
    return this.account.states.seen === 'idle';
  }
}

export class ThreadTable implements MetricSource {
  readonly #settings: ThreadTableSettings;
  readonly #names = new ThreadNames();
  readonly #series = new ThreadSeries();
  readonly helpers: HelperThreads;
  readonly #concurrency: Concurrency;
  readonly #exits = new Map<ThreadExit['error'], number>();
  readonly #startup = new HistogramTotal('waits');
  readonly #osThreadIds = new Set<number>();
  #live: LiveThread[] = [];
  #nextToSample = 0;

  constructor(settings: ThreadTableSettings) {
    this.#settings = settings;
    this.helpers = new HelperThreads(settings.directory, settings.processStartNs);
    this.#concurrency = new Concurrency(settings.processStartNs);
  }

  /** The threads that live now. */
  get live(): readonly ThreadEntry[] {
    return this.#live;
  }

  /** The agent thread is one of the process's threads, and shows what it costs like any other. */
  openAgent(threadId: number, osThreadId: number): void {
    const startedNs = this.#settings.nowNs();
    const identity = {
      slot: -1,
      generation: 0,
      threadId,
      osThreadId,
      name: '',
      role: 'agent',
      parentThreadId: 0,
    } as const;
    this.open({ ...identity, claimedNs: startedNs, startedNs });
  }

  /** A thread is there, or about to be. The agent's own is to be opened too: it has no slot, and its time is the agent's cost. */
  open(info: ThreadInfo): ThreadEntry {
    const { directory, processStartNs } = this.#settings;
    const name = info.role === 'worker' ? this.#names.take(info.name) : info.role;
    const birthNs = info.role === 'main' ? Math.min(processStartNs, info.claimedNs) : info.claimedNs;
    const account = new ThreadAccount({
      birthNs,
      hasSchedule: directory.hasSchedule,
      futexState: 'unknown',
      ...(info.role === 'agent' && { restsIn: 'idle' }),
    });
    const thread = new LiveThread(info, name, account);
    this.#series.begin(name, info.role);
    this.#live.push(thread);
    this.#observe(thread);
    if (info.startedNs > 0) this.#recordStartup(info);
    return thread;
  }

  /** The thread has said who it is: to be called when `open` came too early to know. Changes nothing the second time. */
  attached(entry: ThreadEntry, threadId: number, osThreadId: number): void {
    const thread = this.#find(entry);
    if (thread === undefined || thread.info.osThreadId > 0) return;
    thread.info = { ...thread.info, threadId, osThreadId };
    this.#observe(thread);
  }

  #observe(thread: LiveThread): void {
    const { osThreadId } = thread.info;
    // One that another thread has already given is not this thread's: a program has scribbled there.
    if (osThreadId <= 0 || this.#osThreadIds.has(osThreadId)) return;
    this.#osThreadIds.add(osThreadId);
    thread.account.attach(this.#settings.directory.open(osThreadId));
  }

  /** The thread's first user code has begun. */
  started(entry: ThreadEntry, startedNs: number): void {
    const thread = this.#find(entry);
    if (thread === undefined || thread.info.startedNs > 0) return;
    thread.info = { ...thread.info, startedNs };
    this.#recordStartup(thread.info);
  }

  #recordStartup({ role, claimedNs, startedNs }: ThreadInfo): void {
    if (role === 'worker' && startedNs >= claimedNs) this.#startup.record(startedNs - claimedNs);
  }

  /** The thread has ended. To be called before its slot is given back: its last wait stands there. */
  close(entry: ThreadEntry, exit: ThreadExit, nowNs: number): void {
    const thread = this.#find(entry);
    if (thread === undefined) return;
    this.#live = this.#live.filter((one) => one !== thread);
    this.#osThreadIds.delete(thread.info.osThreadId);
    thread.account.finish(nowNs, this.#readWait(thread, nowNs), () => this.#unclaimedNs(thread));
    this.#series.end(thread.name, thread.account);
    this.#names.giveBack(thread.name);
    this.#exits.set(exit.error, (this.#exits.get(exit.error) ?? 0) + 1);
  }

  /** What the process has used and no thread has told of, in equal parts for this one that has ended and those that were on a CPU when they were last looked at. */
  #unclaimedNs({ account }: LiveThread): number {
    const { processCpuNs = ownCpuNs } = this.#settings;
    const { userNs, systemNs } = this.#series.forgotten;
    let claimedNs = userNs + systemNs + account.cpuNs;
    for (const ns of this.cpuNs()?.values() ?? []) claimedNs += ns;
    const claimants = this.#live.filter((one) => one.account.states.seen === 'on_cpu').length + 1;
    return Math.max(0, processCpuNs() - claimedNs) / claimants;
  }

  #find(entry: ThreadEntry): LiveThread | undefined {
    return this.#live.find((thread) => thread === entry);
  }

  /** Looks at the threads: at all of them, or at the next 64. To be called ten times a second. */
  sample(nowNs: number): void {
    const { length } = this.#live;
    for (let left = Math.min(length, MAX_THREADS_PER_SAMPLE); left > 0; left--) {
      this.#nextToSample = (this.#nextToSample + 1) % length;
      const thread = this.#live[this.#nextToSample] as LiveThread;
      if (thread.account.isDue(nowNs)) this.#sampleThread(thread, nowNs);
    }
    this.helpers.scan(nowNs, (osThreadId) => this.#osThreadIds.has(osThreadId));
  }

  #sampleThread(thread: LiveThread, nowNs: number): void {
    const wait = this.#readWait(thread, nowNs);
    if (wait !== undefined || thread.info.role === 'agent') thread.unreadWaits = 0;
    else if (++thread.unreadWaits < MAX_UNREAD_WAITS) return;
    thread.account.sample(nowNs, wait);
  }

  /** The agent thread has no wait word. */
  #readWait({ info }: LiveThread, nowNs: number): WaitSnapshot | undefined {
    return info.role === 'agent' ? undefined : this.#settings.readWait(info.slot, nowNs);
  }

  /** CPU time so far by name, of helper threads by class; undefined where the kernel does not tell. */
  cpuNs(): ReadonlyMap<string, number> | undefined {
    if (!this.#settings.directory.hasCpuTime) return undefined;
    const sums = this.#series.cpuNs(this.#live);
    for (const role of HELPER_CLASSES) sums.set(role, this.helpers.cpuNs(role));
    return sums;
  }

  /** All numbers are of the moment of the call: every thread is looked at once more. */
  collect(sink: MetricSink): void {
    const nowNs = this.#settings.nowNs();
    for (const thread of this.#live) {
      this.#sampleThread(thread, nowNs);
      thread.account.refresh();
    }
    this.#collectCounts(sink);
    this.#collectUsage(sink, nowNs);
    sink.histogram('gridwatch.thread.startup.duration', {}, this.#startup);
  }

  #collectCounts(sink: MetricSink): void {
    const counts = new Map<ThreadRole, number>([
      ['main', 0],
      ['worker', 0],
    ]);
    for (const { info } of this.#live) counts.set(info.role, (counts.get(info.role) ?? 0) + 1);
    if (this.#settings.directory.hasCpuTime) {
      for (const helperClass of HELPER_CLASSES) counts.set(helperClass, this.helpers.count(helperClass));
    }
    for (const [role, count] of counts) sink.sum('gridwatch.thread.count', { 'gridwatch.thread.role': role }, count);
    for (const error of EXIT_ERRORS) {
      const attributes = error === undefined ? {} : { 'error.type': error };
      sink.sum('gridwatch.thread.exits', attributes, this.#exits.get(error) ?? 0);
    }
  }

  #collectUsage(sink: MetricSink, nowNs: number): void {
    const { directory } = this.#settings;
    const ofProgram = [this.#series.forgotten];
    for (const { name, role, usage } of this.#series.collect(this.#live)) {
      usage.emit(sink, name, role, directory);
      if (role !== 'agent') ofProgram.push(usage);
    }
    if (!directory.hasCpuTime) return;
    for (const role of HELPER_CLASSES) {
      const usage = this.helpers.usage(role);
      usage.emit(sink, role, role, directory);
      ofProgram.push(usage);
    }
    if (directory.hasSchedule) this.#concurrency.emit(sink, nowNs, ofProgram);
  }

  /** Gives all descriptors back. */
  dispose(): void {
    for (const { account } of this.#live) account.detach();
    this.helpers.close();
  }
}
