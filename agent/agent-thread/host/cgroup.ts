/**
 * What the control group of this process allows it: cgroup v2.
 *
 * Runs on the agent thread. It must never throw; where there is no cgroup v2 there is no answer.
 */
import type { ProcTree } from './proc.ts';

/**
 * CPUs' worth of time the process may use in each period: the smallest quota of its group and the groups above, as far as they can be
 * seen from here. Undefined without a quota.
 */
export function cpuQuota(proc: ProcTree, sys: ProcTree): number | undefined {
  const path = proc.readText('self/cgroup')?.match(/^0::\/(.*)$/m)?.[1];
  if (path === undefined) return undefined;
  // A path above the namespace's root, "../..", leads to groups that are not mounted here.
  const groups = path.split('/').filter((group) => group !== '' && group !== '..');
  let quota: number | undefined;
  for (let depth = groups.length; depth >= 0; depth--) {
    const limit = parseCpuMax(sys.readText(['fs/cgroup', ...groups.slice(0, depth), 'cpu.max'].join('/')) ?? '');
    if (limit !== undefined) quota = Math.min(quota ?? limit, limit);
  }
  return quota;
}

/** `<quota> <period>` in microseconds; a quota of `max` is none. */
function parseCpuMax(text: string): number | undefined {
  const [, quotaUs, periodUs] = /^(\d+) (\d+)\s*$/.exec(text) ?? [];
  const quota = Number(quotaUs) / Number(periodUs);
  return Number.isFinite(quota) && quota > 0 ? quota : undefined;
}
