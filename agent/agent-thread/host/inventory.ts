/**
 * The CPUs this process may use.
 *
 * Runs on the agent thread. It spawns nothing and asks nobody but the kernel's files; `os.cpus()`, which takes half a second on some hosts,
 * is never called.
 */
import { availableParallelism } from 'node:os';
import type { ProcTree } from './proc.ts';

/** More than any machine has; a list that says more is garbage. */
const MAX_CPUS = 8192;

export interface CpuInventory {
  /** Logical CPUs by number, in order: those of the process's affinity that are online. Undefined where that is not known. */
  readonly logicalNumbers: readonly number[] | undefined;
  readonly logicalCount: number;
  /** Cores that these belong to; undefined where the topology is not known. */
  readonly physicalCount: number | undefined;
}

export interface InventorySettings {
  readonly proc: ProcTree;
  readonly sys: ProcTree;
  /** What Node says where the kernel's files do not. */
  readonly fallbackCount?: () => number;
}

export class Inventory {
  readonly #proc: ProcTree;
  readonly #sys: ProcTree;
  readonly #fallbackCount: () => number;
  #key = '';
  #cpus: CpuInventory | undefined;

  constructor({ proc, sys, fallbackCount = availableParallelism }: InventorySettings) {
    this.#proc = proc;
    this.#sys = sys;
    this.#fallbackCount = fallbackCount;
  }

  /** The CPUs as of now: an affinity may change while the process runs. Costs two reads when it has not. */
  cpus(): CpuInventory {
    const allowedList = this.#proc.readText('self/status')?.match(/^Cpus_allowed_list:\s*(.*)$/m)?.[1] ?? '';
    const onlineList = this.#sys.readText('devices/system/cpu/online')?.trim() ?? '';
    const key = `${allowedList}/${onlineList}`;
    if (this.#cpus === undefined || key !== this.#key) {
      this.#key = key;
      this.#cpus = this.#read(parseCpuList(allowedList), parseCpuList(onlineList));
    }
    return this.#cpus;
  }

  #read(allowed: readonly number[] | undefined, online: readonly number[] | undefined): CpuInventory {
    const isOnline = online && new Set(online);
    const logicalNumbers = allowed?.filter((cpu) => isOnline?.has(cpu) ?? true);
    if (logicalNumbers === undefined || logicalNumbers.length === 0) {
      return { logicalNumbers: undefined, logicalCount: this.#fallbackCount(), physicalCount: undefined };
    }
    const physicalCount = this.#coresBySysfs(logicalNumbers) ?? this.#coresByCpuinfo(logicalNumbers);
    return { logicalNumbers, logicalCount: logicalNumbers.length, physicalCount };
  }

  #coresBySysfs(cpus: readonly number[]): number | undefined {
    const cores = new Set<string>();
    for (const cpu of cpus) {
      const topology = (name: string): string | undefined =>
        this.#sys.readText(`devices/system/cpu/cpu${cpu}/topology/${name}`)?.trim();
      const socket = topology('physical_package_id');
      const core = topology('core_id');
      if (socket === undefined || core === undefined) return undefined;
      cores.add(`${socket}/${topology('die_id') ?? ''}/${core}`);
    }
    return cores.size;
  }

  #coresByCpuinfo(cpus: readonly number[]): number | undefined {
    const wanted = new Set(cpus);
    const cores = new Set<string>();
    let found = 0;
    for (const block of this.#proc.readText('cpuinfo')?.split('\n\n') ?? []) {
      const field = (name: string): string | undefined => block.match(new RegExp(`^${name}\\s*:\\s*(\\d+)$`, 'm'))?.[1];
      const socket = field('physical id');
      const core = field('core id');
      if (!wanted.has(Number(field('processor') ?? -1)) || socket === undefined || core === undefined) continue;
      cores.add(`${socket}/${core}`);
      found++;
    }
    return found === cpus.length ? cores.size : undefined;
  }
}

/** The numbers of a list such as `0-3,8`; undefined when it is none. */
export function parseCpuList(list: string): readonly number[] | undefined {
  const numbers = new Set<number>();
  for (const range of list.trim().split(',')) {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) >= MAX_CPUS) return undefined;
    for (let cpu = Number(first); cpu <= Number(last); cpu++) numbers.add(cpu);
  }
  return [...numbers].toSorted((a, b) => a - b);
}
