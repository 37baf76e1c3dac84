/**
 * Counters of energy, one thing at a time. The invariants N1 to N6 stand in the source; `counter-replays.test.ts` has all of it at random.
 */
import { describe, expect, it } from 'vitest';
import { CounterSource } from '../../../../../agent/agent-thread/energy/sources/counter-source.ts';
import type { EnergyInterval } from '../../../../../agent/agent-thread/energy/sources/energy-source.ts';
import { energyFile, MachineTree, RANGE_UJ } from '../machine-tree.ts';
import { Counted, MAX_W, PLACES, SECOND_NS } from './counted.ts';

describe('a counter', () => {
  it('tells nothing at the first reading, then what went by', () => {
    using machine = new Counted(new MachineTree(), [1000n], RANGE_UJ.intel);
    expect(machine.read()).toBeUndefined();
    machine.run(SECOND_NS, 35.5);
    expect(machine.read()).toEqual({ energyUj: 35_500_000, durationNs: SECOND_NS });
    expect(machine.read()).toBeUndefined();
  });

  it.each(Object.entries(RANGE_UJ))('goes on over the wrap of %s', (_, rangeUj) => {
    using machine = new Counted(new MachineTree(), [rangeUj - 10_000_000n], rangeUj);
    machine.read();
    machine.run(SECOND_NS, 35.5);
    expect(machine.shown(0)).toBe(25_500_000n);
    expect(machine.read()).toEqual({ energyUj: 35_500_000, durationNs: SECOND_NS });
  });

  it('N1: a failed read is no wrap, and the next good one covers both intervals, of all counters', () => {
    using machine = new Counted(new MachineTree(), [RANGE_UJ.intel - 50_000_000n, 1_000_000n], RANGE_UJ.intel);
    machine.read();
    machine.run(SECOND_NS, 40, 20);
    machine.tree.failures.set(energyFile(PLACES[1]), 'EIO');
    expect(machine.read()).toBeUndefined();
    machine.tree.failures.clear();
    machine.run(SECOND_NS, 50, 10);
    expect(machine.read()).toEqual({ energyUj: 120_000_000, durationNs: 2 * SECOND_NS });
  });

  it.each(['', 'x\n', '-5\n', '1 2\n'])('N1: a file that holds %j is a failed read', (content) => {
    using machine = new Counted(new MachineTree(), [1_000_000n], RANGE_UJ.intel);
    machine.read();
    machine.run(SECOND_NS, 40);
    machine.tree.write({ [energyFile(PLACES[0])]: content });
    expect(machine.read()).toBeUndefined();
    machine.run(SECOND_NS, 40);
    expect(machine.read()).toEqual({ energyUj: 80_000_000, durationNs: 2 * SECOND_NS });
  });

  it('says why it tells of nothing, for as long as that is so', () => {
    using machine = new Counted(new MachineTree(), [90_000_000_000n], RANGE_UJ.intel);
    const file = energyFile(PLACES[0]);
    const path = `${machine.tree.sys.root}/${file.slice(4)}`;
    const look = (): string =>
      machine.read() === undefined ? machine.source.silence : `tells, ${machine.source.silence}`;
    expect(look()).toBe('');
    expect(look()).toBe('');
    machine.nowNs += SECOND_NS;
    expect(look()).toBe('its counters stand still');
    machine.run(SECOND_NS, 40);
    expect(look()).toBe('tells, ');
    machine.tree.write({ [file]: '\n' });
    expect(look()).toBe(`${path} has no number in it`);
    machine.tree.failures.set(file, 'EACCES');
    expect(look()).toBe(`${path} cannot be read: EACCES`);
    machine.tree.failures.clear();
    machine.trueUj[0] = 0n;
    machine.run(SECOND_NS, 40);
    expect(look()).toBe('what its counters say cannot be: they begin anew');
  });

  it('N2, N3: a counter that begins anew is a gap, and goes on from there', () => {
    using machine = new Counted(new MachineTree(), [90_000_000_000n], RANGE_UJ.intel);
    machine.read();
    machine.trueUj[0] = 0n;
    machine.run(SECOND_NS, 30);
    expect(machine.read()).toBeUndefined();
    machine.run(SECOND_NS, 30);
    expect(machine.read()).toEqual({ energyUj: 30_000_000, durationNs: SECOND_NS });
  });

  it('N2: without a range, going back is always a reset', () => {
    using machine = new Counted(new MachineTree(), [5_000_000n], undefined);
    machine.read();
    machine.trueUj[0] = 4_000_000n;
    machine.run(SECOND_NS, 0);
    expect(machine.read()).toBeUndefined();
  });

  it('N3: believes 1.5 times the greatest power, and not a microjoule more', () => {
    using machine = new Counted(new MachineTree(), [0n], RANGE_UJ.intel);
    machine.read();
    machine.run(SECOND_NS, MAX_W * 1.5);
    expect(machine.read()).toEqual({ energyUj: MAX_W * 1.5e6, durationNs: SECOND_NS });
    machine.trueUj[0] = (machine.trueUj[0] as bigint) + 1n;
    machine.run(SECOND_NS, MAX_W * 1.5);
    expect(machine.read()).toBeUndefined();
  });

  it('N3: what was drawn asleep is told of no second, though it could have been', () => {
    using machine = new Counted(new MachineTree(), [0n], RANGE_UJ.intel);
    machine.read();
    machine.run(SECOND_NS, 10);
    expect(machine.read()).toBeDefined();
    machine.sleptNs = 30 * SECOND_NS;
    machine.run(SECOND_NS, 40);
    expect(machine.read()).toBeUndefined();
    machine.run(SECOND_NS, 10);
    expect(machine.read()).toEqual({ energyUj: 10_000_000, durationNs: SECOND_NS });
  });

  it('N3: a machine without /proc/uptime is believed to be awake', () => {
    const tree = new MachineTree();
    using machine = new Counted(tree, [0n], RANGE_UJ.intel);
    tree.remove('proc/uptime');
    machine.read();
    machine.nowNs += SECOND_NS;
    machine.tree.write({ [energyFile(PLACES[0])]: '7000000\n' });
    expect(machine.read()).toEqual({ energyUj: 7_000_000, durationNs: SECOND_NS });
  });

  it("N4: after 234 s at full power AMD's counter could have wrapped: nothing is told of them", () => {
    using machine = new Counted(new MachineTree(), [0n], RANGE_UJ.amd);
    machine.read();
    machine.run(100 * SECOND_NS, 100);
    expect(machine.read()).toEqual({ energyUj: 10_000_000_000, durationNs: 100 * SECOND_NS });
    machine.run(234 * SECOND_NS, 280);
    expect(machine.read()).toBeUndefined();
    machine.run(SECOND_NS, 10);
    expect(machine.read()).toEqual({ energyUj: 10_000_000, durationNs: SECOND_NS });
  });

  it('N5: one that stands still has not been written yet', () => {
    using machine = new Counted(new MachineTree(), [1_000_000n], RANGE_UJ.intel);
    machine.read();
    for (let left = 3; left > 0; left--) {
      machine.run(SECOND_NS);
      expect(machine.read()).toBeUndefined();
    }
    machine.run(SECOND_NS, 12);
    expect(machine.read()).toEqual({ energyUj: 12_000_000, durationNs: 4 * SECOND_NS });
  });

  it('N6: one that is written in steps begins at a step, also after a reset', () => {
    using machine = new Counted(new MachineTree(), [1_000_000n], undefined, true);
    const step = (uj: bigint): EnergyInterval | undefined => {
      machine.nowNs += 5 * SECOND_NS;
      machine.trueUj[0] = (machine.trueUj[0] as bigint) + uj;
      machine.show();
      return machine.read();
    };
    machine.read();
    expect(step(50_000_000n)).toBeUndefined();
    expect(step(60_000_000n)).toEqual({ energyUj: 60_000_000, durationNs: 5 * SECOND_NS });
    machine.trueUj[0] = 0n;
    expect(step(10n)).toBeUndefined();
    expect(step(50_000_000n)).toBeUndefined();
    expect(step(60_000_000n)).toEqual({ energyUj: 60_000_000, durationNs: 5 * SECOND_NS });
    expect(machine.tree.openFiles).toBe(1); // that of /proc/uptime
  });

  it('is exact beyond what a double holds', () => {
    using machine = new Counted(new MachineTree(), [2n ** 63n + 1n], undefined);
    machine.read();
    machine.trueUj[0] = 2n ** 63n + 4n;
    machine.run(SECOND_NS, 0);
    expect(machine.read()).toEqual({ energyUj: 3, durationNs: SECOND_NS });
  });

  it('gives back its descriptors', () => {
    const machine = new Counted(new MachineTree(), [1n, 2n], RANGE_UJ.intel);
    machine.read();
    expect(machine.tree.openFiles).toBe(3);
    machine[Symbol.dispose]();
    expect(machine.tree.openFiles).toBe(0);
  });

  it("is a unit off at most for each wrap of a register of 32 bits, of which the kernel's range is one short", () => {
    const unit = 61_035n; // nJ: 2^-14 J, as the kernel rounds it
    const rangeUj = (0xffff_ffffn * unit) / 1000n;
    let raw = 0xffff_ffffn - 1000n;
    const shown = (): bigint => ((raw % 2n ** 32n) * unit) / 1000n;
    using machine = new Counted(new MachineTree(), [shown()], undefined);
    const source = new CounterSource({
      name: 'rapl',
      boundary: 'package',
      uncertainty: 1.15,
      tree: machine.tree.sys,
      proc: machine.tree.proc,
      counters: [{ file: machine.tree.sys.file(`class/powercap/${PLACES[0]}/energy_uj`), rangeUj, maxPowerW: MAX_W }],
    });
    source.read(machine.nowNs);
    machine.trueUj[0] = (raw += 500_000n) && shown();
    machine.run(SECOND_NS, 0);
    const told = source.read(machine.nowNs)?.energyUj ?? 0;
    const trueUj = Number((500_000n * unit) / 1000n);
    expect(Math.abs(told - trueUj)).toBeLessThanOrEqual(63);
    expect(told).not.toBe(0);
    source.dispose();
  });
});
