/** What runs at a moment: wanted, not shed, not off; and application threads are told so. */
import { beforeEach, describe, expect, it } from 'vitest';
import { FeatureSwitches } from '../../../agent/agent-thread/feature-switches.ts';
import { DisabledFeatures } from '../../../agent/agent-thread/model/self.ts';
import { featureBits } from '../../../agent/config/feature-bits.ts';
import { FEATURES } from '../../../agent/config/options.ts';
import { resolveConfig } from '../../../agent/config/resolve.ts';
import { ControlMemory, HEADER } from '../../../agent/shared-memory/layout.ts';
import { FakeDiag } from './telemetry/fake-diag.ts';

const featuresOf = (text: string) => resolveConfig({ GRIDWATCH_FEATURES: text }).config.features;

let memory: ControlMemory;
let diag: FakeDiag;
let disabled: DisabledFeatures;
let switches: FeatureSwitches;

beforeEach(() => {
  memory = ControlMemory.create(0);
  diag = new FakeDiag();
  disabled = new DisabledFeatures(diag, [{ feature: 'frozen', reason: 'failed' }]);
  switches = new FeatureSwitches(memory, featuresOf('-energy'), disabled);
});

const told = (): number => memory.i32[HEADER.FEATURES_OFF >> 2] as number;
const shown = (): string[] => [...disabled].map(({ feature, reason }) => `${feature} ${reason}`);

it('the bits of features do not meet, and fit into a word', () => {
  expect(new Set(FEATURES.map((feature) => featureBits([feature]))).size).toBe(FEATURES.length);
  expect(featureBits(FEATURES)).toBe(2 ** FEATURES.length - 1);
  expect(featureBits([])).toBe(0);
});

it('at first what the program was started with runs', () => {
  expect(FEATURES.filter((feature) => !switches.isOn(feature))).toEqual(['energy']);
  expect(told()).toBe(featureBits(['energy']));
  expect(shown()).toEqual(['frozen failed', 'energy configured']);
});

it('then what is wanted, less what is shed', () => {
  switches.want(featuresOf('-energy,-heap'), false);
  switches.shed(['heap', 'gc']);
  expect(FEATURES.filter((feature) => !switches.isOn(feature))).toEqual(['gc', 'heap', 'energy']);
  expect(told()).toBe(featureBits(['gc', 'heap', 'energy']));
  expect(shown()).toEqual(['frozen failed', 'heap configured', 'energy configured', 'gc budget']);
  switches.shed([]);
  switches.want(featuresOf('-energy'), false);
  expect(shown()).toEqual(['frozen failed', 'energy configured']);
});

it('nothing when it is off, and all of it again afterwards', () => {
  switches.want(featuresOf('-energy'), true);
  expect([switches.isOff, told()]).toEqual([true, featureBits(FEATURES)]);
  switches.want(featuresOf('-energy'), false);
  expect([switches.isOff, told()]).toEqual([false, featureBits(['energy'])]);
});

describe('a gated source', () => {
  it('is asked only while its feature runs', () => {
    let asked = 0;
    const source = switches.gate('gc', { collect: () => asked++ });
    const sink = { sum: () => {}, gauge: () => {}, histogram: () => {} };
    source.collect(sink);
    switches.shed(['gc']);
    source.collect(sink);
    switches.shed([]);
    source.collect(sink);
    expect(asked).toBe(2);
  });
});

it('nothing is said here: whoever switches says why', () => {
  switches.want(featuresOf('gc'), true);
  switches.shed(['gc']);
  expect(diag.lines).toEqual([]);
});
