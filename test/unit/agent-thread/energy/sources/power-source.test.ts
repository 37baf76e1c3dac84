/** Meters of power, integrated. The invariants N7 and N8 stand in the source. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PowerSource } from '../../../../../agent/agent-thread/energy/sources/power-source.ts';
import { type Machine, MachineTree, MemoryMachine, uptime } from '../machine-tree.ts';

const SECOND_NS = 1e9;
const METERS = ['a', 'b'] as const;

function sourceOf({ sys, proc }: Machine): PowerSource {
  return new PowerSource({ boundary: 'wall', tree: sys, meters: METERS.map((name) => sys.file(name)), proc });
}

function show(machine: Machine, powersUw: readonly (number | string)[], nowNs: number, sleptNs = 0): void {
  for (const [at, powerUw] of powersUw.entries()) machine.write({ [`sys/${METERS[at]}`]: `${powerUw}\n` });
  machine.write(uptime(nowNs, sleptNs));
}

it('N7: between two readings the power is the mean of both, of all meters', () => {
  using machine = new MachineTree();
  const source = sourceOf(machine);
  show(machine, [10e6, 1e6], 0);
  expect(source.read(0)).toBeUndefined();
  show(machine, [20e6, 1e6], 2 * SECOND_NS);
  expect(source.read(2 * SECOND_NS)).toEqual({ energyUj: 32e6, durationNs: 2 * SECOND_NS });
  expect(source.read(2 * SECOND_NS)).toBeUndefined();
  source.dispose();
  expect(machine.openFiles).toBe(0);
});

it.each(['EIO', '-3', '1000000000001', 'sleep', 'late'])('N8: %s ends the area', (fault) => {
  using machine = new MachineTree();
  const source = sourceOf(machine);
  show(machine, [10e6, 0], 0);
  source.read(0);
  const atNs = fault === 'late' ? 31 * SECOND_NS : SECOND_NS;
  show(machine, [10e6, /^-?\d/.test(fault) ? fault : 0], atNs, fault === 'sleep' ? 9e9 : 0);
  if (fault === 'EIO') machine.failures.set('sys/b', 'EIO');
  expect(source.read(atNs)).toBeUndefined();
  machine.failures.clear();
  show(machine, [10e6, 0], atNs + SECOND_NS, fault === 'sleep' ? 9e9 : 0);
  const next = source.read(atNs + SECOND_NS);
  expect(next).toEqual(fault === 'sleep' || fault === 'late' ? { energyUj: 10e6, durationNs: SECOND_NS } : undefined);
  source.dispose();
});

it.each([
  ['', 'has no number in it'],
  ['1000000000001', 'says more than any machine draws'],
  ['EIO', 'cannot be read: EIO'],
])('says why it tells of nothing: a meter of %j', (shown, why) => {
  using machine = new MachineTree();
  const source = sourceOf(machine);
  show(machine, [0, 0], 0);
  expect([source.read(0), source.silence]).toEqual([undefined, '']);
  show(machine, [0, shown === 'EIO' ? 0 : shown], SECOND_NS);
  if (shown === 'EIO') machine.failures.set('sys/b', 'EIO');
  expect([source.read(SECOND_NS), source.silence]).toEqual([undefined, `${machine.sys.root}/b ${why}`]);
  source.dispose();
});

it('says that its meters say nothing', () => {
  using machine = new MachineTree();
  const source = sourceOf(machine);
  show(machine, [0, 0], 0);
  source.read(0);
  expect(source.read(SECOND_NS)).toEqual({ energyUj: 0, durationNs: SECOND_NS });
  expect(source.silence).toBe('its meters say 0 W');
  source.dispose();
});

it('N7: all that is told is the exact area, less than a microjoule short', () => {
  using machine = new MemoryMachine();
  const reading = fc.record({
    durationNs: fc.integer({ min: 1, max: 3e9 }),
    powerUw: fc.integer({ min: 0, max: 2e9 }),
  });
  const areas = fc.property(fc.array(reading, { minLength: 2, maxLength: 60 }), (readings) => {
    const source = sourceOf(machine);
    let nowNs = 0;
    let before: bigint | undefined;
    let area = 0n;
    let told = 0n;
    for (const { durationNs, powerUw } of readings) {
      nowNs += durationNs;
      show(machine, [powerUw, 5], nowNs);
      const interval = source.read(nowNs);
      const now = BigInt(powerUw) + 5n;
      if (before !== undefined) area += (before + now) * BigInt(durationNs);
      before = now;
      told += BigInt(interval?.energyUj ?? 0);
    }
    source.dispose();
    if (told !== area / 2_000_000_000n) throw new Error(`${told} is not ${area} / 2e9`);
  });
  fc.assert(areas, { numRuns: 300 });
});
