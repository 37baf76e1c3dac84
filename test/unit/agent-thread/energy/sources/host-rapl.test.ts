/** The folder that a hypervisor writes for its guest, as Scaphandre lays it out. */
import { expect, it } from 'vitest';
import { findHostRapl } from '../../../../../agent/agent-thread/energy/sources/host-rapl.ts';
import { type Files, MachineTree, NO_LOAD, uptime } from '../machine-tree.ts';

const SECOND_NS = 1e9;

/** Without a name, a range or a newline, and with an empty folder for a domain. */
const LAYOUT: Files = { 'host/intel-rapl:0/energy_uj': '4000000000', 'host/intel-rapl:0:0/.empty': '' };

function find(machine: MachineTree) {
  const { sys, proc } = machine;
  return findHostRapl({ sys, proc, hostRoot: machine.path('host'), fallbackPowerW: 100 });
}

it('tells what the host adds, from one of its steps to the next', () => {
  using machine = new MachineTree(LAYOUT);
  const { source, why } = find(machine);
  expect(why).toContain(machine.path('host'));
  expect(source).toMatchObject({ name: 'host', boundary: 'virtual_machine', isMeasured: true, idlePowerW: undefined });
  const told = [];
  for (let second = 0; second < 16; second++) {
    const steps = Math.floor(second / 5);
    machine.write({
      'host/intel-rapl:0/energy_uj': String(4_000_000_000 + steps * 150_000_000),
      ...uptime(second * SECOND_NS),
    });
    told.push(source?.read(second * SECOND_NS, NO_LOAD));
  }
  expect(told.map((interval, second) => [second, interval]).filter(([, interval]) => interval !== undefined)).toEqual([
    [10, { energyUj: 150_000_000, durationNs: 5 * SECOND_NS }],
    [15, { energyUj: 150_000_000, durationNs: 5 * SECOND_NS }],
  ]);
  source?.dispose();
});

it('follows a file that is made anew, and takes an empty one for one that is being written', () => {
  using machine = new MachineTree(LAYOUT);
  const { source } = find(machine);
  const read = (second: number, content: string) => {
    machine.remove('host/intel-rapl:0/energy_uj');
    machine.write({ 'host/intel-rapl:0/energy_uj': content, ...uptime(second * SECOND_NS) });
    return source?.read(second * SECOND_NS, NO_LOAD);
  };
  expect(read(0, '1000')).toBeUndefined();
  expect(read(5, '2000')).toBeUndefined();
  expect(read(10, '')).toBeUndefined();
  expect(read(15, '50002000')).toEqual({ energyUj: 50_000_000, durationNs: 10 * SECOND_NS });
  source?.dispose();
});

it('is looked for where GRIDWATCH_SYSFS_ROOT says first', () => {
  using machine = new MachineTree({ ...LAYOUT, 'sys/intel-rapl:0/energy_uj': '7' });
  expect(find(machine).why).toBe(`what the host writes into ${machine.path('sys')}`);
});

it('adds up the zones of all sockets, but not psys', () => {
  using machine = new MachineTree({
    'host/intel-rapl:0/energy_uj': '1000',
    'host/intel-rapl:1/energy_uj': '1000',
    'host/intel-rapl:2/energy_uj': '1000',
    'host/intel-rapl:2/name': 'psys\n',
  });
  const { source } = find(machine);
  source?.read(0, NO_LOAD);
  const energyAt = (second: number): number | undefined => {
    const files = [1, 2, 4].map((times, at) => [`host/intel-rapl:${at}/energy_uj`, String(1000 + times * second * 10)]);
    machine.write(Object.fromEntries(files));
    return source?.read(second * SECOND_NS, NO_LOAD)?.energyUj;
  };
  expect([energyAt(5), energyAt(10)]).toEqual([undefined, 150]);
  source?.dispose();
});

it('says how to have it where it is missing or closed', () => {
  using machine = new MachineTree();
  const step = expect.stringContaining('scaphandre qemu');
  expect(find(machine)).toMatchObject({ isUsable: false, why: expect.stringContaining('no host writes'), step });
  machine.write(LAYOUT);
  machine.failures.set('energy_uj', 'EACCES');
  expect(find(machine)).toMatchObject({ isUsable: false, why: expect.stringContaining('(EACCES)'), step });
});
