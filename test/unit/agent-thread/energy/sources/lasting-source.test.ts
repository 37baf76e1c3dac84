/** When a source is broken, and what is read in its place: on a clock that the tests turn by the second. */
import { beforeEach, describe, expect, test } from 'vitest';
import type {
  EnergyInterval,
  EnergySource,
  EnergySourceName,
} from '../../../../../agent/agent-thread/energy/sources/energy-source.ts';
import { LastingSource } from '../../../../../agent/agent-thread/energy/sources/lasting-source.ts';
import { NO_LOAD } from '../machine-tree.ts';

const SECOND_NS = 1e9;

class FakeSource implements EnergySource {
  readonly name: EnergySourceName;
  readonly boundary = 'package';
  readonly isMeasured: boolean;
  readonly idlePowerW = undefined;
  readonly uncertainty: number;
  interval: EnergyInterval | undefined = { energyUj: 5, durationNs: SECOND_NS };
  reads = 0;
  silence = '';
  isDisposed = false;

  constructor(name: EnergySourceName, uncertainty = 1.15) {
    this.name = name;
    this.isMeasured = !name.startsWith('model:');
    this.uncertainty = uncertainty;
  }

  read(): EnergyInterval | undefined {
    this.reads++;
    return this.interval;
  }

  dispose(): void {
    this.isDisposed = true;
  }
}

let rapl: FakeSource;
let hwmon: FakeSource;
let model: FakeSource;
let source: LastingSource;
let nowNs: number;
let changes: string[];
let reasons: string[];

beforeEach(() => {
  [rapl, hwmon, model] = [new FakeSource('rapl'), new FakeSource('hwmon', 1.3), new FakeSource('model:generic', 3.5)];
  nowNs = 1e12;
  changes = [];
  reasons = [];
  source = new LastingSource({
    first: rapl,
    choose: (broken) => [rapl, hwmon, model].find(({ name }) => !broken.has(name)) ?? model,
    onChange: (broken, next, why) => {
      changes.push(`${broken.name} > ${next.name}`);
      reasons.push(why);
    },
  });
});

/** Looks once a second; what the last of them told. */
function look(times: number, apartNs = SECOND_NS): EnergyInterval | undefined {
  let last: EnergyInterval | undefined;
  for (let left = times; left > 0; left--) {
    last = source.read(nowNs, NO_LOAD);
    nowNs += apartNs;
  }
  return last;
}

describe('C1: a source that tells of nothing', () => {
  test('is kept for half a minute, and then the next one is read', () => {
    look(1);
    rapl.interval = undefined;
    look(29);
    expect([source.name, changes]).toEqual(['rapl', []]);
    look(1);
    expect([source.name, changes]).toEqual(['hwmon', ['rapl > hwmon']]);
    expect([rapl.isDisposed, hwmon.isDisposed]).toEqual([true, false]);
    expect(source).toMatchObject({ isMeasured: true, boundary: 'package', uncertainty: 1.3 });
  });

  test('is given its half minute anew by whatever it tells', () => {
    for (let i = 0; i < 10; i++) {
      rapl.interval = undefined;
      look(29);
      rapl.interval = { energyUj: 1, durationNs: SECOND_NS };
      look(1);
    }
    expect(changes).toEqual([]);
  });

  test('tells of nothing as well where it stands still: no machine draws nothing', () => {
    rapl.interval = { energyUj: 0, durationNs: SECOND_NS };
    look(31);
    expect(changes).toEqual(['rapl > hwmon']);
  });

  test('is not broken because nobody has looked: the program was stopped, or the machine slept', () => {
    look(1);
    rapl.interval = undefined;
    nowNs += 3600 * SECOND_NS;
    look(9);
    expect(changes).toEqual([]);
    look(1);
    expect(changes).toEqual(['rapl > hwmon']);
  });

  test('is not broken sooner by being looked at more often', () => {
    rapl.interval = undefined;
    look(100, SECOND_NS / 5);
    expect(changes).toEqual([]);
  });
});

test('what was wrong is said with the change: the last complaint, also of a source that has none at every look', () => {
  for (const why of ['first', 'a file is gone', '']) {
    rapl.silence = why;
    rapl.interval = undefined;
    look(why === '' ? 1 : 15);
  }
  rapl.interval = { energyUj: 1, durationNs: SECOND_NS };
  hwmon.interval = undefined;
  look(31);
  expect([changes, reasons]).toEqual([
    ['rapl > hwmon', 'hwmon > model:generic'],
    ['a file is gone', ''],
  ]);
});

test('C2: a model that tells of nothing is kept', () => {
  rapl.interval = undefined;
  hwmon.interval = undefined;
  model.interval = undefined;
  look(600);
  expect(changes).toEqual(['rapl > hwmon', 'hwmon > model:generic']);
  expect(model.isDisposed).toBe(false);
});

test('C3: one that comes back is not taken again, nor looked at', () => {
  rapl.interval = undefined;
  look(31);
  const { reads } = rapl;
  rapl.interval = { energyUj: 5, durationNs: SECOND_NS };
  hwmon.interval = undefined;
  look(100);
  expect(source.name).toBe('model:generic');
  expect(rapl.reads).toBe(reads);
});

test('C4: the next one has its first look at once', () => {
  rapl.interval = undefined;
  look(30);
  expect(hwmon.reads).toBe(0);
  look(1);
  expect(hwmon.reads).toBe(1);
});

test('gives back what the last one holds', () => {
  rapl.interval = undefined;
  look(31);
  source.dispose();
  expect(hwmon.isDisposed).toBe(true);
});
