/** The CPUs a process may use, by affinity, topology and what else there is. */
import { describe, expect, it } from 'vitest';
import { Inventory, parseCpuList } from '../../../../agent/agent-thread/host/inventory.ts';
import { fakeTree, recordedTree } from './proc-fixtures.ts';

function inventoryOf(proc: Readonly<Record<string, string>>, sys: Readonly<Record<string, string>>) {
  const { tree, fs } = fakeTree(proc);
  const inventory = new Inventory({ proc: tree, sys: fakeTree(sys).tree, fallbackCount: () => 99 });
  return { inventory, fs };
}

function topology(cpu: number, socket: number, core: number, die?: number): Record<string, string> {
  const folder = `devices/system/cpu/cpu${cpu}/topology`;
  return {
    [`${folder}/physical_package_id`]: `${socket}\n`,
    [`${folder}/core_id`]: `${core}\n`,
    ...(die !== undefined && { [`${folder}/die_id`]: `${die}\n` }),
  };
}

describe('Inventory', () => {
  it('counts the CPUs of a recorded machine: two hardware threads of one core', () => {
    const inventory = new Inventory({ proc: recordedTree('node-24'), sys: recordedTree('sys-2-cpus') });
    expect(inventory.cpus()).toEqual({ logicalNumbers: [0, 1], logicalCount: 2, physicalCount: 1 });
  });

  it('counts only CPUs that the process may use and that are online', () => {
    const { inventory } = inventoryOf(
      { 'self/status': 'Cpus_allowed:\tff\nCpus_allowed_list:\t1-3,6\n' },
      { 'devices/system/cpu/online': '0-5\n', ...topology(1, 0, 1), ...topology(2, 0, 0), ...topology(3, 0, 1) },
    );
    expect(inventory.cpus()).toEqual({ logicalNumbers: [1, 2, 3], logicalCount: 3, physicalCount: 2 });
  });

  it('tells cores of several dies and sockets apart', () => {
    const { inventory } = inventoryOf(
      { 'self/status': 'Cpus_allowed_list:\t0-3\n' },
      { ...topology(0, 0, 0, 0), ...topology(1, 0, 0, 1), ...topology(2, 1, 0, 0), ...topology(3, 1, 0, 0) },
    );
    expect(inventory.cpus().physicalCount).toBe(3);
  });

  it('takes cores from cpuinfo where sysfs has none', () => {
    const cpuinfo = [0, 1, 2]
      .map((cpu) => `processor\t: ${cpu}\nphysical id\t: 0\ncore id\t\t: ${cpu >> 1}\nflags\t: x\n`)
      .join('\n');
    const { inventory } = inventoryOf({ 'self/status': 'Cpus_allowed_list:\t0-2\n', cpuinfo }, {});
    expect(inventory.cpus()).toEqual({ logicalNumbers: [0, 1, 2], logicalCount: 3, physicalCount: 2 });
  });

  it('does not say how many cores there are where nobody does', () => {
    const { inventory } = inventoryOf({ 'self/status': 'Cpus_allowed_list:\t0\n', cpuinfo: 'processor\t: 0\n' }, {});
    expect(inventory.cpus().physicalCount).toBeUndefined();
  });

  it.each(['EACCES', '', 'Cpus_allowed_list:\t\n', 'Cpus_allowed_list:\t5-1\n'])(
    'goes by what Node says when the status is %j',
    (status) => {
      const { inventory } = inventoryOf({ 'self/status': status }, {});
      expect(inventory.cpus()).toEqual({ logicalNumbers: undefined, logicalCount: 99, physicalCount: undefined });
    },
  );

  it('follows a change of the affinity, and reads the topology only then', () => {
    const { inventory, fs } = inventoryOf({ 'self/status': 'Cpus_allowed_list:\t0-1\n' }, topology(0, 0, 0));
    const before = inventory.cpus();
    expect(inventory.cpus()).toBe(before);
    fs.files.set('/proc/self/status', 'Cpus_allowed_list:\t0\n');
    expect(inventory.cpus()).toEqual({ logicalNumbers: [0], logicalCount: 1, physicalCount: 1 });
  });
});

describe('parseCpuList', () => {
  it.each([
    ['0', [0]],
    ['0-3\n', [0, 1, 2, 3]],
    ['7,0-1,5', [0, 1, 5, 7]],
    ['', undefined],
    ['3-1', undefined],
    ['0-99999', undefined],
    ['a', undefined],
    ['-1', undefined],
  ])('%j', (list, numbers) => {
    expect(parseCpuList(list)).toEqual(numbers);
  });
});
