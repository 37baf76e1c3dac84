/**
 * A process and its descendants as they come and go, and the CPU time of them all.
 *
 * Runs in the process of `gridwatch observe`: `scan` ten times a second. It must never throw, and knows a process again by its number and its start.
 *
 * A process that ends hands its CPU time on to the parent that waits for it, which may already have been counted. So what a parent's dead
 * children had when they were last seen is kept (`handedOn`), and of what it has from dead children only that counts which goes beyond: the last moments
 * of those, and children that lived and died between two scans.
 *
 * Invariants
 * P1  The CPU time never shrinks, and no time is counted twice: parents are read before their children, so whoever a parent has waited for is gone
 *     when its own turn to be read comes.
 * P2  Once a process is in the tree it stays there to its end, whoever its parent is by then. One whose parent ended before the scan that would have
 *     found it is never in the tree.
 */
import { Ahead } from '../agent-thread/energy/attribution.ts';
import type { ProcTree } from '../agent-thread/host/proc.ts';
import { type CpuTimes, type ProcessStat, readProcessStat } from './process-stat.ts';

/** One living process of the tree. */
export interface TreeProcess {
  readonly pid: number;
  readonly isRoot: boolean;
  readonly stat: ProcessStat;
}

export interface ProcessTreeSettings {
  readonly proc: ProcTree;
  readonly rootPid: number;
  /** Set where this process waits for the root: its own number, to be told the last of its children's CPU time. */
  readonly waiterPid?: number | undefined;
}

const MODES = ['userNs', 'systemNs'] as const;

/** CPU time that one process has, or will have, from children that ended. */
class Inheritance {
  /** What those had when they were last seen. */
  readonly handedOn: { userNs: number; systemNs: number } = { userNs: 0, systemNs: 0 };
  readonly #beyond = { userNs: 0, systemNs: 0 };
  readonly #ahead = { userNs: new Ahead(), systemNs: new Ahead() };

  /** All of it that was counted: with those children while they lived, and beyond. */
  counted(mode: (typeof MODES)[number]): number {
    return this.handedOn[mode] + this.#beyond[mode];
  }

  gained(reaped: CpuTimes, mode: (typeof MODES)[number]): number {
    const gainedNs = this.#ahead[mode].gained(reaped[mode], this.handedOn[mode]);
    this.#beyond[mode] += gainedNs;
    return gainedNs;
  }
}

class Member implements TreeProcess {
  readonly pid: number;
  readonly isRoot: boolean;
  readonly inheritance: Inheritance = new Inheritance();
  stat: ProcessStat;
  readonly counted: { userNs: number; systemNs: number } = { userNs: 0, systemNs: 0 };

  constructor(pid: number, isRoot: boolean, stat: ProcessStat) {
    this.pid = pid;
    this.isRoot = isRoot;
    this.stat = stat;
  }
}

export class ProcessTree {
  readonly #settings: ProcessTreeSettings;
  /** Parents before their children. */
  readonly #members = new Map<number, Member>();
  #strangers = new Set<number>();
  readonly #cpu = { userNs: 0, systemNs: 0 };
  readonly #waiter = new Inheritance();
  readonly #waiterBegan: CpuTimes | undefined;
  #seen = 0;
  #mostThreads = 0;

  constructor(settings: ProcessTreeSettings) {
    this.#settings = settings;
    this.#waiterBegan = this.#readWaiter()?.reaped;
  }

  /** CPU time of all of them so far, of those that ended included. */
  get cpu(): CpuTimes {
    return this.#cpu;
  }

  get living(): Iterable<TreeProcess> {
    return this.#members.values();
  }

  /** The root lives, or has at least not been waited for. */
  get hasRoot(): boolean {
    return this.#members.has(this.#settings.rootPid);
  }

  /** How many processes were ever found. */
  get seenProcesses(): number {
    return this.#seen;
  }

  get threadCount(): number {
    let count = 0;
    for (const { stat } of this.#members.values()) count += stat.threadCount;
    return count;
  }

  /** The most threads that a scan has found at once. */
  get mostThreads(): number {
    return this.#mostThreads;
  }

  scan(): void {
    this.#find();
    const waiter = this.#readWaiter();
    const gone: Member[] = [];
    for (const member of this.#members.values()) {
      const stat = readProcessStat(this.#settings.proc, String(member.pid));
      if (stat === undefined || stat.startNs !== member.stat.startNs) gone.push(member);
      else member.stat = stat;
    }
    for (const member of gone.toReversed()) this.#leave(member);
    for (const mode of MODES) {
      if (waiter !== undefined && this.#waiterBegan !== undefined) {
        const reaped = { ...waiter.reaped, [mode]: waiter.reaped[mode] - this.#waiterBegan[mode] };
        this.#cpu[mode] += this.#waiter.gained(reaped, mode);
      }
      for (const { stat, counted, inheritance } of this.#members.values()) {
        const grownNs = Math.max(0, stat.own[mode] - counted[mode]);
        counted[mode] += grownNs;
        this.#cpu[mode] += grownNs + inheritance.gained(stat.reaped, mode);
      }
    }
    this.#mostThreads = Math.max(this.#mostThreads, this.threadCount);
  }

  #readWaiter(): ProcessStat | undefined {
    const { proc, waiterPid } = this.#settings;
    return waiterPid === undefined ? undefined : readProcessStat(proc, String(waiterPid));
  }

  /** Only processes that were not there at the last scan are looked at: who was a stranger then stays one. */
  #find(): void {
    const { proc, rootPid } = this.#settings;
    const strangers = new Set<number>();
    const unknown: { readonly pid: number; readonly stat: ProcessStat }[] = [];
    for (const entry of proc.list('') ?? []) {
      const pid = Number(entry);
      if (!Number.isSafeInteger(pid) || this.#members.has(pid)) continue;
      const stat = this.#strangers.has(pid) ? undefined : readProcessStat(proc, entry);
      if (stat === undefined) strangers.add(pid);
      else if (pid === rootPid && this.#seen === 0) this.#join(pid, stat);
      else unknown.push({ pid, stat });
    }
    this.#strangers = strangers;
    // A child may stand before its parent: the numbers begin again from small ones.
    let left = unknown;
    for (let before = -1; left.length !== before; ) {
      before = left.length;
      left = left.filter(({ pid, stat }) => {
        if (!this.#members.has(stat.parentPid)) return true;
        this.#join(pid, stat);
        return false;
      });
    }
    for (const { pid } of left) strangers.add(pid);
  }

  #join(pid: number, stat: ProcessStat): void {
    this.#seen++;
    this.#members.set(pid, new Member(pid, pid === this.#settings.rootPid, stat));
  }

  /** Children first: what they hand on may not have reached their parent's own numbers before it ended, too. */
  #leave(member: Member): void {
    this.#members.delete(member.pid);
    const { parentPid } = member.stat;
    const heir = parentPid === this.#settings.waiterPid ? this.#waiter : this.#members.get(parentPid)?.inheritance;
    if (heir === undefined) return;
    for (const mode of MODES) heir.handedOn[mode] += member.counted[mode] + member.inheritance.counted(mode);
  }
}
