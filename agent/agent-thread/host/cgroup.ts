/**
 * The control group of this process, and the groups above it as far as they can be seen from here: cgroup v2, and of v1, which may stand beside it, the quota and the list of CPUs.
 *
 * Runs on the agent thread, and in the process of `gridwatch doctor`. It must never throw; where there are no groups there is no answer.
 */
import type { ProcTree } from './proc.ts';

/** The sessions of logged-in users are groups too, and no containers, unless a container runtime made a group of its own in them. */
const SESSION = /^fs\/cgroup\/(?:user\.slice|init\.scope)(?:\/|$)/;
const RUNTIME = /\/(?:[^/]*[-./])?(?:docker|libpod|cri-containerd|containerd|crio|kubepods|lxc|buildkit)(?:[-./]|$)/;

/** CPUs' worth of time in each period, and the group that says so: it is the one that counts the periods. */
export interface CpuQuota {
  readonly cpus: number;
  readonly folder: string;
}

const ROOT = 'fs/cgroup';

/** Folders below `/sys`: the group's own first, the outermost last. Undefined where the process is in no group of cgroup v2. */
export function groupFolders(proc: ProcTree): readonly string[] | undefined {
  const path = proc.readText('self/cgroup')?.match(/^0::\/(.*)$/m)?.[1];
  if (path === undefined) return undefined;
  return foldersTo(ROOT, path);
}

/**
 * The same of one controller of cgroup v1, below each name that its root may have: that of the controller, or of all that share it. In a container without a namespace of
 * groups the root is its own group, and the path, which is the host's, leads nowhere.
 */
function groupFoldersV1(proc: ProcTree, controller: string): readonly string[] {
  for (const [, shared = '', path = ''] of (proc.readText('self/cgroup') ?? '').matchAll(/^\d+:([^:\n]+):\/(.*)$/gm))
    if (shared.split(',').includes(controller))
      return [...new Set([controller, shared])].flatMap((name) => foldersTo(`${ROOT}/${name}`, path));
  return [];
}

function foldersTo(root: string, path: string): readonly string[] {
  // A path above the namespace's root, "../..", leads to groups that are not mounted here.
  const groups = path.split('/').filter((group) => group !== '' && group !== '..');
  const folders = [root];
  for (const group of groups) folders.unshift(`${folders[0]}/${group}`);
  return folders;
}

/** True for a group of its own: the root group, which is the whole machine, has no type. */
export function isGroup(sys: ProcTree, folder: string): boolean {
  return sys.readText(`${folder}/cgroup.type`) !== undefined;
}

/** True for the group of a container or a service: what is in it belongs together. */
export function isContainer(sys: ProcTree, folder: string): boolean {
  return isGroup(sys, folder) && (!SESSION.test(folder) || RUNTIME.test(folder));
}

/** The smallest quota of the group and the groups above; undefined without one. */
export function tightestQuota(proc: ProcTree, sys: ProcTree): CpuQuota | undefined {
  const text = (file: string): string => sys.readText(file) ?? '';
  const quotas = [
    ...(groupFolders(proc) ?? []).map((folder) => ({ folder, cpus: parseCpuMax(text(`${folder}/cpu.max`)) })),
    ...groupFoldersV1(proc, 'cpu').map((folder) => ({
      folder,
      cpus: parseCpuMax(`${text(`${folder}/cpu.cfs_quota_us`).trim()} ${text(`${folder}/cpu.cfs_period_us`)}`),
    })),
  ];
  let tightest: CpuQuota | undefined;
  for (const { folder, cpus } of quotas)
    if (cpus !== undefined && cpus < (tightest?.cpus ?? Number.POSITIVE_INFINITY)) tightest = { cpus, folder };
  return tightest;
}

/** CPUs' worth of time this process may use in each period. */
export function cpuQuota(proc: ProcTree, sys: ProcTree): number | undefined {
  return tightestQuota(proc, sys)?.cpus;
}

/** The list of the CPUs that the group may use, `0-3,8`; undefined where no group has one. */
export function groupCpuList(proc: ProcTree, sys: ProcTree): string | undefined {
  const [own] = groupFolders(proc) ?? [];
  const listed = own === undefined ? undefined : sys.readText(`${own}/cpuset.cpus.effective`);
  if (listed !== undefined) return listed;
  return groupFoldersV1(proc, 'cpuset')
    .flatMap((folder) => [`${folder}/cpuset.effective_cpus`, `${folder}/cpuset.cpus`])
    .map((file) => sys.readText(file))
    .find((text) => text !== undefined);
}

/** The smallest memory limit of the group and the groups above, in bytes; undefined without one. */
export function memoryLimit(sys: ProcTree, folders: readonly string[]): number | undefined {
  const limits = folders.map((folder) => parseNumber(sys.readText(`${folder}/memory.max`)));
  const smallest = Math.min(...limits.filter((limit) => limit !== undefined));
  return Number.isFinite(smallest) ? smallest : undefined;
}

/** A file of one number; undefined when there is none, or it is `max`. */
export function parseNumber(text: string | undefined): number | undefined {
  const value = /^(\d+)\s*$/.exec(text ?? '')?.[1];
  return value === undefined ? undefined : Number(value);
}

/** A file of lines `<name> <number>`. */
export function parseTable(text: string | undefined): ReadonlyMap<string, number> {
  const rows = (text ?? '').matchAll(/^(\S+) (\d+)$/gm);
  return new Map(Array.from(rows, ([, name, value]) => [name as string, Number(value)]));
}

/** `<quota> <period>` in microseconds; a quota of `max`, or of -1, is none. */
function parseCpuMax(text: string): number | undefined {
  const [, quotaUs, periodUs] = /^(\d+) (\d+)\s*$/.exec(text) ?? [];
  const quota = Number(quotaUs) / Number(periodUs);
  return Number.isFinite(quota) && quota > 0 ? quota : undefined;
}
