/** A model on a laptop that is described: what the battery teaches it, and what it does not believe. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { estimatePower } from '../../../../../agent/agent-thread/energy/power-model.ts';
import { CalibratedModel } from '../../../../../agent/agent-thread/energy/sources/calibrated.ts';
import { findGenericModel, type ModelledSource } from '../../../../../agent/agent-thread/energy/sources/modelled.ts';

const SECOND_NS = 1e9;
const CPUS = 8;
/** The generic model of eight CPUs. */
const MODEL = { idleW: 4, spanW: 16 };

interface LaptopSettings {
  /** All that is drawn without any load: the screen, the disk, the idle CPUs. */
  readonly idleW: number;
  /** What busy CPUs draw on top of it. */
  readonly spanW: number;
  readonly isClockKnown?: boolean;
  /** How the battery's own electronics show a power. */
  readonly gauge?: (powerW: number, second: number) => number | undefined;
}

class Laptop {
  readonly source: CalibratedModel;
  readonly #settings: LaptopSettings;
  nowNs = 50 * SECOND_NS;
  second = 0;
  screenW = 0;
  toldUj = 0;
  trueActiveUj = 0;
  looks = 0;
  #shownW: number | undefined;

  constructor(settings: LaptopSettings) {
    this.#settings = settings;
    const { isClockKnown = true } = settings;
    const made: ModelledSource[] = [];
    findGenericModel({
      estimatePower,
      cpu: {},
      logicalCpus: CPUS,
      ratedPowerW: undefined,
      idlePowerW: undefined,
      maxPowerW: undefined,
      isClockKnown,
      calibrate: (model) => {
        made.push(model);
        return model;
      },
    });
    const [model] = made;
    if (model === undefined) throw new Error('there is no model');
    const powerW = (): number | undefined => {
      this.looks++;
      return this.#shownW;
    };
    this.source = new CalibratedModel({ model, battery: { powerW, dispose: () => {} }, isClockKnown });
    this.source.read(this.nowNs, { utilization: 0, frequencyRatio: 1 });
  }

  run(seconds: number, utilization: number, stepS = 1): void {
    const { idleW, spanW, gauge = (powerW) => powerW } = this.#settings;
    for (let left = seconds; left > 0; left -= stepS) {
      this.nowNs += stepS * SECOND_NS;
      this.second += stepS;
      const share = shareOf(utilization);
      this.#shownW = gauge(idleW + this.screenW + spanW * share, this.second);
      this.trueActiveUj += spanW * share * stepS * 1e6;
      this.toldUj += this.source.read(this.nowNs, { utilization, frequencyRatio: 1 })?.energyUj ?? 0;
    }
  }

  /** A machine that is idle and busy by turns, two minutes each. */
  work(minutes: number): void {
    for (let left = minutes; left > 0; left -= 4) {
      this.run(120, 0.02);
      this.run(120, 0.7);
    }
  }

  get watts(): { readonly idleW: number; readonly spanW: number } {
    const { idlePowerW, maxPowerW } = this.source;
    return { idleW: idlePowerW, spanW: maxPowerW - idlePowerW };
  }
}

/** How far from idle to busy the model's curve is. */
function shareOf(utilization: number): number {
  const { powerW, idlePowerW, maxPowerW } = estimatePower({ logicalCpus: CPUS, utilization, frequencyRatio: 1 });
  return (powerW - idlePowerW) / (maxPowerW - idlePowerW);
}

describe('B1: what busy CPUs draw', () => {
  test('is what the laptop was given, within a hundredth, whatever that is and whatever else it feeds', () => {
    const runs = fc.property(
      fc.double({ min: 4, max: 75, noNaN: true }),
      fc.double({ min: 1, max: 30, noNaN: true }),
      fc.array(fc.constantFrom(0, 0.45, 0.9), { minLength: 1, maxLength: 6 }),
      (spanW, idleW, others) => {
        const laptop = new Laptop({ spanW, idleW });
        for (const utilization of [0, 0.9, ...others, 0, 0.9]) laptop.run(130, utilization);
        expect(Math.abs(laptop.watts.spanW / spanW - 1)).toBeLessThan(0.01);
        expect(laptop.watts.idleW).toBeCloseTo(Math.min(MODEL.idleW, idleW), 2);
      },
    );
    fc.assert(runs, { numRuns: 60 });
  });

  test('a screen that is bright from the beginning is none of it', () => {
    const laptop = new Laptop({ spanW: 25, idleW: 3 });
    laptop.screenW = 6;
    laptop.work(16);
    expect(laptop.watts).toEqual({ idleW: MODEL.idleW, spanW: expect.closeTo(25, 6) });
  });

  test('is told from then on: energy is that of the calibrated watts, and nothing is told anew', () => {
    const laptop = new Laptop({ spanW: 32, idleW: 9 });
    laptop.work(16);
    const [toldUj, trueActiveUj] = [laptop.toldUj, laptop.trueActiveUj];
    laptop.run(100, 0.3);
    const activeUj = laptop.toldUj - toldUj - 100 * MODEL.idleW * 1e6;
    expect(activeUj / (laptop.trueActiveUj - trueActiveUj)).toBeCloseTo(1, 6);
    /* The minutes before were the model's, whose watts are half of it. */
    expect(trueActiveUj / (toldUj - 16 * 60 * MODEL.idleW * 1e6)).toBeGreaterThan(1.05);
  });

  test('stays when the machine is plugged in', () => {
    let isPlugged = false;
    const laptop = new Laptop({ spanW: 32, idleW: 9, gauge: (powerW) => (isPlugged ? undefined : powerW) });
    laptop.work(16);
    isPlugged = true;
    laptop.work(16);
    expect(laptop.watts.spanW).toBeCloseTo(32, 6);
  });
});

describe('B2: a window', () => {
  test('whose load moves a little makes a slope that is right within a twentieth', () => {
    const laptop = new Laptop({ spanW: 22, idleW: 7 });
    for (let i = 0; i < 60; i++) laptop.run(67, 0.02 + ((i * 7) % 10) / 10.5);
    expect(Math.abs(laptop.watts.spanW / 22 - 1)).toBeLessThan(0.05);
  });

  test('of a machine whose load never stays counts for nothing', () => {
    const laptop = new Laptop({ spanW: 32, idleW: 9 });
    for (let i = 0; i < 200; i++) laptop.run(32, i % 2);
    expect(laptop.watts).toEqual(MODEL);
  });

  test('in which the charger was there for a moment counts for nothing', () => {
    const laptop = new Laptop({
      spanW: 32,
      idleW: 9,
      gauge: (powerW, second) => (second % 25 < 6 ? undefined : powerW),
    });
    laptop.work(60);
    expect(laptop.watts).toEqual(MODEL);
  });

  test('in which nobody has looked counts for nothing', () => {
    const laptop = new Laptop({ spanW: 32, idleW: 9 });
    for (let i = 0; i < 100; i++) laptop.run(60, (i >> 2) % 2, 6);
    expect(laptop.watts).toEqual(MODEL);
  });

  test('of a gauge that is slow and coarse is right all the same, within a twentieth', () => {
    let smoothW: number | undefined;
    let shownW = 0;
    const gauge = (powerW: number, second: number): number => {
      smoothW = smoothW === undefined ? powerW : smoothW + (powerW - smoothW) / 10;
      if (second % 8 === 1) shownW = Math.round(smoothW * 10) / 10;
      return shownW;
    };
    const laptop = new Laptop({ spanW: 22, idleW: 7, gauge });
    laptop.work(32);
    expect(Math.abs(laptop.watts.spanW / 22 - 1)).toBeLessThan(0.05);
  });
});

describe('B6: a gauge that is slower than the warm-up', () => {
  /** One that shows what it has smoothed once in a while. */
  const slow = (smoothS: number, everyS: number) => {
    let smoothW: number | undefined;
    let shownW: number | undefined;
    return (powerW: number, second: number): number | undefined => {
      smoothW = smoothW === undefined ? powerW : smoothW + (powerW - smoothW) / smoothS;
      if (second % everyS === 0) shownW = smoothW;
      return shownW;
    };
  };
  /** Loads that stay for one minute to four, and are idle about half of the time. */
  const use = (laptop: Laptop): number => {
    for (let i = 0; i < 60; i++) laptop.run(65 + ((i * 37) % 200), i % 2 === 0 ? 0.02 : 0.2 + ((i * 7) % 10) / 13);
    return laptop.watts.spanW / 22;
  };

  test.each([
    [30, 30, 0.9],
    [1, 60, 0.95],
    [1, 30, 0.97],
  ])(
    'smoothed over %i s and shown every %i s makes a slope of %f of the true one and more',
    (smoothS, everyS, least) => {
      const share = use(new Laptop({ spanW: 22, idleW: 7, gauge: slow(smoothS, everyS) }));
      expect(share).toBeGreaterThan(least);
      expect(share).toBeLessThan(1.03);
    },
  );

  test('makes wider bounds where no load has stayed for long enough to know better', () => {
    const bounds = [70, 120].map((staysS) => {
      const laptop = new Laptop({ spanW: 32, idleW: 9 });
      for (let i = 0; i < 12; i++) laptop.run(staysS, i % 2 === 0 ? 0.02 : 0.7);
      for (let i = 0; i < 200; i++) laptop.run(60, 1);
      return laptop.source.uncertainty;
    });
    expect(bounds[0]).toBeGreaterThan((bounds[1] ?? Number.NaN) + 0.05);
  });
});

describe('B3: a line is not believed', () => {
  test.each<[string, LaptopSettings]>([
    ['of a gauge that tells milliwatts', { spanW: 0.02, idleW: 0.01 }],
    ['of a slope five times the model’s and more', { spanW: 16 * 5.1, idleW: 9 }],
    ['of a slope a fifth of the model’s and less', { spanW: 16 / 5.1, idleW: 9 }],
    ['of a gauge that stands', { spanW: 20, idleW: 9, gauge: () => 14 }],
    ['of a gauge that falls when more is drawn', { spanW: 20, idleW: 9, gauge: (powerW) => 60 - powerW }],
    [
      'of a gauge that says anything',
      { spanW: 5, idleW: 9, gauge: (powerW, second) => powerW + ((second * 7919) % 101) / 2 },
    ],
  ])('%s', (_, settings) => {
    const laptop = new Laptop(settings);
    laptop.work(40);
    expect(laptop.watts).toEqual(MODEL);
    expect(laptop.source.uncertainty).toBe(3.5);
  });

  test('before there are loads that differ', () => {
    const laptop = new Laptop({ spanW: 20, idleW: 9 });
    laptop.run(3600, 0.3);
    expect(laptop.watts).toEqual(MODEL);
  });
});

describe('B5: the bounds', () => {
  test('are the model’s before; then those of a measurement for work, and the model’s for idling', () => {
    const laptop = new Laptop({ spanW: 32, idleW: 9 });
    expect(laptop.source.uncertainty).toBe(3.5);
    laptop.work(16);
    laptop.run(3600, 0);
    expect(laptop.source.uncertainty).toBeGreaterThan(2.2);
    laptop.run(36_000, 1);
    expect(laptop.source.uncertainty).toBeGreaterThan(1.25);
    expect(laptop.source.uncertainty).toBeLessThan(1.35);
  });

  test('are wider where nobody knows the clock', () => {
    const laptop = new Laptop({ spanW: 32, idleW: 9, isClockKnown: false });
    laptop.work(16);
    laptop.run(36_000, 1);
    expect(laptop.source.uncertainty).toBeGreaterThan(1.5);
    expect(laptop.source.uncertainty).toBeLessThan(1.7);
  });
});

test('the battery is asked every five seconds at most', () => {
  const laptop = new Laptop({ spanW: 32, idleW: 9 });
  laptop.run(1000, 0.5);
  expect(laptop.looks).toBe(200);
});
