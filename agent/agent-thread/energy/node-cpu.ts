/**
 * How much the CPUs of the node have worked, all of them and for anybody: the first line of `/proc/stat`.
 *
 * Runs on the agent thread, once a second. It must never throw.
 */
import type { ProcFile, ProcTree } from '../host/proc.ts';

const TICK_NS = 1e7;

/** Time of each kind since the node began, in nanoseconds; never shrinks. */
export interface NodeTimes {
  /** user, nice, system, irq, softirq: somebody's work. Not steal, which is another machine's. */
  readonly busyNs: number;
  /** All of it, idle and steal included. */
  readonly totalNs: number;
}

export class NodeCpu {
  readonly #proc: ProcTree;
  readonly #file: ProcFile;

  constructor(proc: ProcTree) {
    this.#proc = proc;
    this.#file = proc.file('stat');
  }

  /** Undefined where the kernel does not tell. */
  read(): NodeTimes | undefined {
    const { scanner } = this.#proc;
    if (!this.#file.read() || !scanner.skipWord('cpu ')) return undefined;
    const [user, nice, system, idle, iowait, irq, softirq, steal] = Array.from({ length: 8 }, () => scanner.number());
    const busy = sum(user, nice, system, irq, softirq);
    const total = busy + sum(idle, iowait, steal);
    return Number.isFinite(total) ? { busyNs: busy * TICK_NS, totalNs: total * TICK_NS } : undefined;
  }

  close(): void {
    this.#file.close();
  }
}

function sum(...ticks: readonly (number | undefined)[]): number {
  return ticks.reduce<number>((all, one) => all + (one ?? Number.NaN), 0);
}
