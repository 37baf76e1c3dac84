/**
 * What the kernel lets the agent see of a program's threads and CPUs. Part of `gridwatch doctor`: it reads the files that
 * the agent reads, of its own process, under the same user and in the same container.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { cpuQuota, groupFolders, memoryLimit } from '../../agent-thread/host/cgroup.ts';
import { ProcTree } from '../../agent-thread/host/proc.ts';
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
  if (platform !== 'linux') return [node, ...withoutProc(platform), checkCpus(undefined)];
  return [
    node,
    checkSchedule(procRoot),
    checkKernelState(procRoot),
    ...checkGroup(procRoot),
    checkCpus(quotaOf(procRoot, sysRoot)),
  ];
}

/** What other systems than Linux do not tell a process of itself, feature by feature. */
function withoutProc(platform: NodeJS.Platform): Check[] {
  return [
    'the time each thread runs, waits for a CPU and is blocked (gridwatch.thread.state.time has what is known of waits, the rest is "unknown"; no gridwatch.thread.cpu.time)',
    "libuv's, V8's and the agent's own threads",
    'the CPUs of the machine (system.cpu.*)',
    'quotas, limits and pressure of a container',
  ].map((what) => ({
    level: 'note',
    found: `Not known on ${platform}, which has no /proc: ${what}.`,
    remedy:
      'Run the program on Linux, in a container for one. Pauses, waits, event loops, heaps and workers are seen here too.',
  }));
}

/** The line of `/proc/self/cgroup` that cgroup v2 has; controllers of v1 that stand beside it have their own. */
const GROUP = /^0::\//m;
const MEMORY_V1 = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:/m;
const CPU_V1 = /^\d+:(?:[^:\n]*,)?cpu(?:,[^:\n]*)?:/m;

function checkGroup(procRoot: string): Check[] {
  const { text, failure } = read(`${procRoot}/self/cgroup`);
  if (failure === '' && GROUP.test(text) && !MEMORY_V1.test(text)) return [];
  const what = CPU_V1.test(text) ? 'Memory limit' : 'Quota, throttling, memory limit';
  const reason = failure === '' ? 'this kernel has cgroup v1' : `${procRoot}/self/cgroup ${failure}`;
  return [
    {
      level: 'note',
      found: `${what} and pressure of the container are not known: ${reason}.`,
      remedy: 'Start the host with systemd.unified_cgroup_hierarchy=1, and mount cgroup v2 in the container.',
    },
  ];
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
  return cpuQuota(new ProcTree({ root: procRoot }), new ProcTree({ root: sysRoot }));
}

/** The smallest memory limit of the same groups, in bytes; undefined without one. */
export function memoryLimitOf(procRoot = '/proc', sysRoot = '/sys'): number | undefined {
  const folders = groupFolders(new ProcTree({ root: procRoot })) ?? [];
  return memoryLimit(new ProcTree({ root: sysRoot }), folders);
}

function read(file: string): { text: string; failure: string } {
  try {
    return { text: readFileSync(file, 'utf8'), failure: '' };
  } catch (error) {
    return { text: '', failure: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})` };
  }
}
