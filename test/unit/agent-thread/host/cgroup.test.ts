/** The CPU quota of a control group, from files as kernels write them. */
import { describe, expect, it } from 'vitest';
import { cpuQuota } from '../../../../agent/agent-thread/host/cgroup.ts';
import { fakeTree } from './proc-fixtures.ts';

function quotaOf(cgroup: string, limits: Readonly<Record<string, string>>): number | undefined {
  return cpuQuota(fakeTree({ 'self/cgroup': cgroup }).tree, fakeTree(limits).tree);
}

describe('cpuQuota', () => {
  it.each<[string, string, Record<string, string>, number | undefined]>([
    ['a container sees its own group as the root', '0::/\n', { 'fs/cgroup/cpu.max': '150000 100000\n' }, 1.5],
    ['no quota', '0::/\n', { 'fs/cgroup/cpu.max': 'max 100000\n' }, undefined],
    ['the root has no such file', '0::/\n', {}, undefined],
    [
      'the group of a service',
      '0::/system.slice/shop.service\n',
      { 'fs/cgroup/system.slice/shop.service/cpu.max': '50000 100000\n' },
      0.5,
    ],
    [
      'the smallest of all groups above',
      '0::/a/b\n',
      {
        'fs/cgroup/cpu.max': 'max 100000\n',
        'fs/cgroup/a/cpu.max': '200000 100000\n',
        'fs/cgroup/a/b/cpu.max': '400000 100000\n',
      },
      2,
    ],
    ['a path from above the namespace', '0::/../../x\n', { 'fs/cgroup/x/cpu.max': '100000 100000\n' }, 1],
    ['beside cgroup v1', '3:cpuset:/a\n0::/b\n', { 'fs/cgroup/b/cpu.max': '100000 50000\n' }, 2],
    ['only cgroup v1', '3:cpuset:/a\n', { 'fs/cgroup/cpu.max': '1 1' }, undefined],
    [
      'of cgroup v1, in a container that sees its own group as the root',
      '4:cpu,cpuacct:/docker/1d9d\n1:name=systemd:/docker/1d9d\n',
      { 'fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '150000\n', 'fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n' },
      1.5,
    ],
    [
      'of cgroup v1, the smallest of all groups above, beside v2',
      '2:cpuset:/x\n1:cpu:/a/b\n0::/\n',
      {
        'fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        'fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        'fs/cgroup/cpu/a/cpu.cfs_quota_us': '50000\n',
        'fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
        'fs/cgroup/cpu/a/b/cpu.cfs_quota_us': '-1\n',
        'fs/cgroup/cpu/a/b/cpu.cfs_period_us': '100000\n',
      },
      0.5,
    ],
    [
      'of another controller of cgroup v1',
      '4:cpuacct:/\n',
      { 'fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n', 'fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' },
      undefined,
    ],
    [
      'garbage of cgroup v1',
      '1:cpu:/\n',
      { 'fs/cgroup/cpu/cpu.cfs_quota_us': '5\n6\n', 'fs/cgroup/cpu/cpu.cfs_period_us': '\n' },
      undefined,
    ],
    ['unreadable', 'EACCES', {}, undefined],
    ['garbage', '0::/\n', { 'fs/cgroup/cpu.max': '-3 0' }, undefined],
    ['a period of zero', '0::/\n', { 'fs/cgroup/cpu.max': '1000 0' }, undefined],
  ])('%s', (_, cgroup, limits, quota) => {
    expect(quotaOf(cgroup, limits)).toBe(quota);
  });
});
