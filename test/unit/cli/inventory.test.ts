/** The inventory: what of systeminformation's answers gets out, and that nothing that identifies a machine does, whatever else it answers. */
import { describe, expect, it } from 'vitest';
import { collectInventory, type SystemSource } from '../../../agent/cli/inventory.ts';

const SECRET = 'S3R1AL';
const DEADLINE_MS = 5000;

/** A server as systeminformation describes one; everything that identifies it holds the same word. */
function machine(changes: Partial<Record<keyof SystemSource, object>> = {}): SystemSource {
  const answer = (name: keyof SystemSource, data: object) => async () => {
    const change = changes[name];
    if (change instanceof Error) throw change;
    return (Array.isArray(data) ? (change ?? data) : { ...data, ...change }) as never;
  };
  const bank = {
    size: 2 ** 34,
    bank: 'A',
    type: 'DDR5',
    clockSpeed: 4800,
    formFactor: 'DIMM',
    partNum: SECRET,
    serialNum: SECRET,
  };
  return {
    cpu: answer('cpu', {
      manufacturer: 'AMD',
      family: '25',
      cores: 128,
      speedMax: 3.7,
      brand: 'EPYC',
      cache: { l1d: 1, l1i: 1, l2: 2 ** 24, l3: 2 ** 28 },
      governor: 'performance',
      processors: 2,
      physicalCores: 64,
      performanceCores: 64,
      efficiencyCores: 0,
      socket: 'SP5',
      flags: SECRET,
    }),
    memLayout: answer('memLayout', [bank, { ...bank, clockSpeed: 4400 }, { ...bank, size: 0, type: 'Empty' }]),
    system: answer('system', {
      manufacturer: 'Supermicro',
      model: 'AS-2024',
      version: SECRET,
      serial: SECRET,
      uuid: SECRET,
      sku: SECRET,
      virtual: false,
      virtualHost: '',
    }),
    osInfo: answer('osInfo', {
      platform: 'linux',
      distro: 'Debian GNU/Linux',
      release: '12',
      codename: 'bookworm',
      hostname: SECRET,
      fqdn: SECRET,
      serial: SECRET,
      build: '',
    }),
  };
}

describe('the inventory', () => {
  it('has what is asked for, and nothing that identifies the machine', async () => {
    const attributes = await collectInventory(machine(), DEADLINE_MS);
    expect(attributes).toEqual({
      'device.manufacturer': 'Supermicro',
      'device.model.name': 'AS-2024',
      'gridwatch.host.cpu.cache.l3.size': 2 ** 28,
      'gridwatch.host.cpu.governor': 'performance',
      'gridwatch.host.cpu.physical.count': 64,
      'gridwatch.host.cpu.socket.count': 2,
      'gridwatch.host.cpu.socket.type': 'SP5',
      'gridwatch.host.memory.module.count': 2,
      'gridwatch.host.memory.size': expect.any(Number),
      'gridwatch.host.memory.speed': 4_400_000_000,
      'gridwatch.host.memory.type': 'DDR5',
      'host.cpu.cache.l2.size': 2 ** 24,
      'host.cpu.family': '25',
      'host.cpu.model.name': 'AMD EPYC',
      'gridwatch.host.cpu.logical.count': 128,
      'gridwatch.host.cpu.frequency': 3_700_000_000,
      'os.description': 'Debian GNU/Linux 12 (bookworm)',
      'os.name': 'Debian GNU/Linux',
    });
    expect(JSON.stringify(attributes)).not.toContain(SECRET);
  });

  it('tells kinds of cores apart where there are two, and names the hypervisor of a virtual machine', async () => {
    const changes = { cpu: { performanceCores: 8, efficiencyCores: 4 }, system: { virtual: true, virtualHost: 'KVM' } };
    expect(await collectInventory(machine(changes), DEADLINE_MS)).toMatchObject({
      'gridwatch.host.cpu.performance_core.count': 8,
      'gridwatch.host.cpu.efficiency_core.count': 4,
      'gridwatch.host.hypervisor': 'KVM',
    });
  });

  it.each(['-', '', ' ', 'To Be Filled By O.E.M.', 'Default string', 'Not Specified', 'Unknown', 'O.E.M.'])(
    'leaves out what is no name: %j',
    async (name) => {
      const attributes = await collectInventory(machine({ system: { manufacturer: name, model: name } }), DEADLINE_MS);
      expect(Object.keys(attributes).filter((key) => key.startsWith('device.'))).toEqual([]);
    },
  );

  it('has the rest when a question fails, is answered by nonsense, or takes too long', async () => {
    const failing = machine({ osInfo: new Error('no'), memLayout: [null] });
    expect(Object.keys(await collectInventory(failing, DEADLINE_MS))).toHaveLength(12);
    const slow = { ...machine(), system: async () => new Promise<never>(() => {}) };
    const attributes = await collectInventory(slow, 20);
    expect(attributes).toMatchObject({ 'os.name': 'Debian GNU/Linux' });
    expect(attributes).not.toHaveProperty('device.manufacturer');
  });
});
