/** Pressure of the group, of the machine, and of neither. */
import { describe, expect, it } from 'vitest';
import { PressureMetrics } from '../../../../agent/agent-thread/host/pressure.ts';
import { ProcTree } from '../../../../agent/agent-thread/host/proc.ts';
import { collectFrom, type Written } from '../../../support/recording-sink.ts';
import { FakeFiles, unavailableLog } from './proc-fixtures.ts';

function psi(someUs: number, fullUs: number): string {
  const line = (kind: string, totalUs: number): string =>
    `${kind} avg10=0.00 avg60=0.12 avg300=1.00 total=${totalUs}\n`;
  return line('some', someUs) + line('full', fullUs);
}

interface Setup {
  readonly metrics: PressureMetrics;
  readonly log: string[];
  readonly files: Map<string, string>;
}

function setUp(cgroup: string, files: Readonly<Record<string, string>>): Setup {
  const { log, onUnavailable } = unavailableLog();
  const fs = new FakeFiles({ '/proc/self/cgroup': cgroup, ...files });
  const metrics = new PressureMetrics({
    proc: new ProcTree({ fs }),
    sys: new ProcTree({ root: '/sys', fs }),
    onUnavailable,
  });
  return { metrics, log, files: fs.files };
}

function time(resource: string, kind: string): string {
  return `gridwatch.pressure.time{gridwatch.pressure.resource=${resource},gridwatch.pressure.kind=${kind}}`;
}

const OWN = {
  '/sys/fs/cgroup/a/cgroup.type': 'domain\n',
  '/sys/fs/cgroup/a/cpu.pressure': psi(1_000_000, 200_000),
  '/sys/fs/cgroup/a/memory.pressure': psi(30, 20),
  '/sys/fs/cgroup/a/io.pressure': psi(500, 400),
};
const MACHINE = {
  '/proc/pressure/cpu': psi(7_000_000, 0),
  '/proc/pressure/memory': psi(0, 0),
  '/proc/pressure/io': psi(9, 8),
};

describe('PressureMetrics', () => {
  it('tells of the group this process is in', () => {
    const { metrics, log } = setUp('0::/a\n', { ...OWN, ...MACHINE });
    expect(collectFrom(metrics)).toEqual<Written>({
      [time('cpu', 'some')]: 1e9,
      [time('cpu', 'full')]: 0.2e9,
      [time('memory', 'some')]: 30e3,
      [time('memory', 'full')]: 20e3,
      [time('io', 'some')]: 500e3,
      [time('io', 'full')]: 400e3,
    });
    expect(log).toEqual([]);
  });

  it('tells of the machine in the root group, where "full" means nothing for the CPU', () => {
    const { metrics, log } = setUp('0::/\n', MACHINE);
    expect(collectFrom(metrics)).toEqual<Written>({
      [time('cpu', 'some')]: 7e9,
      [time('memory', 'some')]: 0,
      [time('memory', 'full')]: 0,
      [time('io', 'some')]: 9e3,
      [time('io', 'full')]: 8e3,
    });
    expect(log).toEqual([]);
  });

  it('tells what there is when one file is missing', () => {
    const { metrics, log } = setUp('0::/a\n', { ...OWN, '/sys/fs/cgroup/a/io.pressure': 'EOPNOTSUPP' });
    expect(Object.keys(collectFrom(metrics))).toHaveLength(4);
    expect(log).toEqual([]);
  });

  it.each<[string, string, Record<string, string>, string]>([
    [
      'a group that keeps no count',
      '0::/a\n',
      { '/sys/fs/cgroup/a/cgroup.type': 'domain\n', ...MACHINE },
      'unsupported_platform',
    ],
    ['a group that cannot be seen from here', '0::/a\n', MACHINE, 'unsupported_platform'],
    ['cgroup v1 alone', '4:memory:/a\n', MACHINE, 'unsupported_platform'],
    ['a kernel without it', '0::/\n', {}, 'unsupported_platform'],
    ['a kernel that was started without it', '0::/\n', { '/proc/pressure/io': 'EOPNOTSUPP' }, 'unsupported_platform'],
    ['a refusal', '0::/\n', { '/proc/pressure/io': 'EACCES' }, 'no_permission'],
  ])('is off in %s, and says so once', (_, cgroup, files, reason) => {
    const { metrics, log } = setUp(cgroup, files);
    expect(collectFrom(metrics)).toEqual({});
    expect(collectFrom(metrics)).toEqual({});
    expect(log).toEqual([`pressure ${reason}`]);
  });

  it.each([
    ['its files', ['cpu', 'memory', 'io'].map((resource) => `/sys/fs/cgroup/a/${resource}.pressure`)],
    ['what group it is in', ['/proc/self/cgroup']],
    ['the group', ['/sys/fs/cgroup/a/cgroup.type']],
  ])('looks again when for want of descriptors it could not read %s', (_, paths) => {
    const { metrics, log, files } = setUp('0::/a\n', OWN);
    const before = collectFrom(metrics);
    const contents = paths.map((path) => files.get(path) ?? '');
    for (const path of paths) files.set(path, 'EMFILE');
    expect(collectFrom(metrics)).toEqual({});
    for (const [i, path] of paths.entries()) files.set(path, contents[i] ?? '');
    expect(collectFrom(metrics)).toEqual(before);
    expect(log).toEqual([]);
  });

  it('names a refusal as the reason whichever file it is of', () => {
    const { metrics, log } = setUp('0::/\n', { '/proc/pressure/cpu': 'EACCES' });
    collectFrom(metrics);
    expect(log).toEqual(['pressure no_permission']);
  });

  it('follows a process that is moved to another group', () => {
    const { metrics, files } = setUp('0::/\n', { ...OWN, ...MACHINE });
    expect(collectFrom(metrics)[time('io', 'some')]).toBe(9e3);
    files.set('/proc/self/cgroup', '0::/a\n');
    expect(collectFrom(metrics)[time('io', 'some')]).toBe(500e3);
  });
});
