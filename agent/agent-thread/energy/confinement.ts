/**
 * What stands between this process and the machine whose energy is told: a hypervisor, a container, a reservation of CPUs.
 *
 * Runs on the agent thread, and in the process of `gridwatch doctor`. It must never throw; what cannot be read is not there. In a virtual machine the CPUs
 * counted are its own, and the model gives it their share of the host. A container sees all CPUs of its machine: that machine's energy is told, and
 * what the container has reserved of it is the share of its idle power that it answers for.
 */
import { cpuQuota, groupCpuList, groupFolders, isContainer } from '../host/cgroup.ts';
import { parseCpuList } from '../host/inventory.ts';
import type { ProcTree } from '../host/proc.ts';

export interface Confinement {
  /** The hypervisor's name, `unknown` for one without; undefined on a machine of metal. */
  readonly hypervisor: string | undefined;
  readonly isContainer: boolean;
  /** CPUs' worth that the control group reserves, by quota or by list; undefined when that is the whole machine. */
  readonly reservedCpus: number | undefined;
}

/** Makers of virtual machines, as the firmware's tables name them: x86 has a flag, ARM has these and a device tree. A rented machine of metal says so. */
const VIRTUAL_VENDORS: readonly { readonly vendor: RegExp; readonly product: RegExp; readonly name: string }[] = [
  { vendor: /^QEMU/, product: /./, name: 'QEMU' },
  { vendor: /^Amazon EC2/, product: /^(?!.*\.metal)/, name: 'Amazon EC2' },
  { vendor: /^Google/, product: /Compute Engine/, name: 'Google Compute Engine' },
  { vendor: /^Microsoft/, product: /Virtual Machine/, name: 'Hyper-V' },
  { vendor: /^VMware/, product: /./, name: 'VMware' },
  { vendor: /^Xen/, product: /./, name: 'Xen' },
  { vendor: /^Apple/, product: /Virtual/, name: 'Apple Virtualization' },
  { vendor: /^Parallels/, product: /./, name: 'Parallels' },
  { vendor: /^innotek GmbH/, product: /./, name: 'VirtualBox' },
  { vendor: /^Hetzner/, product: /vServer/, name: 'Hetzner' },
];

/** `sys` is the real one, of this container: `GRIDWATCH_SYSFS_ROOT` may be the host's. */
export function readConfinement(proc: ProcTree, sys: ProcTree, logicalCpus: number): Confinement {
  const own = groupFolders(proc)?.[0];
  const listed = parseCpuList(groupCpuList(proc, sys) ?? '')?.length;
  const counts = [cpuQuota(proc, sys), listed].filter((count) => count !== undefined);
  const reserved = Math.min(...counts, logicalCpus);
  return {
    hypervisor: hypervisor(proc, sys),
    isContainer: own !== undefined && isContainer(sys, own),
    reservedCpus: reserved < logicalCpus ? reserved : undefined,
  };
}

function hypervisor(proc: ProcTree, sys: ProcTree): string | undefined {
  const firmware = (name: string): string => sys.readText(`class/dmi/id/${name}`)?.trim() ?? '';
  const [vendor, product] = [firmware('sys_vendor'), firmware('product_name')];
  const known = VIRTUAL_VENDORS.find((row) => row.vendor.test(vendor) && row.product.test(product))?.name;
  if (known !== undefined) return known;
  const xen = sys.readText('hypervisor/type')?.trim();
  if (xen !== undefined && xen !== '') return xen;
  if (proc.readText('device-tree/hypervisor/compatible') !== undefined) return 'KVM';
  /* Firecracker, Cloud Hypervisor and QEMU on ARM, which have no tables without firmware. */
  if (proc.readText('device-tree/compatible')?.includes('linux,dummy-virt') === true) return 'KVM';
  return /^flags\s*:.*\shypervisor(?:\s|$)/m.test(proc.readText('cpuinfo') ?? '') ? 'unknown' : undefined;
}
