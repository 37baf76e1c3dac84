/** The control group's numbers, from trees like those a container, a pod, a service and a login session see. */
import { describe, expect, it } from 'vitest';
import { ContainerMetrics } from '../../../../agent/agent-thread/host/container.ts';
import { ProcTree } from '../../../../agent/agent-thread/host/proc.ts';
import { collectFrom, type Written } from '../../../support/recording-sink.ts';
import { FakeFiles, fakeTree, unavailableLog } from './proc-fixtures.ts';

const CPU_STAT = 'usage_usec 3500000\nuser_usec 2500000\nsystem_usec 1000000\nnice_usec 0\n';
const QUOTA_STAT = `${CPU_STAT}nr_periods 400\nnr_throttled 25\nthrottled_usec 1250000\nnr_bursts 0\nburst_usec 0\n`;
const MEMORY_STAT = 'anon 80000000\nfile 40000000\ninactive_anon 0\nactive_file 10000000\ninactive_file 30000000\n';

/** A group's files below `/sys/fs/cgroup`, by name. */
function group(path: string, files: Readonly<Record<string, string>>): Record<string, string> {
  const folder = `/sys/fs/cgroup${path}`;
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]));
}

function collect(cgroup: string, files: Readonly<Record<string, string>>): { written: Written; log: string[] } {
  const { log, onUnavailable } = unavailableLog();
  const { tree: proc } = fakeTree({ 'self/cgroup': cgroup });
  const sys = new ProcTree({ root: '/sys', fs: new FakeFiles(files) });
  const written = collectFrom(new ContainerMetrics({ proc, sys, onUnavailable }));
  expect([proc.openFiles, sys.openFiles]).toEqual([0, 0]);
  return { written, log };
}

const CONTAINER = {
  'cgroup.type': 'domain\n',
  'cpu.max': '150000 100000\n',
  'cpu.stat': QUOTA_STAT,
  'memory.current': '120000000\n',
  'memory.max': '536870912\n',
  'memory.stat': MEMORY_STAT,
};

describe('ContainerMetrics', () => {
  it('tells what a container uses and may use', () => {
    const { written, log } = collect('0::/\n', group('', CONTAINER));
    expect(written).toEqual({
      'container.cpu.time{cpu.mode=user}': 2.5e9,
      'container.cpu.time{cpu.mode=system}': 1e9,
      'container.memory.usage': 120_000_000,
      'container.memory.working_set': 90_000_000,
      'gridwatch.container.memory.limit': 536_870_912,
      'gridwatch.cpu.quota.limit': 1.5,
      'gridwatch.cpu.quota.periods': 400,
      'gridwatch.cpu.quota.throttled_periods': 25,
      'gridwatch.cpu.throttled.time': 1.25e9,
    });
    expect(log).toEqual([]);
  });

  it('tells the quota of cgroup v1, and that it knows no more of it', () => {
    const files = group('/cpu,cpuacct', {
      'cpu.cfs_quota_us': '50000\n',
      'cpu.cfs_period_us': '100000\n',
      'cpu.stat': 'nr_periods 400\nnr_throttled 25\nthrottled_time 1250000000\n',
    });
    const { written, log } = collect('4:cpu,cpuacct:/docker/1d\n', files);
    expect(written).toEqual({
      'gridwatch.cpu.quota.limit': 0.5,
      'gridwatch.cpu.quota.periods': 400,
      'gridwatch.cpu.quota.throttled_periods': 25,
      'gridwatch.cpu.throttled.time': 1.25e9,
    });
    expect(log).toHaveLength(1);
  });

  it('takes limits from where they are smallest, and the periods from the group that has the quota', () => {
    const pod = {
      'cgroup.type': 'domain\n',
      'cpu.max': '50000 100000\n',
      'cpu.stat': QUOTA_STAT,
      'memory.max': '1000\n',
    };
    const container = {
      ...CONTAINER,
      'cpu.max': 'max 100000\n',
      'cpu.stat': `${CPU_STAT}nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n`,
    };
    const files = { ...group('/kubepods.slice/pod1', pod), ...group('/kubepods.slice/pod1/c1', container) };
    const { written } = collect('0::/kubepods.slice/pod1/c1\n', files);
    expect(written).toMatchObject({
      'gridwatch.container.memory.limit': 1000,
      'gridwatch.cpu.quota.limit': 0.5,
      'gridwatch.cpu.quota.periods': 400,
      'container.memory.usage': 120_000_000,
    });
  });

  it('says nothing of limits there are not', () => {
    const unlimited = { ...CONTAINER, 'cpu.max': 'max 100000\n', 'memory.max': 'max\n' };
    const { written } = collect('0::/system.slice/shop.service\n', group('/system.slice/shop.service', unlimited));
    expect(Object.keys(written)).toEqual([
      'container.cpu.time{cpu.mode=user}',
      'container.cpu.time{cpu.mode=system}',
      'container.memory.usage',
      'container.memory.working_set',
    ]);
  });

  it.each([
    ['/user.slice/user-1000.slice/session-3.scope', false],
    ['/user.slice/user-1000.slice/user@1000.service/app.slice/vscode.scope', false],
    ['/init.scope', false],
    ['/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-4f2c.scope/container', true],
    ['/user.slice/user-1000.slice/user@1000.service/app.slice/docker-4f2c.scope', true],
    ['/docker/4f2c', true],
    ['/kubepods.slice/kubepods-besteffort.slice/cri-containerd-4f2c.scope', true],
    ['/system.slice/shop.service', true],
  ])('of %s it tells the usage: %s', (path, isTold) => {
    const { written } = collect(`0::${path}\n`, group(path, CONTAINER));
    expect('container.memory.usage' in written).toBe(isTold);
    expect(written['gridwatch.cpu.quota.limit']).toBe(1.5);
  });

  it.each<[string, string, Record<string, string>]>([
    ['in the root group, which has the whole machine’s numbers', '0::/\n', group('', { 'cpu.stat': CPU_STAT })],
    ['with cgroup v1 alone', '4:memory:/a\n3:cpu,cpuacct:/a\n', {}],
    ['without /proc', 'EACCES', {}],
  ])('is off %s', (_, cgroup, files) => {
    expect(collect(cgroup, files)).toEqual({ written: {}, log: ['container unsupported_platform'] });
  });

  it('leaves out what it cannot read, and what is garbage', () => {
    const files = {
      ...CONTAINER,
      'memory.stat': 'EACCES',
      'memory.max': '-1\n',
      'cpu.stat': 'user_usec x\nnr_periods\n',
    };
    const { written } = collect('0::/\n', group('', files));
    expect(written).toEqual({ 'container.memory.usage': 120_000_000, 'gridwatch.cpu.quota.limit': 1.5 });
  });

  it('never tells a negative working set', () => {
    const files = { ...CONTAINER, 'memory.current': '20000000\n' };
    expect(collect('0::/\n', group('', files)).written['container.memory.working_set']).toBe(0);
  });
});
