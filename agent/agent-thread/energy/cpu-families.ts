/**
 * What machines draw by the family of their CPUs, and how their power grows with their load: numbers only.
 *
 * Data; read by the power model, on the agent thread or wherever that is asked. The numbers are computed from results of SPECpower_ssj2008 that vendors have published
 * (https://www.spec.org/power_ssj2008/results/), measured at the plug of a whole server. Watts: medians of 1 088 results, by cloud-carbon-footprint/ccf-coefficients@b0032d9,
 * data/SPECpower-2026-03-09.csv, of machines of a hundred threads and more where ten or more were published, else of all: a median of fewer is one or two designs, and
 * small machines draw most for what is not CPU. Curves: means over 619 results with all load levels, by green-coding-solutions/spec-power-model@9739f29,
 * data/spec_data_cleaned_unmelted.csv. The medians and their spread are in test/fixtures/specpower/cpu-power-families.json, and a test holds this table against them.
 */

/** The share of the way from idle to maximal power at 0, 10, ... 100 % load; it begins with 0, ends with 1 and never falls. */
export type LoadCurve = readonly number[];

export type CurveName =
  | 'intel_snb_ivb'
  | 'intel_hsw_bdw'
  | 'intel_skx_clx_cpx'
  | 'intel_icx'
  | 'amd_naples'
  | 'amd_rome'
  | 'amd_milan'
  | 'client'
  | 'default_ge2015';

export const LOAD_CURVES: Readonly<Record<CurveName, LoadCurve>> = {
  intel_snb_ivb: [0, 0.12, 0.176, 0.235, 0.307, 0.375, 0.468, 0.579, 0.691, 0.868, 1],
  intel_hsw_bdw: [0, 0.183, 0.258, 0.33, 0.402, 0.464, 0.537, 0.628, 0.747, 0.879, 1],
  intel_skx_clx_cpx: [0, 0.171, 0.232, 0.293, 0.355, 0.418, 0.496, 0.595, 0.721, 0.857, 1],
  intel_icx: [0, 0.134, 0.198, 0.258, 0.309, 0.376, 0.446, 0.54, 0.684, 0.861, 1],
  amd_naples: [0, 0.264, 0.345, 0.414, 0.483, 0.557, 0.641, 0.738, 0.825, 0.912, 1],
  amd_rome: [0, 0.285, 0.373, 0.459, 0.531, 0.598, 0.658, 0.725, 0.807, 0.894, 1],
  amd_milan: [0, 0.218, 0.292, 0.359, 0.422, 0.488, 0.547, 0.607, 0.677, 0.811, 1],
  /** Servers with one desktop CPU. */
  client: [0, 0.095, 0.151, 0.198, 0.255, 0.336, 0.426, 0.528, 0.649, 0.814, 1],
  /** All machines since 2015: for families of which no results with all load levels were at hand. */
  default_ge2015: [0, 0.174, 0.237, 0.303, 0.367, 0.433, 0.514, 0.605, 0.727, 0.864, 1],
};

export interface FamilyPower {
  /** Watts a logical CPU at idle, and with all of them busy: the machine's by their number. */
  readonly idleW: number;
  readonly maxW: number;
  readonly curve: CurveName;
}

export type FamilyName =
  | 'Sandy Bridge'
  | 'Ivy Bridge'
  | 'Haswell'
  | 'Broadwell'
  | 'Skylake-SP'
  | 'Cascade Lake'
  | 'Ice Lake-SP'
  | 'Sapphire Rapids'
  | 'Emerald Rapids'
  | 'Granite Rapids'
  | 'Coffee Lake-E'
  | 'EPYC 1 Naples'
  | 'EPYC 2 Rome'
  | 'EPYC 3 Milan'
  | 'EPYC 4 Genoa/Bergamo/Siena'
  | 'EPYC 5 Turin'
  | 'Neoverse N1 (Altra)';

export const FAMILY_POWER: Readonly<Record<FamilyName, FamilyPower>> = {
  'Sandy Bridge': { idleW: 1.679, maxW: 7.894, curve: 'intel_snb_ivb' },
  'Ivy Bridge': { idleW: 1.392, maxW: 5.458, curve: 'intel_snb_ivb' },
  Haswell: { idleW: 0.657, maxW: 3.833, curve: 'intel_hsw_bdw' },
  Broadwell: { idleW: 0.53, maxW: 3.091, curve: 'intel_hsw_bdw' },
  'Skylake-SP': { idleW: 0.553, maxW: 4.327, curve: 'intel_skx_clx_cpx' },
  'Cascade Lake': { idleW: 0.638, maxW: 4.1, curve: 'intel_skx_clx_cpx' },
  'Ice Lake-SP': { idleW: 0.756, maxW: 3.878, curve: 'intel_icx' },
  'Sapphire Rapids': { idleW: 0.808, maxW: 3.929, curve: 'default_ge2015' },
  'Emerald Rapids': { idleW: 0.803, maxW: 3.806, curve: 'default_ge2015' },
  'Granite Rapids': { idleW: 0.563, maxW: 2.693, curve: 'default_ge2015' },
  'Coffee Lake-E': { idleW: 1.05, maxW: 5.975, curve: 'client' },
  'EPYC 1 Naples': { idleW: 0.746, maxW: 2.328, curve: 'amd_naples' },
  'EPYC 2 Rome': { idleW: 0.437, maxW: 1.664, curve: 'amd_rome' },
  'EPYC 3 Milan': { idleW: 0.424, maxW: 1.916, curve: 'amd_milan' },
  'EPYC 4 Genoa/Bergamo/Siena': { idleW: 0.352, maxW: 1.802, curve: 'default_ge2015' },
  'EPYC 5 Turin': { idleW: 0.214, maxW: 1.178, curve: 'default_ge2015' },
  'Neoverse N1 (Altra)': { idleW: 0.617, maxW: 1.922, curve: 'default_ge2015' },
};

/** Any machine, of any family: between those of 2015 and those of today. */
export const GENERIC_POWER: FamilyPower = { idleW: 0.5, maxW: 2.5, curve: 'default_ge2015' };
