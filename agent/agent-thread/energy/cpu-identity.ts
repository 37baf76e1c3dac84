/**
 * From what a CPU says of itself to its family. By numbers alone: clouds mask names ("AMD EPYC" is Turin, "Intel(R) Xeon(R) Processor" many), and virtual machines
 * pass the numbers on.
 *
 * Pure; runs on the agent thread and wherever the model is asked. A CPU that is not here is unknown and not taken for its neighbour: a wrong family is worse than none.
 * Sources of the numbers: for Intel the kernel's arch/x86/include/asm/intel-family.h, by the name beside each row; for Skylake and Cascade Lake, one model of
 * several steppings, intel/perfmon's mapfile.csv; for AMD its revision guides, which are named after families and models; for ARM the kernel's arch/arm64/include/asm/cputype.h.
 */
import type { Hardware } from '../host/hardware.ts';
import type { FamilyName } from './cpu-families.ts';

export interface CpuIdentity {
  readonly vendor?: string | undefined;
  readonly family?: number | undefined;
  readonly model?: number | undefined;
  readonly stepping?: number | undefined;
}

/** `power` is the family whose watts are used; a family without one is known by name, and nothing is published of what it draws. */
export interface IdentifiedCpu {
  readonly familyName: string;
  readonly power: FamilyName | undefined;
}

/** Family 6, by model: the name, and whose watts. Where the two differ, the published results of the first are closest to those of the second. */
const INTEL: Readonly<Record<number, readonly [name: string, power: FamilyName | undefined]>> = {
  0x2a: ['Sandy Bridge-E3', 'Sandy Bridge'], // SANDYBRIDGE: Xeon E3
  0x2d: ['Sandy Bridge', 'Sandy Bridge'], // SANDYBRIDGE_X
  0x3a: ['Ivy Bridge-E3', 'Sandy Bridge'], // IVYBRIDGE: Xeon E3 v2
  0x3e: ['Ivy Bridge', 'Ivy Bridge'], // IVYBRIDGE_X
  0x3f: ['Haswell', 'Haswell'], // HASWELL_X
  0x4f: ['Broadwell', 'Broadwell'], // BROADWELL_X
  0x5e: ['Skylake-E3', 'Coffee Lake-E'], // SKYLAKE: Xeon E3 v5
  0x6a: ['Ice Lake-SP', 'Ice Lake-SP'], // ICELAKE_X
  0x6c: ['Ice Lake-D', 'Ice Lake-SP'], // ICELAKE_D
  0x8f: ['Sapphire Rapids', 'Sapphire Rapids'], // SAPPHIRERAPIDS_X
  0x9e: ['Coffee Lake-E', 'Coffee Lake-E'], // KABYLAKE: Xeon E3 v6, Xeon E-2100 and E-2200
  0xa7: ['Rocket Lake-E', 'Coffee Lake-E'], // ROCKETLAKE: Xeon E-2300
  0xad: ['Granite Rapids', 'Granite Rapids'], // GRANITERAPIDS_X
  0xaf: ['Sierra Forest', undefined], // ATOM_CRESTMONT_X
  0xcf: ['Emerald Rapids', 'Emerald Rapids'], // EMERALDRAPIDS_X
};

const SKYLAKE_X = 0x55; // SKYLAKE_X: Skylake-SP, Cascade Lake, Cooper Lake
const FIRST_CASCADE_LAKE_STEPPING = 5;

/** Vendor, family, first and last model. */
const AMD: readonly (readonly [string, number, number, number, FamilyName])[] = [
  ['authenticamd', 0x17, 0x01, 0x01, 'EPYC 1 Naples'], // guide of 17h 00h-0Fh
  ['authenticamd', 0x17, 0x31, 0x31, 'EPYC 2 Rome'], // guide of 17h 30h-3Fh
  ['authenticamd', 0x19, 0x01, 0x01, 'EPYC 3 Milan'], // guide of 19h 00h-0Fh
  ['authenticamd', 0x19, 0x11, 0x11, 'EPYC 4 Genoa/Bergamo/Siena'], // guide of 19h 10h-1Fh: Genoa
  ['authenticamd', 0x19, 0xa0, 0xaf, 'EPYC 4 Genoa/Bergamo/Siena'], // guide of 19h A0h-AFh: Bergamo, Siena
  ['authenticamd', 0x1a, 0x00, 0x1f, 'EPYC 5 Turin'], // guides of 1Ah 00h-0Fh and 10h-1Fh: Turin, Turin Dense
  ['hygongenuine', 0x18, 0x00, 0x02, 'EPYC 1 Naples'], // Dhyana, a licensed Naples
];

/**
 * Implementer and part are all that ARM's `/proc/cpuinfo` has, and all that is looked at: the firmware's tables, which would tell Graviton2 from Altra, are not in every
 * container and virtual machine. Of all these only Altra has published results, and its cores are Graviton2's: a part that several processors share has one name here.
 * The others have a name and the generic watts. Widely copied "Graviton" watts are a copy of Rome's.
 */
const ARM: Readonly<Record<string, IdentifiedCpu>> = {
  'arm 0xd0c': { familyName: 'Neoverse N1 (Altra)', power: 'Neoverse N1 (Altra)' }, // ARM_CPU_PART_NEOVERSE_N1: Graviton2, Altra
  'arm 0xd40': { familyName: 'Neoverse V1', power: undefined }, // ARM_CPU_PART_NEOVERSE_V1: Graviton3
  'arm 0xd49': { familyName: 'Neoverse N2', power: undefined }, // ARM_CPU_PART_NEOVERSE_N2: Cobalt 100, Yitian
  'arm 0xd4f': { familyName: 'Neoverse V2', power: undefined }, // ARM_CPU_PART_NEOVERSE_V2: Graviton4, Axion, Grace
  'arm 0xd84': { familyName: 'Neoverse V3', power: undefined }, // ARM_CPU_PART_NEOVERSE_V3
  'arm 0xd8e': { familyName: 'Neoverse N3', power: undefined }, // ARM_CPU_PART_NEOVERSE_N3
  'microsoft 0xd49': { familyName: 'Neoverse N2', power: undefined }, // MICROSOFT_CPU_PART_AZURE_COBALT_100
  'ampere 0xac3': { familyName: 'AmpereOne', power: undefined }, // AMPERE_CPU_PART_AMPERE1
  'ampere 0xac4': { familyName: 'AmpereOne', power: undefined }, // AMPERE_CPU_PART_AMPERE1A
  'hisilicon 0xd01': { familyName: 'Kunpeng 920', power: undefined }, // HISI_CPU_PART_TSV110
  'fujitsu 0x1': { familyName: 'A64FX', power: undefined }, // FUJITSU_CPU_PART_A64FX
  'cavium 0xaf': { familyName: 'ThunderX2', power: undefined }, // CAVIUM_CPU_PART_THUNDERX2
  // No core has this part: macOS shows it to its virtual machines, whichever processor it runs on.
  'apple 0x0': { familyName: 'Apple silicon', power: undefined },
};

/** The implementers in that table, by the kernel's code. */
const ARM_IMPLEMENTERS: Readonly<Record<string, string>> = {
  '0x41': 'arm',
  '0x43': 'cavium',
  '0x46': 'fujitsu',
  '0x48': 'hisilicon',
  '0x61': 'apple',
  '0x6d': 'microsoft',
  '0xc0': 'ampere',
};

export function identifyCpu({ vendor, family, model, stepping }: CpuIdentity): IdentifiedCpu | undefined {
  if (vendor === undefined || model === undefined) return undefined;
  const name = vendor.trim().toLowerCase();
  if (name === 'genuineintel') return family === 6 ? intelCpu(model, stepping) : undefined;
  const row = AMD.find(([of, its, from, to]) => of === name && its === family && from <= model && model <= to);
  if (row !== undefined) return named(row[4]);
  return ARM[`${ARM_IMPLEMENTERS[name] ?? name} 0x${model.toString(16)}`];
}

function intelCpu(model: number, stepping = FIRST_CASCADE_LAKE_STEPPING): IdentifiedCpu | undefined {
  if (model === SKYLAKE_X) return named(stepping < FIRST_CASCADE_LAKE_STEPPING ? 'Skylake-SP' : 'Cascade Lake');
  const row = INTEL[model];
  return row === undefined ? undefined : { familyName: row[0], power: row[1] };
}

const named = (name: FamilyName): IdentifiedCpu => ({ familyName: name, power: name });

/** What `/proc/cpuinfo` says, as numbers; what is missing, or no number, is left out. */
export function cpuIdentityOf(hardware: Pick<Hardware, 'vendorId' | 'family' | 'modelId' | 'stepping'>): CpuIdentity {
  return {
    vendor: hardware.vendorId,
    family: integerIn(hardware.family),
    model: integerIn(hardware.modelId),
    stepping: integerIn(hardware.stepping),
  };
}

/** Decimal or, as ARM's part, hexadecimal. */
function integerIn(text: string | undefined): number | undefined {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
