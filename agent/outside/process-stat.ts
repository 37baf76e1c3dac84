/**
 * What the kernel says of a process, or of one thread of it, in one line: `/proc/<pid>/stat`.
 *
 * Runs in the process of `gridwatch observe`. It must never throw: what cannot be read is not there.
 */
import type { ProcTree } from '../agent-thread/host/proc.ts';

/** CPU time in nanoseconds; the kernel counts it in ticks of 10 ms. */
export interface CpuTimes {
  readonly userNs: number;
  readonly systemNs: number;
}

export interface ProcessStat {
  readonly parentPid: number;
  /** Of the process, threads that ended included; of a thread, its own. */
  readonly own: CpuTimes;
  /** Of the children that ended and were waited for, and of theirs. */
  readonly reaped: CpuTimes;
  readonly threadCount: number;
  /** After the machine started. With the number of the process it says which process it is: numbers are used again. */
  readonly startNs: number;
}

/** `USER_HZ`, as programs see it. */
const TICK_NS = 1e7;

const CLOSING_PARENTHESIS = 0x29;

/** `folder`: `<pid>`, or `<pid>/task/<tid>`. Undefined when it has ended, or makes no sense. */
export function readProcessStat(proc: ProcTree, folder: string): ProcessStat | undefined {
  const file = proc.file(`${folder}/stat`);
  const isRead = file.read();
  file.close();
  const { scanner } = proc;
  // The name, in parentheses, is the program's to choose. Behind the last one come the state, and as the second field the parent.
  if (!isRead || !scanner.skipPastLast(CLOSING_PARENTHESIS)) return undefined;
  scanner.skipFields(2);
  const parentPid = scanner.number();
  scanner.skipFields(10);
  const [user, system, reapedUser, reapedSystem] = [0, 1, 2, 3].map(() => scanner.number() * TICK_NS);
  scanner.skipFields(3);
  const threadCount = scanner.number();
  scanner.skipFields(2);
  const startNs = scanner.number() * TICK_NS;
  const own = { userNs: user as number, systemNs: system as number };
  const reaped = { userNs: reapedUser as number, systemNs: reapedSystem as number };
  const sum = parentPid + own.userNs + own.systemNs + reaped.userNs + reaped.systemNs + threadCount + startNs;
  return Number.isFinite(sum) ? { parentPid, own, reaped, threadCount, startNs } : undefined;
}

/** How long the machine has been up: the clock of `startNs`. Undefined where the kernel does not tell. */
export function readUptimeNs(proc: ProcTree): number | undefined {
  const seconds = Number.parseFloat(proc.readText('uptime') ?? '');
  return Number.isFinite(seconds) ? seconds * 1e9 : undefined;
}
