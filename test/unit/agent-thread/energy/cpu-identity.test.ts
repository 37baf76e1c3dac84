/** CPUs by what they say of themselves, as `/proc/cpuinfo` and the hardware of the inventory have it. */
import { describe, expect, test } from 'vitest';
import { cpuIdentityOf, identifyCpu } from '../../../../agent/agent-thread/energy/cpu-identity.ts';

const familyOf = (vendor: string, family: number, model: number, stepping?: number): string | undefined =>
  identifyCpu({ vendor, family, model, stepping })?.familyName;

describe('a CPU is known by its numbers', () => {
  test.each([
    ['GenuineIntel', 6, 45, 'Sandy Bridge'],
    ['GenuineIntel', 6, 63, 'Haswell'],
    ['GenuineIntel', 6, 79, 'Broadwell'],
    ['GenuineIntel', 6, 106, 'Ice Lake-SP'],
    ['GenuineIntel', 6, 143, 'Sapphire Rapids'],
    ['GenuineIntel', 6, 207, 'Emerald Rapids'],
    ['GenuineIntel', 6, 173, 'Granite Rapids'],
    ['GenuineIntel', 6, 158, 'Coffee Lake-E'],
    ['AuthenticAMD', 23, 1, 'EPYC 1 Naples'],
    ['AuthenticAMD', 23, 49, 'EPYC 2 Rome'],
    ['AuthenticAMD', 25, 1, 'EPYC 3 Milan'],
    ['AuthenticAMD', 25, 17, 'EPYC 4 Genoa/Bergamo/Siena'],
    ['AuthenticAMD', 25, 160, 'EPYC 4 Genoa/Bergamo/Siena'],
    ['AuthenticAMD', 26, 2, 'EPYC 5 Turin'],
    ['AuthenticAMD', 26, 17, 'EPYC 5 Turin'],
    ['HygonGenuine', 24, 1, 'EPYC 1 Naples'],
    ['ARM', 8, 0xd0c, 'Neoverse N1 (Altra)'],
    ['0x41', 8, 0xd0c, 'Neoverse N1 (Altra)'],
    ['ARM', 8, 0xd40, 'Neoverse V1'],
    ['ARM', 8, 0xd4f, 'Neoverse V2'],
    ['Ampere', 8, 0xac3, 'AmpereOne'],
    ['0xc0', 8, 0xac3, 'AmpereOne'],
    ['Microsoft', 8, 0xd49, 'Neoverse N2'],
    ['HiSilicon', 8, 0xd01, 'Kunpeng 920'],
    ['0x46', 8, 0x001, 'A64FX'],
    ['Cavium', 8, 0x0af, 'ThunderX2'],
    ['Apple', 8, 0x000, 'Apple silicon'],
    ['0x61', 8, 0x000, 'Apple silicon'],
  ])('%s %i %i is %s', (vendor, family, model, name) => {
    expect(familyOf(vendor, family, model)).toBe(name);
  });

  test('one model of several steppings is two families; without a stepping the newer', () => {
    const at = (stepping?: number): string | undefined => familyOf('GenuineIntel', 6, 85, stepping);
    expect([at(0), at(4), at(5), at(7), at(11), at()]).toEqual([
      'Skylake-SP',
      'Skylake-SP',
      'Cascade Lake',
      'Cascade Lake',
      'Cascade Lake',
      'Cascade Lake',
    ]);
  });
});

test('of Graviton3 and 4 nothing is published: they have a name and no watts', () => {
  expect(identifyCpu({ vendor: 'ARM', model: 0xd40 })).toEqual({ familyName: 'Neoverse V1', power: undefined });
  expect(identifyCpu({ vendor: 'ARM', model: 0xd4f })).toEqual({ familyName: 'Neoverse V2', power: undefined });
});

test.each([
  ['GenuineIntel', 6, 1],
  ['GenuineIntel', 15, 45],
  ['AuthenticAMD', 25, 33],
  ['AuthenticAMD', 26, 0x44],
  ['AuthenticAMD', 6, 45],
  ['ARM', 8, 0xd0b],
  ['Apple', 8, 0x24],
  ['', 0, 0],
  ['constructor', 6, 45],
])('%s %i %i, a desktop or nothing at all, is not taken for a neighbour', (vendor, family, model) => {
  expect(familyOf(vendor, family, model)).toBeUndefined();
});

test('without a vendor, or a model, nothing is known', () => {
  expect(identifyCpu({ family: 26, model: 2 })).toBeUndefined();
  expect(identifyCpu({ vendor: 'AuthenticAMD', family: 26 })).toBeUndefined();
});

describe('what /proc/cpuinfo says', () => {
  test('a masked name does not matter: family 26, model 2 is Turin', () => {
    const hardware = { vendorId: 'AuthenticAMD', family: '26', modelId: '2', modelName: 'AMD EPYC', stepping: '1' };
    const identity = cpuIdentityOf(hardware);
    expect(identity).toEqual({ vendor: 'AuthenticAMD', family: 26, model: 2, stepping: 1 });
    expect(identifyCpu(identity)?.familyName).toBe('EPYC 5 Turin');
  });

  test('ARM has its part in hexadecimal, and a revision that is no stepping', () => {
    const identity = cpuIdentityOf({ vendorId: 'ARM', family: '8', modelId: '0xd0c', stepping: 'r3p1' });
    expect(identity).toEqual({ vendor: 'ARM', family: 8, model: 0xd0c, stepping: undefined });
    expect(identifyCpu(identity)?.power).toBe('Neoverse N1 (Altra)');
  });

  test.each([undefined, '', ' ', 'unknown', '-1', '1.5', '1e99', 'AArch64'])('%o is no number', (text) => {
    expect(cpuIdentityOf({ vendorId: undefined, family: text, modelId: text, stepping: text })).toEqual({
      vendor: undefined,
      family: undefined,
      model: undefined,
      stepping: undefined,
    });
  });
});
