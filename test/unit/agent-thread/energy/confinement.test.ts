/** Hypervisors, containers and reservations, as the kernel shows them. */
import { describe, expect, it } from 'vitest';
import { readConfinement } from '../../../../agent/agent-thread/energy/confinement.ts';
import { type Files, MachineTree } from './machine-tree.ts';

function read(files: Files, logicalCpus = 8) {
  using machine = new MachineTree(files);
  return readConfinement(machine.proc, machine.sys, logicalCpus);
}

function firmware(vendor: string, product: string): Files {
  return { 'sys/class/dmi/id/sys_vendor': `${vendor}\n`, 'sys/class/dmi/id/product_name': `${product}\n` };
}

describe('a hypervisor', () => {
  it.each<[Files, string | undefined]>([
    [{}, undefined],
    [{ 'proc/cpuinfo': 'flags\t\t: fpu vme hypervisor lahf_lm\n' }, 'unknown'],
    [{ 'proc/cpuinfo': 'flags\t\t: fpu vme hypervisor\n', ...firmware('QEMU', 'Standard PC') }, 'QEMU'],
    [{ 'proc/cpuinfo': 'flags\t\t: fpu hypervisors_friend\n' }, undefined],
    [{ 'proc/cpuinfo': 'model name\t: hypervisor \n' }, undefined],
    [firmware('Amazon EC2', 'm7g.large'), 'Amazon EC2'],
    [firmware('Amazon EC2', 'm7g.metal'), undefined],
    [firmware('Google', 'Google Compute Engine'), 'Google Compute Engine'],
    [firmware('Microsoft Corporation', 'Surface Laptop'), undefined],
    [firmware('Microsoft Corporation', 'Virtual Machine'), 'Hyper-V'],
    [{ 'sys/hypervisor/type': 'xen\n' }, 'xen'],
    [{ 'proc/device-tree/hypervisor/compatible': 'linux,kvm\0' }, 'KVM'],
    [{ 'proc/device-tree/compatible': 'linux,dummy-virt\0' }, 'KVM'],
    [{ 'proc/device-tree/compatible': 'raspberrypi,5-model-b\0brcm,bcm2712\0' }, undefined],
    [firmware('Apple Inc.', 'Apple Virtualization Generic Platform'), 'Apple Virtualization'],
    [firmware('Apple Inc.', 'MacBookPro16,1'), undefined],
    [firmware('Hetzner', 'vServer'), 'Hetzner'],
    [firmware('innotek GmbH', 'VirtualBox'), 'VirtualBox'],
    [firmware('LENOVO', '20XW'), undefined],
  ])('of %j is %s', (files, name) => {
    expect(read(files).hypervisor).toBe(name);
  });
});

describe('a reservation', () => {
  const group = (files: Files): Files => ({
    'proc/self/cgroup': '0::/pod/app\n',
    'sys/fs/cgroup/pod/app/cgroup.type': 'domain\n',
    ...files,
  });

  it('is the smallest of quotas above and the list of CPUs, where that is less than the machine', () => {
    const quota = { 'sys/fs/cgroup/pod/cpu.max': '150000 100000\n', 'sys/fs/cgroup/pod/app/cpu.max': 'max 100000\n' };
    const list = { 'sys/fs/cgroup/pod/app/cpuset.cpus.effective': '0-1\n' };
    expect(read(group(quota))).toMatchObject({ isContainer: true, reservedCpus: 1.5 });
    expect(read(group(list)).reservedCpus).toBe(2);
    expect(read(group({ ...quota, ...list })).reservedCpus).toBe(1.5);
    expect(read(group({ 'sys/fs/cgroup/pod/app/cpu.max': '900000 100000\n' })).reservedCpus).toBeUndefined();
    expect(read(group(list), 2).reservedCpus).toBeUndefined();
  });

  it('is that of cgroup v1 as well', () => {
    const quota = {
      'proc/self/cgroup': '3:cpuset:/docker/1d\n2:cpu,cpuacct:/docker/1d\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '300000\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    };
    expect(read(quota).reservedCpus).toBe(3);
    expect(read({ ...quota, 'sys/fs/cgroup/cpuset/cpuset.cpus': '0,4\n' }).reservedCpus).toBe(2);
    const below = { 'sys/fs/cgroup/cpuset/docker/1d/cpuset.effective_cpus': '7\n' };
    expect(read({ ...quota, ...below, 'sys/fs/cgroup/cpuset/cpuset.cpus': '0-7\n' }).reservedCpus).toBe(1);
  });

  it('is none without a group, and the session of a user is no container', () => {
    expect(read({})).toEqual({ hypervisor: undefined, isContainer: false, reservedCpus: undefined });
    const session = {
      'proc/self/cgroup': '0::/user.slice/user-1000.slice\n',
      'sys/fs/cgroup/user.slice/user-1000.slice/cgroup.type': 'domain\n',
    };
    expect(read(session).isContainer).toBe(false);
  });
});
