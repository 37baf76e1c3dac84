/**
 * The hardware by the kernel's files: `/proc/cpuinfo`, of which the first CPU is looked at, and `/sys`.
 *
 * Runs on the agent thread. What it reads is the kernel's, of any architecture and age, or a sandbox's imitation: every line may be missing. It never
 * asks `os.cpus()`, which takes half a second on some hosts.
 */
import type { Hardware, OsSource } from './hardware.ts';
import { parseCpuList } from './inventory.ts';
import type { ProcTree } from './proc.ts';

const CPUS = 'devices/system/cpu';
const MAX_SOCKETS = 64;

/** The implementers of ARM cores that run servers, by the kernel's code. */
const ARM_IMPLEMENTERS: Readonly<Record<string, string>> = {
  '0x41': 'ARM',
  '0x42': 'Broadcom',
  '0x43': 'Cavium',
  '0x46': 'Fujitsu',
  '0x48': 'HiSilicon',
  '0x4e': 'NVIDIA',
  '0x51': 'Qualcomm',
  '0x61': 'Apple',
  '0x6d': 'Microsoft',
  '0xc0': 'Ampere',
};

export function readLinuxHardware(proc: ProcTree, sys: ProcTree, os: Pick<OsSource, 'totalmem'>): Hardware {
  const fields = firstCpu(proc.readText('cpuinfo') ?? '');
  const listAt: ListAt = (path) => parseCpuList(sys.readText(path) ?? '');
  const logicalCount = listAt(`${CPUS}/present`)?.length;
  const sockets = socketsOf(listAt);
  return {
    ...(fields.has('CPU implementer') ? armProcessor(fields) : processor(fields)),
    l2CacheBytes: l2CacheBytes(sys),
    frequencyHz: frequencyHz(sys, fields.get('model name')),
    socketCount: sockets,
    physicalCount: physicalCount(fields, sockets, logicalCount, siblingsOf(listAt, 0, 'core')),
    logicalCount,
    numaNodeCount: listAt('devices/system/node/online')?.length,
    memoryBytes: os.totalmem(),
  };
}

/** The lines `name : value` of the first CPU, and those that stand before it. */
function firstCpu(text: string): ReadonlyMap<string, string> {
  const [block = ''] = text.trimStart().split('\n\n');
  const rows = block.matchAll(/^([^:\n]+?)\s*:[ \t]*(.*)$/gm);
  return new Map(Array.from(rows, ([, name, value]) => [name as string, (value as string).trim()]));
}

/** x86 has all of it; POWER and z call their processor otherwise. */
function processor(fields: ReadonlyMap<string, string>): Hardware {
  return {
    vendorId: fields.get('vendor_id'),
    family: fields.get('cpu family'),
    modelId: fields.get('model'),
    modelName: fields.get('model name') ?? fields.get('cpu'),
    stepping: fields.get('stepping'),
  };
}

/** `r3p1`, as ARM writes it: variant and revision. */
function armProcessor(fields: ReadonlyMap<string, string>): Hardware {
  const implementer = fields.get('CPU implementer') ?? '';
  const [variant, revision] = [fields.get('CPU variant'), fields.get('CPU revision')];
  return {
    vendorId: ARM_IMPLEMENTERS[implementer.toLowerCase()] ?? implementer,
    family: fields.get('CPU architecture'),
    modelId: fields.get('CPU part'),
    modelName: fields.get('model name'),
    stepping: variant === undefined || revision === undefined ? undefined : `r${Number(variant)}p${revision}`,
  };
}

type ListAt = (path: string) => readonly number[] | undefined;

/** The CPUs of the same core or socket. Before Linux 5.3 the files had other names. */
const SIBLING_FILES = {
  core: ['core_cpus_list', 'thread_siblings_list'],
  package: ['package_cpus_list', 'core_siblings_list'],
} as const;

function siblingsOf(listAt: ListAt, cpu: number, of: keyof typeof SIBLING_FILES): readonly number[] | undefined {
  const [now, before] = SIBLING_FILES[of];
  return listAt(`${CPUS}/cpu${cpu}/topology/${now}`) ?? listAt(`${CPUS}/cpu${cpu}/topology/${before}`);
}

/** From one socket's list of CPUs to the first CPU that is in none of those read: as many reads as there are sockets. */
function socketsOf(listAt: ListAt): number | undefined {
  const remaining = new Set(listAt(`${CPUS}/online`));
  let sockets = 0;
  for (const cpu of remaining) {
    const siblings = siblingsOf(listAt, cpu, 'package');
    if (siblings === undefined || sockets === MAX_SOCKETS) return undefined;
    for (const sibling of [cpu, ...siblings]) remaining.delete(sibling);
    sockets++;
  }
  return sockets > 0 ? sockets : undefined;
}

/** The kernel counts the cores of a socket on x86 only; elsewhere all cores have as many threads as the first. */
function physicalCount(
  fields: ReadonlyMap<string, string>,
  sockets: number | undefined,
  logicalCount: number | undefined,
  firstCore: readonly number[] | undefined,
): number | undefined {
  const coresOfSocket = Number(fields.get('cpu cores'));
  if (sockets !== undefined && coresOfSocket > 0) return sockets * coresOfSocket;
  if (logicalCount === undefined || firstCore === undefined) return undefined;
  return Math.ceil(logicalCount / firstCore.length);
}

function l2CacheBytes(sys: ProcTree): number | undefined {
  for (let index = 0; index < 5; index++) {
    const read = (name: string): string | undefined => sys.readText(`${CPUS}/cpu0/cache/index${index}/${name}`)?.trim();
    const level = read('level');
    if (level === undefined) return undefined;
    if (level === '2') return sizeBytes(read('size') ?? '');
  }
  return undefined;
}

function sizeBytes(text: string): number | undefined {
  const [, size, unit = ''] = /^(\d+)([KM]?)$/.exec(text) ?? [];
  return size === undefined ? undefined : Number(size) * ({ K: 2 ** 10, M: 2 ** 20 }[unit] ?? 1);
}

/** Where a hypervisor hides the driver, the name of many a processor ends in its base frequency. */
function frequencyHz(sys: ProcTree, modelName = ''): number | undefined {
  const khz = Number(sys.readText(`${CPUS}/cpu0/cpufreq/cpuinfo_max_freq`));
  if (khz > 0) return khz * 1e3;
  const ghz = Number(/@ (\d+(?:\.\d+)?)GHz/.exec(modelName)?.[1]);
  return ghz > 0 ? Math.round(ghz * 1e9) : undefined;
}
