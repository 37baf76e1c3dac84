/**
 * The threads of the process that run none of the program's JavaScript, by class: libuv, v8, other.
 *
 * Runs on the agent thread, which looks for them once a second. It must never count a thread here and in the thread table: a worker
 * that starts is in the kernel's list before it has said who it is, so what could be one counts only when it is seen a second time.
 */
import type { Task, TaskDirectory } from '../host/task.ts';
import { classifyThreads, type HelperClass } from '../host/thread-class.ts';
import { ThreadAccount } from './thread-account.ts';
import { ThreadUsage } from './thread-usage.ts';

export const HELPER_CLASSES: readonly HelperClass[] = ['libuv', 'v8', 'other'];

const SCAN_INTERVAL_NS = 1e9;

interface Helper {
  readonly helperClass: HelperClass;
  readonly account: ThreadAccount;
}

export class HelperThreads {
  readonly #directory: TaskDirectory;
  readonly #ended = new Map<HelperClass, ThreadUsage>(HELPER_CLASSES.map((name) => [name, new ThreadUsage()]));
  #helpers = new Map<number, Helper>();
  /** Threads that only the last scan has seen, and since when they may have lived. */
  #newcomers = new Map<number, number>();
  #scannedNs = Number.NEGATIVE_INFINITY;
  readonly #processStartNs: number;

  constructor(directory: TaskDirectory, processStartNs: number) {
    this.#directory = directory;
    this.#processStartNs = processStartNs;
  }

  /** Looks for them, at most once a second. `isKnown`: the thread is one of the thread table's. */
  scan(nowNs: number, isKnown: (osThreadId: number) => boolean): void {
    if (nowNs - this.#scannedNs < SCAN_INTERVAL_NS) return;
    const threads = this.#directory.list(isKnown);
    if (threads === undefined) return;
    const live = new Map<number, Helper>();
    const newcomers = new Map<number, number>();
    for (const [osThreadId, helperClass] of classifyThreads(threads)) {
      let helper = this.#helpers.get(osThreadId);
      if (helper === undefined) {
        const birthNs = this.#newcomers.get(osThreadId) ?? Math.max(this.#scannedNs, this.#processStartNs);
        // A worker that is about to start never looks like one of these two.
        const isCertain = helperClass !== 'other' || this.#newcomers.has(osThreadId);
        if (isCertain) helper = this.#admit(osThreadId, helperClass, birthNs);
        else newcomers.set(osThreadId, birthNs);
      }
      if (helper === undefined) continue;
      helper.account.sample(nowNs, undefined);
      live.set(osThreadId, helper);
    }
    for (const [osThreadId, helper] of this.#helpers) if (!live.has(osThreadId)) this.#end(helper, nowNs);
    this.#helpers = live;
    this.#newcomers = newcomers;
    this.#scannedNs = nowNs;
  }

  #admit(osThreadId: number, helperClass: HelperClass, birthNs: number): Helper | undefined {
    const task: Task | undefined = this.#directory.open(osThreadId);
    if (task === undefined) return undefined;
    const { hasSchedule } = this.#directory;
    const account = new ThreadAccount({ birthNs, hasSchedule, futexState: 'parked' });
    account.attach(task);
    return { helperClass, account };
  }

  #end({ helperClass, account }: Helper, nowNs: number): void {
    account.finish(nowNs, undefined);
    this.#ended.get(helperClass)?.addAccount(account);
  }

  count(helperClass: HelperClass): number {
    let count = 0;
    for (const helper of this.#helpers.values()) if (helper.helperClass === helperClass) count++;
    return count;
  }

  /** Those of the class that did not wait for work when they were last looked at; threads whose state the kernel does not tell count as waiting. */
  busy(helperClass: HelperClass): number {
    let count = 0;
    for (const helper of this.#helpers.values()) {
      const { seen } = helper.account.states;
      if (helper.helperClass === helperClass && seen !== 'futex' && seen !== 'unseen') count++;
    }
    return count;
  }

  /** Their CPU time as of the last scan, of those that ended included. */
  cpuNs(helperClass: HelperClass): number {
    const ended = this.#ended.get(helperClass) as ThreadUsage;
    let cpuNs = ended.userNs + ended.systemNs;
    for (const helper of this.#helpers.values()) if (helper.helperClass === helperClass) cpuNs += helper.account.cpuNs;
    return cpuNs;
  }

  /** All that the threads of the class have used, those that ended included. */
  usage(helperClass: HelperClass): ThreadUsage {
    const usage = this.#ended.get(helperClass)?.copy() ?? new ThreadUsage();
    for (const helper of this.#helpers.values()) {
      if (helper.helperClass !== helperClass) continue;
      helper.account.refresh();
      usage.addAccount(helper.account);
    }
    return usage;
  }

  close(): void {
    for (const { account } of this.#helpers.values()) account.detach();
    this.#helpers.clear();
  }
}
