/** Energy by the power model: which watts, between which ends, and sums that lose nothing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimatePower } from '../../../../../agent/agent-thread/energy/power-model.ts';
import type { CpuLoad, EnergySource } from '../../../../../agent/agent-thread/energy/sources/energy-source.ts';
import {
  findFamilyModel,
  findGenericModel,
  findTdpModel,
  type ModelSettings,
} from '../../../../../agent/agent-thread/energy/sources/modelled.ts';

const SECOND_NS = 1e9;
const ROME = { vendor: 'AuthenticAMD', family: 0x17, model: 0x31 } as const;
const UNKNOWN = { vendor: 'AcmeSilicon', family: 1, model: 1 } as const;

function settingsOf(settings: Partial<ModelSettings> = {}): ModelSettings {
  return {
    estimatePower,
    cpu: ROME,
    logicalCpus: 8,
    ratedPowerW: undefined,
    idlePowerW: undefined,
    maxPowerW: undefined,
    isClockKnown: true,
    ...settings,
  };
}

/** Watts over one second at a load. */
function wattsAt(source: EnergySource | undefined, utilization: number, frequencyRatio = 1): number {
  source?.read(0, { utilization: 0, frequencyRatio: 1 });
  const watts = (source?.read(SECOND_NS, { utilization, frequencyRatio })?.energyUj ?? Number.NaN) / 1e6;
  source?.dispose();
  return watts;
}

describe('model:family', () => {
  it('draws what the model says, at any load and clock', () => {
    const { source, why } = findFamilyModel(settingsOf());
    const { idlePowerW, maxPowerW } = estimatePower({ ...ROME, logicalCpus: 8, utilization: 0 });
    expect(source).toMatchObject({
      name: 'model:family',
      boundary: 'wall',
      isMeasured: false,
      idlePowerW,
      uncertainty: 1.6,
    });
    expect(why).toContain('Rome');
    expect(wattsAt(source, 0)).toBeCloseTo(idlePowerW, 5);
    expect(wattsAt(source, 1)).toBeCloseTo(maxPowerW, 5);
    for (const [utilization, frequencyRatio] of [
      [0.3, 1],
      [0.5, 0.6],
      [0.9, 1.3],
    ] as const) {
      const { powerW } = estimatePower({ ...ROME, logicalCpus: 8, utilization, frequencyRatio });
      expect(wattsAt(source, utilization, frequencyRatio)).toBeCloseTo(powerW, 5);
    }
  });

  it('is less certain without the clock', () => {
    expect(findFamilyModel(settingsOf({ isClockKnown: false })).source?.uncertainty).toBe(2.4);
  });

  it('is not to be had for a processor of which nothing is published, known by name or not', () => {
    const step = expect.stringContaining('GRIDWATCH_POWER_IDLE_W');
    const unknown = findFamilyModel(settingsOf({ cpu: UNKNOWN }));
    expect(unknown).toMatchObject({
      isUsable: false,
      why: expect.stringContaining('AcmeSilicon family 1 model 1'),
      step,
    });
    const named = findFamilyModel(settingsOf({ cpu: { vendor: 'ARM', family: 8, model: 0xd40 } }));
    expect(named).toMatchObject({ isUsable: false, why: expect.stringContaining('Neoverse V1'), step });
    expect(findFamilyModel(settingsOf({ cpu: {} })).why).toContain('this processor');
  });
});

describe('model:generic', () => {
  it('knows no processor, also where the family is known', () => {
    const { source } = findGenericModel(settingsOf());
    const { idlePowerW, maxPowerW } = estimatePower({ logicalCpus: 8, utilization: 0 });
    expect(source).toMatchObject({ name: 'model:generic', idlePowerW, uncertainty: 3.5 });
    expect(wattsAt(source, 1)).toBeCloseTo(maxPowerW, 5);
  });
});

describe('model:tdp', () => {
  it('is not to be had where nobody says a watt', () => {
    expect(findTdpModel(settingsOf())).toMatchObject({ isUsable: false, source: undefined });
  });

  it("takes the user's watts for both ends, and the family's curve in between", () => {
    const { source, why } = findTdpModel(settingsOf({ idlePowerW: 40, maxPowerW: 240, ratedPowerW: 65 }));
    expect(source).toMatchObject({ boundary: 'wall', idlePowerW: 40, uncertainty: 1.15 });
    expect(why).toContain('40 to 240 W, idle by GRIDWATCH_POWER_IDLE_W, busy by GRIDWATCH_POWER_MAX_W');
    expect(wattsAt(source, 0)).toBe(40);
    expect(wattsAt(source, 1)).toBe(240);
    const { powerW, idlePowerW, maxPowerW } = estimatePower({ ...ROME, logicalCpus: 8, utilization: 0.4 });
    expect(wattsAt(source, 0.4)).toBeCloseTo(40 + (200 * (powerW - idlePowerW)) / (maxPowerW - idlePowerW), 5);
  });

  it('gives back the configured watts by regression: E = b0 T + b1 T U', () => {
    const { source } = findTdpModel(settingsOf({ idlePowerW: 40, maxPowerW: 240 }));
    const idleW = wattsAt(source, 0);
    expect(Math.abs(idleW - 40) / 40).toBeLessThan(0.01);
    expect(Math.abs(wattsAt(source, 1) - idleW - 200) / 200).toBeLessThan(0.01);
  });

  it('takes the rated power for the busy end, and the idle share of the family', () => {
    const { source } = findTdpModel(settingsOf({ ratedPowerW: 180 }));
    const { idlePowerW, maxPowerW } = estimatePower({ ...ROME, logicalCpus: 8, utilization: 0 });
    expect(source).toMatchObject({ boundary: 'package', uncertainty: 1.6 });
    expect(source?.idlePowerW).toBeCloseTo((180 * idlePowerW) / maxPowerW, 9);
    expect(wattsAt(source, 1)).toBeCloseTo(180, 5);
  });

  it.each([400, 20])(
    'prices work as the model does on a machine of which only the idle power is known: %d W',
    (idlePowerW) => {
      const { source } = findTdpModel(settingsOf({ idlePowerW }));
      const model = estimatePower({ ...ROME, logicalCpus: 8, utilization: 0 });
      expect(wattsAt(source, 1) - idlePowerW).toBeCloseTo(model.maxPowerW - model.idlePowerW, 5);
    },
  );

  it.each([
    [{ idlePowerW: 40 }, 'wall'],
    [{ maxPowerW: 90 }, 'wall'],
    [{ idlePowerW: 40, ratedPowerW: 65 }, 'package'],
    [{ idlePowerW: 400 }, 'wall'],
  ])('fills in what %j leaves out, and never falls with the load', (said, boundary) => {
    const { source } = findTdpModel(settingsOf(said));
    expect(source?.boundary).toBe(boundary);
    expect(wattsAt(source, 1)).toBeGreaterThanOrEqual(wattsAt(source, 0));
    if ('idlePowerW' in said) expect(source?.idlePowerW).toBe(said.idlePowerW);
    else expect(wattsAt(source, 1)).toBeCloseTo(90, 5);
  });

  it.each([
    [{ idlePowerW: 40, maxPowerW: 90 }, true, ROME, 1.15],
    [{ idlePowerW: 40, maxPowerW: 90 }, false, ROME, 1.6],
    [{ ratedPowerW: 90 }, true, ROME, 1.6],
    [{ ratedPowerW: 90 }, false, ROME, 2.4],
    [{ ratedPowerW: 90 }, true, UNKNOWN, 2.4],
  ])('of %j, with the clock: %s, is as certain as that allows', (said, isClockKnown, cpu, uncertainty) => {
    expect(findTdpModel(settingsOf({ ...said, isClockKnown, cpu })).source?.uncertainty).toBe(uncertainty);
  });
});

describe('an interval', () => {
  const read = (source: EnergySource, atNs: number, load: CpuLoad) => source.read(atNs, load);
  const busy: CpuLoad = { utilization: 1, frequencyRatio: 1 };

  it('that has no load, or no length, is a gap that the next one covers', () => {
    const { source } = findTdpModel(settingsOf({ idlePowerW: 10, maxPowerW: 20 }));
    if (source === undefined) throw new Error('unusable');
    expect(read(source, 5, busy)).toBeUndefined();
    expect(read(source, 5, busy)).toBeUndefined();
    expect(read(source, 5 + SECOND_NS, { ...busy, utilization: Number.NaN })).toBeUndefined();
    expect(read(source, 5 + 2 * SECOND_NS, busy)).toEqual({ energyUj: 40e6, durationNs: 2 * SECOND_NS });
  });

  it.each([
    [{ utilization: 7, frequencyRatio: 1 }, 20],
    [{ utilization: -1, frequencyRatio: 1 }, 10],
    [{ utilization: 1, frequencyRatio: Number.NaN }, 20],
    [{ utilization: 1, frequencyRatio: -3 }, 20],
    [{ utilization: 1, frequencyRatio: 1e9 }, 20],
  ])('with the load %j never throws', (load, watts) => {
    const { source } = findTdpModel(settingsOf({ idlePowerW: 10, maxPowerW: 20 }));
    expect(wattsAt(source, load.utilization, load.frequencyRatio)).toBe(watts);
  });

  it('is a whole number of microjoules, and what that leaves is in the next one', () => {
    const step = fc.record({
      durationNs: fc.integer({ min: 1, max: 2e9 }),
      utilization: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const sums = fc.property(fc.array(step, { minLength: 1, maxLength: 100 }), (steps) => {
      const { source } = findGenericModel(settingsOf());
      let nowNs = 0;
      let told = 0;
      let exact = 0;
      source.read(0, busy);
      for (const { durationNs, utilization } of steps) {
        nowNs += durationNs;
        const energyUj = source.read(nowNs, { utilization, frequencyRatio: 1 })?.energyUj ?? Number.NaN;
        if (!Number.isSafeInteger(energyUj) || energyUj < 0) throw new Error(`told ${energyUj}`);
        told += energyUj;
        exact += estimatePower({ logicalCpus: 8, utilization }).powerW * durationNs * 1e-3;
      }
      if (!(Math.abs(told - exact) < 1 + exact * 1e-12)) throw new Error(`${told} is not ${exact}`);
    });
    fc.assert(sums, { numRuns: 300 });
  });
});
