/**
 * What the agent may use, held against what the program has, and which share of a fleet has the agent at all. Part of `gridwatch doctor`, in its process.
 */
import { hostname } from 'node:os';
import type { Config } from '../../config/options.ts';
import { isInRatio } from '../../config/ratio.ts';
import type { Check } from '../doctor.ts';
import { formatShare } from '../ui/quantities.ts';
import { type MachineSettings, memoryLimitOf, quotaOf } from './machine.ts';

/** An agent that may take more of a container than this is no guest. */
const MAX_SHARE = 0.25;
const MIB = 2 ** 20;

export function checkBudget(config: Config, { procRoot = '/proc', sysRoot = '/sys' }: MachineSettings = {}): Check[] {
  const { maxCpu, maxMemoryMb } = config;
  const quota = quotaOf(procRoot, sysRoot);
  const memoryBytes = memoryLimitOf(procRoot, sysRoot);
  const checks: Check[] = [];
  if (quota !== undefined && maxCpu > quota * MAX_SHARE) {
    checks.push({
      level: 'note',
      found: `GRIDWATCH_MAX_CPU is ${maxCpu}: ${formatShare(maxCpu / quota)} of the quota of ${Number(quota.toFixed(2))} CPUs.`,
      remedy: `Set GRIDWATCH_MAX_CPU=${Math.max(0.001, Number((quota * 0.05).toFixed(3)))}, or raise the quota.`,
    });
  }
  if (memoryBytes !== undefined && maxMemoryMb * MIB > memoryBytes * MAX_SHARE) {
    checks.push({
      level: 'note',
      found: `GRIDWATCH_MAX_MEMORY_MB is ${maxMemoryMb}: ${formatShare((maxMemoryMb * MIB) / memoryBytes)} of the limit of ${Math.round(memoryBytes / MIB)} MB.`,
      remedy: 'Raise the limit: the agent needs 30 to 50 MB, and with less than it needs it sheds features.',
    });
  }
  if (checks.length === 0) {
    const found = `The agent may use ${maxCpu} CPUs and ${maxMemoryMb} MB; beyond that it sheds features, and says so.`;
    checks.push({ level: 'ok', found, remedy: '' });
  }
  return [...checks, ...checkRatio(config.enableRatio)];
}

/** The program's pid is not known here, but in a container it mostly is 1. */
function checkRatio(ratio: number, host: string = hostname()): Check[] {
  if (ratio >= 1) return [];
  const answer = isInRatio(ratio, host, 1) ? 'is' : 'is not';
  return [
    {
      level: 'note',
      found: `GRIDWATCH_ENABLE_RATIO is ${ratio}: host and pid decide. On this host a program with pid 1, as in a container, ${answer} observed, and of other pids ${formatShare(ratio)} are.`,
      remedy: 'Unset it to observe every program.',
    },
  ];
}
