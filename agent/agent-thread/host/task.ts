/**
 * What the kernel says of one thread: its CPU time, its time in the run queue, what it is blocked in.
 *
 * Runs on the agent thread, for the threads of its own process, and in the process of `gridwatch observe`, for those of others. It must never throw: a thread may end between two reads, and every number is checked before it is used.
 */
import { type KernelState, stateOfFunction, syscallStates } from './kernel-state.ts';
import { type ProcFile, type ProcTree, type ReportUnavailable, reasonOf } from './proc.ts';
import type { NamedThread } from './thread-class.ts';

/** Cumulative since the thread began. */
export interface TaskSchedule {
  /** On a CPU. May be behind by one scheduler tick while the thread runs. */
  runNs: number;
  /** In the run queue. Behind by as long as the thread is waiting in it. */
  queueNs: number;
  /** Times it was put on a CPU. */
  timeslices: number;
}

/** Cumulative since the thread began, in ticks of 10 ms: good for a ratio, not for a sum. */
export interface TaskTicks {
  user: number;
  system: number;
}

export interface TaskSwitches {
  voluntary: number;
  involuntary: number;
}

/** One thread as the kernel knows it. Each method returns false, and leaves its argument alone, when there is no answer. */
export interface Task {
  readSchedule(into: TaskSchedule): boolean;
  readTicks(into: TaskTicks): boolean;
  readSwitches(into: TaskSwitches): boolean;
  kernelState(): KernelState;
  close(): void;
}

/** The threads of one process. */
export interface TaskDirectory {
  /** Running and runnable time are exact: the kernel keeps `schedstat`. */
  readonly hasSchedule: boolean;
  /** CPU time is known at all, if only in ticks. */
  readonly hasCpuTime: boolean;
  open(osThreadId: number): Task | undefined;
  /** All but those the caller knows already; undefined where they cannot be listed. */
  list(isKnown: (osThreadId: number) => boolean): readonly NamedThread[] | undefined;
}

/** `USER_HZ`: what the kernel shows to programs is in hundredths of a second on every architecture Node runs on. */
const TICK_NS = 1e7;

const CLOSING_PARENTHESIS = 0x29;
const LETTER_R = 0x72;

export interface ProcTaskDirectorySettings {
  readonly proc: ProcTree;
  readonly onUnavailable: ReportUnavailable;
  readonly arch?: string;
}

/** What makes a directory of another process's threads: what can be had was found out by that of this one. */
export interface OtherProcess {
  readonly pid: number;
  readonly like: ProcTaskDirectory;
}

/** The threads of a process, this one unless told otherwise, by `/proc`. Which files can be had is found out once, on the caller's own thread. */
export class ProcTaskDirectory implements TaskDirectory {
  readonly hasSchedule: boolean;
  readonly hasCpuTime: boolean;
  readonly sources: TaskSources;
  readonly #proc: ProcTree;
  readonly #folder: string;

  constructor(settings: ProcTaskDirectorySettings | OtherProcess) {
    const sources = 'like' in settings ? settings.like.sources : probe(settings);
    this.sources = sources;
    this.#proc = sources.proc;
    this.#folder = `${'like' in settings ? settings.pid : 'self'}/task`;
    this.hasSchedule = sources.hasSchedstat;
    this.hasCpuTime = sources.hasSchedstat || sources.hasStat;
  }

  open(osThreadId: number): Task | undefined {
    if (!this.hasCpuTime || !Number.isSafeInteger(osThreadId) || osThreadId <= 0) return undefined;
    return new ProcTask(this.sources, `${this.#folder}/${osThreadId}`);
  }

  list(isKnown: (osThreadId: number) => boolean): readonly NamedThread[] | undefined {
    if (!this.hasCpuTime) return undefined;
    const entries = this.#proc.list(this.#folder);
    if (entries === undefined) return undefined;
    const threads: NamedThread[] = [];
    for (const entry of entries) {
      const osThreadId = Number(entry);
      if (!Number.isSafeInteger(osThreadId) || isKnown(osThreadId)) continue;
      const name = this.#proc.readText(`${this.#folder}/${entry}/comm`);
      if (name !== undefined) threads.push({ osThreadId, name: nameOf(name) });
    }
    return threads;
  }
}

/** Programs name their threads in UTF-8. The kernel keeps 15 bytes of a name: of the last character perhaps only some. */
function nameOf(latin1: string): string {
  return Buffer.from(latin1, 'latin1')
    .toString()
    .trimEnd()
    .replace(/\ufffd+$/, '');
}

function probe({ proc, onUnavailable, arch = process.arch }: ProcTaskDirectorySettings): TaskSources {
  const states = syscallStates(arch);
  const failureOf = (name: string, isGood: () => boolean): string => {
    const file = proc.file(`thread-self/${name}`);
    const failure = !file.read() ? file.failure : isGood() ? '' : 'unexpected content';
    file.close();
    return failure;
  };
  const stat = failureOf('stat', () => proc.scanner.skipPastLast(CLOSING_PARENTHESIS));
  // A kernel without CONFIG_SCHED_INFO shows three zeros; this thread has run, or it would not be reading.
  const schedstat = failureOf('schedstat', () => proc.scanner.number() > 0);
  // A thread that reads its own sees the call it reads with.
  const syscall = states === undefined ? 'ENOENT' : failureOf('syscall', () => proc.scanner.number() >= 0);
  const wchan = failureOf('wchan', () => true);
  const hasSchedstat = schedstat === '';
  const tell = (feature: string, file: string, failure: string): void => {
    onUnavailable(feature, reasonOf(failure), `${proc.root}/thread-self/${file}: ${failure}`);
  };
  if (!hasSchedstat && stat !== '') tell('threads.cpu', 'stat', stat);
  else if (!hasSchedstat) tell('threads.schedule', 'schedstat', schedstat);
  if (syscall !== '' && wchan !== '') tell('threads.kernel_state', 'syscall', syscall);
  return {
    proc,
    hasSchedstat,
    states: syscall === '' ? states : undefined,
    hasWchan: wchan === '' && stat === '',
    hasStat: stat === '',
  };
}

/** The files that this machine has for each thread. */
export interface TaskSources {
  readonly proc: ProcTree;
  readonly hasSchedstat: boolean;
  readonly hasStat: boolean;
  readonly hasWchan: boolean;
  readonly states: ReadonlyMap<number, KernelState> | undefined;
}

class ProcTask implements Task {
  readonly #sources: TaskSources;
  readonly #folder: string;
  readonly #schedstat: ProcFile | undefined;
  readonly #syscall: ProcFile | undefined;
  readonly #ticks: TaskTicks = { user: 0, system: 0 };

  constructor(sources: TaskSources, folder: string) {
    this.#sources = sources;
    this.#folder = folder;
    if (sources.hasSchedstat) this.#schedstat = sources.proc.file(`${this.#folder}/schedstat`);
    if (sources.states !== undefined) this.#syscall = sources.proc.file(`${this.#folder}/syscall`);
  }

  readSchedule(into: TaskSchedule): boolean {
    if (this.#schedstat === undefined) return this.#readScheduleFromTicks(into);
    if (!this.#schedstat.read()) return false;
    const { scanner } = this.#sources.proc;
    const runNs = scanner.number();
    const queueNs = scanner.number();
    const timeslices = scanner.number();
    if (Number.isNaN(runNs + queueNs + timeslices)) return false;
    into.runNs = runNs;
    into.queueNs = queueNs;
    into.timeslices = timeslices;
    return true;
  }

  #readScheduleFromTicks(into: TaskSchedule): boolean {
    const ticks = this.#ticks;
    if (!this.readTicks(ticks)) return false;
    into.runNs = (ticks.user + ticks.system) * TICK_NS;
    return true;
  }

  readTicks(into: TaskTicks): boolean {
    const { scanner } = this.#sources.proc;
    // The name, in parentheses, is the program's to choose; from the last parenthesis it is 12 fields to utime.
    if (!this.#readOnce('stat') || !scanner.skipPastLast(CLOSING_PARENTHESIS)) return false;
    scanner.skipFields(12);
    const user = scanner.number();
    const system = scanner.number();
    if (Number.isNaN(user + system)) return false;
    into.user = user;
    into.system = system;
    return true;
  }

  readSwitches(into: TaskSwitches): boolean {
    if (!this.#readOnce('status')) return false;
    const { scanner } = this.#sources.proc;
    let voluntary = Number.NaN;
    let involuntary = Number.NaN;
    do {
      if (scanner.skipWord('voluntary_ctxt_switches:\t')) voluntary = scanner.number();
      else if (scanner.skipWord('nonvoluntary_ctxt_switches:\t')) involuntary = scanner.number();
    } while (scanner.nextLine());
    if (Number.isNaN(voluntary + involuntary)) return false;
    into.voluntary = voluntary;
    into.involuntary = involuntary;
    return true;
  }

  kernelState(): KernelState {
    const { states, proc } = this.#sources;
    if (states === undefined || this.#syscall === undefined) return this.#stateByFunction();
    if (!this.#syscall.read()) return this.#syscall.isGone ? 'unseen' : this.#stateByFunction();
    if (proc.scanner.peek() === LETTER_R) return 'on_cpu';
    const number = proc.scanner.number();
    // "-1": blocked outside any system call, as in a page fault; only the letter tells whether for a disk.
    return Number.isNaN(number) ? this.#stateByFunction() : (states.get(number) ?? 'other');
  }

  #stateByFunction(): KernelState {
    const { hasStat, hasWchan, proc } = this.#sources;
    if (!hasStat || !this.#readOnce('stat') || !proc.scanner.skipPastLast(CLOSING_PARENTHESIS)) return 'unseen';
    proc.scanner.skipFields(1);
    const letter = String.fromCharCode(proc.scanner.peek());
    const kernelFunction = hasWchan && letter !== 'R' && this.#readOnce('wchan') ? proc.scanner.text().trim() : '';
    return stateOfFunction(kernelFunction, letter);
  }

  #readOnce(name: string): boolean {
    const file = this.#sources.proc.file(`${this.#folder}/${name}`);
    const isRead = file.read();
    file.close();
    return isRead;
  }

  close(): void {
    this.#schedstat?.close();
    this.#syscall?.close();
  }
}
