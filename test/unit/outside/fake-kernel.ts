/**
 * A kernel whose processes start, work, end and are waited for as the tests say, and what it shows of them in `/proc`. CPU time is in ticks.
 */
import type { ProcTree } from '../../../agent/agent-thread/host/proc.ts';
import { type FakeFiles, fakeTree } from '../agent-thread/host/proc-fixtures.ts';

export const TICK_NS = 1e7;

interface FakeProcess {
  parent: number;
  readonly start: number;
  user: number;
  system: number;
  reapedUser: number;
  reapedSystem: number;
  isZombie: boolean;
}

export class FakeKernel {
  readonly tree: ProcTree;
  readonly #fs: FakeFiles;
  readonly #processes = new Map<number, FakeProcess>();
  #starts = 0;

  constructor() {
    const { tree, fs } = fakeTree({});
    this.tree = tree;
    this.#fs = fs;
    for (const pid of [1, 50]) this.start(pid, 1);
  }

  /** A file of `/proc`; undefined takes it away. */
  write(path: string, content: string | undefined): void {
    if (content === undefined) this.#fs.files.delete(`/proc/${path}`);
    else this.#fs.files.set(`/proc/${path}`, content);
  }

  start(pid: number, parent: number): void {
    const nothing = { user: 0, system: 0, reapedUser: 0, reapedSystem: 0, isZombie: false };
    this.#processes.set(pid, { parent, start: ++this.#starts, ...nothing });
    this.#show(pid);
  }

  work(pid: number, user: number, system = 0): void {
    const process = this.#of(pid);
    process.user += user;
    process.system += system;
    this.#show(pid);
  }

  /** It ends; its children are init's from then on, which waits for those that have ended. */
  exit(pid: number): void {
    this.#of(pid).isZombie = true;
    for (const [child, process] of this.#processes) {
      if (process.parent !== pid) continue;
      process.parent = 1;
      this.#show(child);
      if (process.isZombie) this.reap(child);
    }
    this.#show(pid);
  }

  /** Its parent waits for it. */
  reap(pid: number): void {
    const { user, system, reapedUser, reapedSystem, parent } = this.#of(pid);
    const heir = this.#of(parent);
    heir.reapedUser += user + reapedUser;
    heir.reapedSystem += system + reapedSystem;
    this.#processes.delete(pid);
    this.write(`${pid}/stat`, undefined);
    this.#show(parent);
  }

  /** Living children of the process. */
  childrenOf(pid: number): number[] {
    return [...this.#processes].filter(([, { parent }]) => parent === pid).map(([child]) => child);
  }

  #of(pid: number): FakeProcess {
    const process = this.#processes.get(pid);
    if (process === undefined) throw new Error(`there is no process ${pid}`);
    return process;
  }

  #show(pid: number): void {
    const { parent, start, user, system, reapedUser, reapedSystem, isZombie } = this.#of(pid);
    const times = `${user} ${system} ${reapedUser} ${reapedSystem}`;
    const state = isZombie ? 'Z' : 'S';
    this.write(`${pid}/stat`, `${pid} (a) b) ${state} ${parent} 2 3 0 -1 4 5 0 0 0 ${times} 20 0 1 0 ${start} 0 0\n`);
  }
}
