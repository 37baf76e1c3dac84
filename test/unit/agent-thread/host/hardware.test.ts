/** The machine by the kernel's files of several architectures, by what Node says elsewhere, and where nobody says anything. */
import { describe, expect, it } from 'vitest';
import { hardwareAttributes, type OsSource, readHardware } from '../../../../agent/agent-thread/host/hardware.ts';
import { fakeTree } from './proc-fixtures.ts';

const GIB = 2 ** 30;
const CPU = 'devices/system/cpu';

/** Node's answers off Linux. On Linux `os.cpus()` must not be asked. */
function osOf(cpus: () => { model: string; speed: number }[]): OsSource {
  return { cpus: cpus as OsSource['cpus'], totalmem: () => 16 * GIB };
}
const neverAsked = osOf(() => {
  throw new Error('os.cpus() was called');
});

function onLinux(cpuinfo: string, sys: Readonly<Record<string, string>> = {}) {
  const { tree: proc, fs } = fakeTree({ cpuinfo });
  const { tree, fs: sysFs } = fakeTree(sys);
  const hardware = readHardware({ proc, sys: tree, platform: 'linux', os: neverAsked, env: {} });
  return { attributes: hardwareAttributes(hardware), opened: fs.opened + sysFs.opened };
}

const MEMORY = { 'gridwatch.host.memory.size': 16 * GIB };

const XEON = Array.from(
  { length: 64 },
  (_, cpu) => `processor\t: ${cpu}
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 207
model name\t: Intel(R) Xeon(R) Platinum 8581C CPU @ 2.30GHz
stepping\t: 2
microcode\t: 0x1
physical id\t: ${cpu >> 5}
cpu cores\t: 16
flags\t\t: fpu vme: x
`,
).join('\n');

const TWO_SOCKETS = {
  [`${CPU}/present`]: '0-63\n',
  [`${CPU}/online`]: '0-63\n',
  [`${CPU}/cpu0/topology/package_cpus_list`]: '0-31\n',
  [`${CPU}/cpu32/topology/package_cpus_list`]: '32-63\n',
  [`${CPU}/cpu0/topology/core_cpus_list`]: '0-1\n',
  [`${CPU}/cpu0/cache/index0/level`]: '1\n',
  [`${CPU}/cpu0/cache/index1/level`]: '1\n',
  [`${CPU}/cpu0/cache/index2/level`]: '2\n',
  [`${CPU}/cpu0/cache/index2/size`]: '2048K\n',
  'devices/system/node/online': '0-1\n',
};

describe('on Linux', () => {
  it('an x86 server of two sockets is read from a dozen files', () => {
    const { attributes, opened } = onLinux(XEON, TWO_SOCKETS);
    expect(attributes).toEqual({
      'host.cpu.vendor.id': 'GenuineIntel',
      'host.cpu.family': '6',
      'host.cpu.model.id': '207',
      'host.cpu.model.name': 'Intel(R) Xeon(R) Platinum 8581C CPU @ 2.30GHz',
      'host.cpu.stepping': '2',
      'host.cpu.cache.l2.size': 2 * 2 ** 20,
      'gridwatch.host.cpu.frequency': 2_300_000_000,
      'gridwatch.host.cpu.socket.count': 2,
      'gridwatch.host.cpu.physical.count': 32,
      'gridwatch.host.cpu.logical.count': 64,
      'gridwatch.host.numa_node.count': 2,
      ...MEMORY,
    });
    expect(opened).toBeLessThanOrEqual(13);
  });

  it('an ARM server has an implementer, a part and a revision', () => {
    const cpuinfo =
      'processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n';
    const { attributes } = onLinux(cpuinfo, {
      [`${CPU}/present`]: '0-3\n',
      [`${CPU}/online`]: '0-3\n',
      [`${CPU}/cpu0/topology/core_siblings_list`]: '0-3\n',
      [`${CPU}/cpu0/topology/thread_siblings_list`]: '0\n',
      [`${CPU}/cpu0/cpufreq/cpuinfo_max_freq`]: '3000000\n',
    });
    expect(attributes).toEqual({
      'host.cpu.vendor.id': 'ARM',
      'host.cpu.family': '8',
      'host.cpu.model.id': '0xd0c',
      'host.cpu.stepping': 'r3p1',
      'gridwatch.host.cpu.frequency': 3_000_000_000,
      'gridwatch.host.cpu.socket.count': 1,
      'gridwatch.host.cpu.physical.count': 4,
      'gridwatch.host.cpu.logical.count': 4,
      ...MEMORY,
    });
  });

  it.each([
    [
      'POWER',
      'processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 2300MHz\n',
      'host.cpu.model.name',
      'POWER9, altivec supported',
    ],
    ['z', 'vendor_id       : IBM/S390\n# processors    : 4\n', 'host.cpu.vendor.id', 'IBM/S390'],
  ])('%s says a little', (_, cpuinfo, name, value) => {
    expect(onLinux(cpuinfo).attributes).toEqual({ [name]: value, ...MEMORY });
  });

  it.each(['EACCES', '', ':\n\n\n', 'x'.repeat(70_000)])('a cpuinfo like %.10j leaves the memory', (cpuinfo) => {
    expect(onLinux(cpuinfo).attributes).toEqual(MEMORY);
  });

  it('a name that has no end is cut', () => {
    const { attributes } = onLinux(`model name : ${'x'.repeat(1000)}\n`);
    expect(attributes['host.cpu.model.name']).toBe('x'.repeat(128));
  });
});

describe('elsewhere', () => {
  const readOn = (platform: NodeJS.Platform, os: OsSource, env: NodeJS.ProcessEnv = {}) => {
    const { tree, fs } = fakeTree({ cpuinfo: XEON });
    const attributes = hardwareAttributes(readHardware({ proc: tree, sys: tree, platform, os, env }));
    expect(fs.opened).toBe(0);
    return attributes;
  };

  it('Windows has a variable for the processor', () => {
    const os = osOf(() => Array.from({ length: 8 }, () => ({ model: 'Intel(R) Core(TM) i7-9700K  ', speed: 3600 })));
    const PROCESSOR_IDENTIFIER = 'Intel64 Family 6 Model 158 Stepping 12, GenuineIntel';
    expect(readOn('win32', os, { PROCESSOR_IDENTIFIER })).toEqual({
      'host.cpu.vendor.id': 'GenuineIntel',
      'host.cpu.family': '6',
      'host.cpu.model.id': '158',
      'host.cpu.stepping': '12',
      'host.cpu.model.name': 'Intel(R) Core(TM) i7-9700K',
      'gridwatch.host.cpu.frequency': 3_600_000_000,
      'gridwatch.host.cpu.logical.count': 8,
      ...MEMORY,
    });
  });

  it('macOS has what Node says', () => {
    const os = osOf(() => Array.from({ length: 10 }, () => ({ model: 'Apple M1 Pro', speed: 24 })));
    expect(readOn('darwin', os)).toEqual({
      'host.cpu.vendor.id': 'Apple',
      'host.cpu.model.name': 'Apple M1 Pro',
      'gridwatch.host.cpu.logical.count': 10,
      ...MEMORY,
    });
  });

  it.each([
    ['throws', neverAsked],
    ['knows of no CPU', osOf(() => [])],
    ['knows no model', osOf(() => [{ model: 'unknown', speed: 0 }])],
  ])('where Node %s the memory is left', (_, os) => {
    const { 'gridwatch.host.cpu.logical.count': count = 1, ...rest } = readOn('freebsd', os);
    expect(rest).toEqual(MEMORY);
    expect(count).toBe(1);
  });
});
