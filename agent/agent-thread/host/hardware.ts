/**
 * What machine the process runs on, for the resource of everything exported: processor, cores, memory.
 *
 * Runs on the agent thread, once, off the start-up path. It spawns nothing and takes a millisecond or three: on Linux it reads a dozen of the
 * kernel's files, however many CPUs there are; elsewhere it asks Node. Serial numbers, addresses and names of the machine are none of its business. What it
 * cannot find out is left out.
 */
import * as os from 'node:os';
import type { ResourceAttributes } from '../telemetry/resource.ts';
import { readLinuxHardware } from './hardware-linux.ts';
import { readPortableHardware } from './hardware-portable.ts';
import type { ProcTree } from './proc.ts';

export interface Hardware {
  /** As CPUID has it, `GenuineIntel`; on ARM the implementer's name. */
  readonly vendorId?: string | undefined;
  readonly family?: string | undefined;
  readonly modelId?: string | undefined;
  readonly modelName?: string | undefined;
  readonly stepping?: string | undefined;
  /** Of one core, or of the cores that share it. */
  readonly l2CacheBytes?: number | undefined;
  /** The driver's maximum; where there is no driver, what the processor's name or Node says. */
  readonly frequencyHz?: number | undefined;
  readonly socketCount?: number | undefined;
  readonly physicalCount?: number | undefined;
  /** Of the machine: what the process may use of them is a metric. */
  readonly logicalCount?: number | undefined;
  readonly numaNodeCount?: number | undefined;
  readonly memoryBytes?: number | undefined;
}

/** The part of `node:os` that is asked. */
export type OsSource = Pick<typeof os, 'cpus' | 'totalmem'>;

export interface HardwareSettings {
  readonly proc: ProcTree;
  readonly sys: ProcTree;
  readonly platform?: NodeJS.Platform;
  readonly os?: OsSource;
  readonly env?: NodeJS.ProcessEnv;
}

/** Names, and what stands under them: OpenTelemetry's where there are any. */
const ATTRIBUTES: Readonly<Record<keyof Hardware, string>> = {
  vendorId: 'host.cpu.vendor.id',
  family: 'host.cpu.family',
  modelId: 'host.cpu.model.id',
  modelName: 'host.cpu.model.name',
  stepping: 'host.cpu.stepping',
  l2CacheBytes: 'host.cpu.cache.l2.size',
  frequencyHz: 'gridwatch.host.cpu.frequency',
  socketCount: 'gridwatch.host.cpu.socket.count',
  physicalCount: 'gridwatch.host.cpu.physical.count',
  logicalCount: 'gridwatch.host.cpu.logical.count',
  numaNodeCount: 'gridwatch.host.numa_node.count',
  memoryBytes: 'gridwatch.host.memory.size',
};

const MAX_TEXT_CHARS = 128;

export function readHardware(settings: HardwareSettings): Hardware {
  const { proc, sys, platform = process.platform, os: source = os, env = process.env } = settings;
  if (platform === 'linux' || platform === 'android') return readLinuxHardware(proc, sys, source);
  return readPortableHardware(source, env);
}

export function hardwareAttributes(hardware: Hardware): ResourceAttributes {
  const attributes: Record<string, string | number> = {};
  for (const [key, name] of Object.entries(ATTRIBUTES)) {
    const value = hardware[key as keyof Hardware];
    if (typeof value === 'string' ? value !== '' : Number.isFinite(value) && Number(value) > 0)
      attributes[name] = typeof value === 'string' ? value.slice(0, MAX_TEXT_CHARS) : (value as number);
  }
  return attributes;
}
