/**
 * What the kernel lets the agent see of a program's threads and CPUs. Part of `gridwatch doctor`: it reads the files that
 * the agent reads, of its own process, under the same user and in the same container.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import type { Check } from '../doctor.ts';
import { formatShare } from '../ui/quantities.ts';

export interface MachineSettings {
  /** `/proc`; tests have a tree of their own. */
  readonly procRoot?: string;
  readonly sysRoot?: string;
  readonly platform?: NodeJS.Platform;
}

export function checkMachine({
  procRoot = '/proc',
  sysRoot = '/sys',
  platform = process.platform,
}: MachineSettings = {}): Check[] {
  const node: Check = {
    level: 'ok',
    found: `Node.js ${process.versions.node} on ${platform} ${process.arch}.`,
    remedy: '',
  };
  if (platform !== 'linux') {
    return [
      node,
      {
        level: 'note',
        found: `There is no /proc on ${platform}: a thread's time in the run queue and what it is blocked in are not known.`,
        remedy:
          'Pauses, waits and CPU time are seen here too; for all states run the program on Linux, in a container for one.',
      },
      checkCpus(undefined),
    ];
  }
  return [node, checkSchedule(procRoot), checkKernelState(procRoot), checkCpus(quotaOf(procRoot, sysRoot))];
}

function checkSchedule(procRoot: string): Check {
  const file = `${procRoot}/thread-self/schedstat`;
  const { text, failure } = read(file);
  if (Number(text.split(' ')[0]) > 0) {
    return { level: 'ok', found: 'Running and runnable time of each thread are exact (schedstat).', remedy: '' };
  }
  const hasTicks = read(`${procRoot}/thread-self/stat`).failure === '';
  return {
    level: 'problem',
    found: hasTicks
      ? `Running time of threads is known in steps of 10 ms only, runnable time is not: ${file} ${failure || 'has no times'}.`
      : `Time on the CPU is known of no thread: ${procRoot} cannot be read (${failure}).`,
    remedy:
      'Mount /proc in the container; sandboxes that imitate a kernel (gVisor) and kernels without CONFIG_SCHED_INFO have no such file.',
  };
}

function checkKernelState(procRoot: string): Check {
  const failures = ['syscall', 'wchan'].map((name) => ({
    name,
    failure: read(`${procRoot}/thread-self/${name}`).failure,
  }));
  const readableNames = failures.filter(({ failure }) => failure === '').map(({ name }) => name);
  if (readableNames.length > 0) {
    return {
      level: 'ok',
      found: `Idle threads can be told from threads blocked in I/O (${readableNames.join(', ')}).`,
      remedy: '',
    };
  }
  return {
    level: 'problem',
    found: `Idle threads cannot be told from threads blocked in I/O: ${failures.map(({ name, failure }) => `${name} ${failure}`).join(', ')}.`,
    remedy:
      'The kernel lets a process read these of itself unless it is undumpable or sandboxed: start it without setuid, or relax the seccomp profile. Until then such time is "unknown".',
  };
}

function checkCpus(quota: number | undefined): Check {
  const allCount = cpus().length;
  const usable = availableParallelism();
  const limit = quota === undefined ? '' : `, with a quota of ${Number(quota.toFixed(2))} (cgroup)`;
  const isSmall = quota !== undefined && quota < 1;
  return {
    level: isSmall ? 'note' : 'ok',
    found: `The program may use ${usable} of ${allCount} CPUs${limit}.`,
    remedy: isSmall
      ? `With ${formatShare(quota)} of one CPU any thread is stopped again and again, and that shows as runnable time. Raise the quota for a fair picture.`
      : '',
  };
}

/** The smallest CPU quota of this process's control group and those above it, in CPUs; undefined without one. */
export function quotaOf(procRoot = '/proc', sysRoot = '/sys'): number | undefined {
  const path = /^0::\/(.*)$/m.exec(read(`${procRoot}/self/cgroup`).text)?.[1];
  if (path === undefined) return undefined;
  const groups = path.split('/').filter((group) => group !== '' && group !== '..');
  const quotas = [groups, ...groups.map((_, at) => groups.slice(0, at))].map((parts) => {
    const [quotaUs, periodUs] = read([`${sysRoot}/fs/cgroup`, ...parts, 'cpu.max'].join('/'))
      .text.split(' ')
      .map(Number);
    return (quotaUs ?? Number.NaN) / (periodUs ?? Number.NaN);
  });
  const limits = quotas.filter((quota) => Number.isFinite(quota) && quota > 0);
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

function read(file: string): { text: string; failure: string } {
  try {
    return { text: readFileSync(file, 'utf8'), failure: '' };
  } catch (error) {
    return { text: '', failure: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})` };
  }
}
