/**
 * What the hypervisor says this virtual machine draws: a folder in the form of RAPL's that the host writes and the guest mounts.
 *
 * Runs on the agent thread; it is looked for once, and in the process of `gridwatch doctor`. It must never throw. Scaphandre's exporter for qemu writes
 * `intel-rapl:0/energy_uj`, without a name, a range or a newline, every five seconds, and an empty folder `intel-rapl:0:0`; guests mount it at
 * `/var/scaphandre` (https://hubblo-org.github.io/scaphandre-documentation/how-to_guides/propagate-metrics-hypervisor-to-vm_qemu-kvm.html). The number
 * only grows, by this machine's share of the host's processors.
 */
import { ProcTree } from '../../host/proc.ts';
import { UNCERTAINTY } from '../uncertainty.ts';
import { CounterSource } from './counter-source.ts';
import { type Candidate, unusable, usable } from './energy-source.ts';

export interface HostRaplSettings {
  readonly sys: ProcTree;
  readonly proc: ProcTree;
  /** Where Scaphandre's own guests look; `GRIDWATCH_SYSFS_ROOT` comes first. */
  readonly hostRoot?: string;
  /** The most that this machine is taken to draw. */
  readonly fallbackPowerW: number;
}

const ZONE = /^intel-rapl:[0-9a-f]+$/;
const HOST_ROOT = '/var/scaphandre';
const STEP =
  'On the host: scaphandre qemu; give this machine the folder /var/lib/libvirt/scaphandre/<its name> as a read-only filesystem, ' +
  `and mount it here: mount -t 9p -o trans=virtio scaphandre ${HOST_ROOT}. Anywhere else: GRIDWATCH_SYSFS_ROOT=<the folder>`;

export function findHostRapl({ sys, proc, hostRoot = HOST_ROOT, fallbackPowerW }: HostRaplSettings): Candidate {
  const trees = [sys, new ProcTree({ root: hostRoot, fs: sys.fs })];
  for (const tree of trees) {
    const zones = (tree.list('.') ?? []).filter((name) => ZONE.test(name) && !isWholePlatform(tree, name));
    const files = zones.map((zone) => tree.file(`${zone}/energy_uj`));
    if (files.length === 0) continue;
    const failed = files.find((file) => !canRead(file));
    if (failed !== undefined) return unusable('host', `${failed.path} cannot be read (${failed.failure})`, STEP);
    const source = new CounterSource({
      name: 'host',
      boundary: 'virtual_machine',
      uncertainty: UNCERTAINTY.raplShare,
      tree,
      proc,
      counters: files.map((file) => ({ file, rangeUj: undefined, maxPowerW: fallbackPowerW })),
      isStepped: true,
    });
    return usable(source, `what the host writes into ${tree.root}`);
  }
  const where = trees.map(({ root }) => root).join(' or ');
  return unusable('host', `no host writes what this machine draws into ${where}`, STEP);
}

/** A host that passes on names may pass on psys, which contains the others. */
function isWholePlatform(tree: ProcTree, zone: string): boolean {
  return (tree.readText(`${zone}/name`) ?? '').startsWith('psys');
}

function canRead(file: ReturnType<ProcTree['file']>): boolean {
  const isReadable = file.read();
  file.close();
  return isReadable;
}
