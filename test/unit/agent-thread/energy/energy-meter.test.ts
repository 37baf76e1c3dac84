/** The energy of a process from one reading of its source to the next, on a node that the tests turn by the second. */
import { describe, expect, test } from 'vitest';
import { EnergyMeter } from '../../../../agent/agent-thread/energy/energy-meter.ts';
import type { EnergyInterval, EnergySource } from '../../../../agent/agent-thread/energy/sources/energy-source.ts';
import { collectFrom, only, type Written } from '../../../support/recording-sink.ts';

const SECOND_NS = 1e9;
const CPUS = 2;

interface Second {
  readonly energyUj?: number;
  readonly threads: Readonly<Record<string, number>>;
  /** Seconds of CPU; as much as the threads together unless something else is meant. */
  readonly process?: number;
  readonly node?: number;
  /** The source gives nothing in this second: it could not be read, or begins anew. */
  readonly source?: 'fails' | 'resets';
}

/** A node of two CPUs with a measured source, a second at a time. */
class FakeNode {
  readonly meter: EnergyMeter;
  #nowNs = 0;
  #busyNs = 0;
  #processNs = 0;
  #counterUj = 0;
  #fails = false;
  readonly #threadsNs = new Map<string, number>();

  constructor(over: { idlePowerW?: number; reservedShare?: number; isMeasured?: boolean } = {}) {
    const { isMeasured = false, idlePowerW = 4 } = over;
    this.meter = new EnergyMeter({
      source: this.#source(isMeasured, idlePowerW),
      idlePowerW,
      uncertainty: () => 1.6,
      node: { read: () => ({ busyNs: this.#busyNs, totalNs: this.#nowNs * CPUS }) },
      threadsNs: () => new Map(this.#threadsNs),
      processNs: () => this.#processNs,
      reservedShare: () => over.reservedShare,
      frequencyRatio: () => 1,
      logicalCpus: CPUS,
      carbon: { gramsPerJoule: 0.5, gramsPerHour: 3600 },
      nowNs: () => this.#nowNs,
    });
    this.meter.tick(0);
  }

  #source(isMeasured: boolean, idlePowerW: number): EnergySource {
    let last: { readonly uj: number; readonly atNs: number } | undefined;
    const read = (nowNs: number): EnergyInterval | undefined => {
      if (this.#fails) return undefined;
      const before = last;
      last = { uj: this.#counterUj, atNs: nowNs };
      return before && { energyUj: this.#counterUj - before.uj, durationNs: nowNs - before.atNs };
    };
    this.reset = () => {
      last = undefined;
    };
    return {
      name: isMeasured ? 'rapl' : 'model:tdp',
      boundary: isMeasured ? 'package' : 'wall',
      isMeasured,
      idlePowerW: isMeasured ? undefined : idlePowerW,
      uncertainty: 1.15,
      read,
      dispose: () => {},
    };
  }

  private reset = (): void => {};

  second({ energyUj = 10e6, threads, source, ...rest }: Second): void {
    const used = Object.values(threads).reduce((all, seconds) => all + seconds, 0);
    for (const [name, seconds] of Object.entries(threads))
      this.#threadsNs.set(name, (this.#threadsNs.get(name) ?? 0) + seconds * SECOND_NS);
    this.#nowNs += SECOND_NS;
    this.#processNs += (rest.process ?? used) * SECOND_NS;
    this.#busyNs += (rest.node ?? rest.process ?? used) * SECOND_NS;
    this.#counterUj += energyUj;
    if (source === 'resets') this.reset();
    this.#fails = source === 'fails';
    this.meter.tick(this.#nowNs);
  }

  get nowNs(): number {
    return this.#nowNs;
  }

  /** Its main thread works on, and nobody looks. */
  use({ seconds, energyUj }: { readonly seconds: number; readonly energyUj: number }): void {
    const ns = seconds * SECOND_NS;
    this.#threadsNs.set('main', (this.#threadsNs.get('main') ?? 0) + ns);
    this.#nowNs += ns;
    this.#processNs += ns;
    this.#busyNs += ns;
    this.#counterUj += energyUj;
  }

  /** Names that are told no more. */
  forget(name: string): void {
    this.#threadsNs.delete(name);
  }

  written(): Written {
    return collectFrom(this.meter);
  }

  threadsJ(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      Object.entries(only(this.written(), 'gridwatch.thread.energy')).map(([label, uj]) => [label, uj / 1e6]),
    );
  }

  processJ(component: 'active' | 'idle'): number {
    const all = only(this.written(), 'gridwatch.process.energy');
    const [first, ...more] = Object.entries(all).filter(([label]) => label.includes(`component=${component}`));
    if (first === undefined || more.length > 0) throw new Error(`${component} stands there ${1 + more.length} times`);
    return first[1] / 1e6;
  }
}

describe('the energy of a process', () => {
  test('is told only once there is some', () => {
    expect(new FakeNode().written()).toEqual({});
  });

  test('is divided among its threads by CPU time, and the rest of the node has its part', () => {
    const node = new FakeNode({ reservedShare: 0.5 });
    node.second({ threads: { main: 0.5, 'worker-1': 0.25 }, node: 1.5 });
    expect(node.processJ('active')).toBe(3);
    expect(node.processJ('idle')).toBe(2);
    expect(node.threadsJ()).toEqual({ 'thread.name=main': 2, 'thread.name=worker-1': 1 });
    expect(node.written()).toMatchObject({ 'gridwatch.cpu.power': 4, 'gridwatch.energy.uncertainty': 1.6 });
  });

  test('CPU time of threads that nobody knows is the class `other`’s', () => {
    const node = new FakeNode();
    node.second({ threads: { main: 0.5 }, process: 1 });
    expect(node.threadsJ()).toEqual({ 'thread.name=main': 3, 'thread.name=other': 3 });
  });

  test('a CPU that nobody uses draws its part of the idle power', () => {
    const node = new FakeNode({ idlePowerW: 4 });
    node.second({ threads: { main: 0.5 } });
    expect(node.meter.idlePowerPerCpuW).toBe(2);
  });

  test('without a reservation it carries as much of the idle energy as it uses: nothing of it is carried twice', () => {
    const node = new FakeNode();
    node.second({ threads: { main: 0.5 }, node: 2 });
    expect(node.processJ('idle')).toBe(1);
  });

  test('after a failed read the next good one is held against both seconds', () => {
    const node = new FakeNode({ idlePowerW: 0 });
    node.second({ threads: { main: 1 }, source: 'fails' });
    node.second({ threads: { 'worker-1': 1 } });
    expect(node.threadsJ()).toEqual({ 'thread.name=main': 10, 'thread.name=worker-1': 10 });
  });

  test('after a reset it is held against the time since, and what was before has no energy', () => {
    const node = new FakeNode({ idlePowerW: 0 });
    node.second({ threads: { main: 1 }, source: 'fails' });
    node.second({ threads: { main: 1 }, source: 'resets' });
    node.second({ threads: { 'worker-1': 1 } });
    expect(node.threadsJ()).toEqual({ 'thread.name=worker-1': 10 });
  });

  test('a name that is told no more keeps nothing, and its CPU time is nobody else’s', () => {
    const node = new FakeNode({ idlePowerW: 0 });
    node.second({ threads: { main: 1, 'worker-1': 1 } });
    node.forget('worker-1');
    node.second({ threads: { main: 1 } });
    expect(node.threadsJ()).toEqual({ 'thread.name=main': 15 });
    expect(node.processJ('active')).toBe(20);
  });

  test('of a measured source the idle power is what a quiet time has shown', () => {
    const node = new FakeNode({ idlePowerW: 9, isMeasured: true, reservedShare: 1 });
    for (let i = 0; i < 5; i++) node.second({ energyUj: 5e6, threads: { main: 0.001 } });
    const before = node.processJ('active');
    node.second({ energyUj: 12e6, threads: { main: 1 } });
    expect(node.processJ('active') - before).toBe(7);
  });

  test('the end of a program is read however soon it comes, but not before the kernel has counted', () => {
    const node = new FakeNode({ idlePowerW: 0 });
    node.second({ threads: { main: 1 } });
    node.use({ seconds: 0.02, energyUj: 5e6 });
    node.meter.end(node.nowNs);
    expect(node.processJ('active')).toBe(10);
    node.use({ seconds: 0.1, energyUj: 1e6 });
    node.meter.end(node.nowNs);
    expect(node.processJ('active')).toBe(16);
  });

  test('the price of CPU time is that of an interval, whose end is known, and stays where there is no reading', () => {
    const node = new FakeNode();
    expect(node.meter.knownUntilNs).toBe(Number.NEGATIVE_INFINITY);
    node.second({ energyUj: 10e6, threads: { main: 1 } });
    expect([node.meter.powerPerCpuW, node.meter.knownUntilNs]).toEqual([6, SECOND_NS]);
    node.second({ energyUj: 20e6, threads: { main: 1 }, source: 'fails' });
    expect([node.meter.powerPerCpuW, node.meter.knownUntilNs]).toEqual([6, SECOND_NS]);
    node.second({ energyUj: 20e6, threads: { main: 1 } });
    expect([node.meter.powerPerCpuW, node.meter.knownUntilNs]).toEqual([16, 3 * SECOND_NS]);
    node.use({ seconds: 0.1, energyUj: 1e6 });
    node.meter.catchUp(node.nowNs);
    expect(node.meter.knownUntilNs).toBe(3 * SECOND_NS);
    node.use({ seconds: 0.1, energyUj: 1e6 });
    node.meter.catchUp(node.nowNs);
    expect(node.meter.powerPerCpuW).toBeCloseTo(6, 9);
    expect(node.meter.knownUntilNs).toBe(node.nowNs);
  });

  test('carbon is of the energy and of the hours', () => {
    const node = new FakeNode({ reservedShare: 1 });
    node.second({ threads: { main: 1 } });
    expect(node.written()['gridwatch.process.carbon']).toBe(10 * 0.5 + 1);
  });
});

test('the price of a time is that of all readings in it, by CPU time', () => {
  const node = new FakeNode();
  node.second({ energyUj: 10e6, threads: { main: 1 } });
  node.second({ energyUj: 16e6, threads: { main: 0.5 } });
  expect(node.meter.powerPerCpuW).toBe(24);
  expect(node.meter.meanPowerPerCpuW(0, 1e9)).toBe(6);
  expect(node.meter.meanPowerPerCpuW(0.5e9, 2e9)).toBe(12);
});
