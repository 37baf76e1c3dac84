/**
 * What every source of energy is to those who read it: a name, what it covers, how far it can be trusted, and the energy since its last good reading.
 *
 * The sources run on the agent thread, and in the process of `gridwatch doctor`, which only asks which one there would be. They read files and reckon;
 * they never throw, spawn, write or use the network. Energies are whole microjoules, and what a division leaves is carried on, so that sums are exact.
 */

/** From the best to the worst: the order in which they are tried. */
export const ENERGY_SOURCES = ['rapl', 'host', 'hwmon', 'model:tdp', 'model:family', 'model:generic'] as const;

export type EnergySourceName = (typeof ENERGY_SOURCES)[number];

/**
 * Whose energy is told. `package`: the processors; `package_dram`: with their memory; `platform`: all that the board feeds; `wall`: the machine at its
 * plug, and in a virtual machine the share of its CPUs in that; `virtual_machine`: what the hypervisor says is this machine's.
 */
export type EnergyBoundary = 'package' | 'package_dram' | 'platform' | 'wall' | 'virtual_machine';

/** Energy of all within the boundary, over the time since the last good reading. */
export interface EnergyInterval {
  readonly energyUj: number;
  readonly durationNs: number;
}

/** How busy the machine was over the time since the last good reading. */
export interface CpuLoad {
  /** Of all logical CPUs, 0 to 1. */
  readonly utilization: number;
  /** Clock against that of the reference; 1 where it is not known. */
  readonly frequencyRatio: number;
}

export interface EnergySource {
  readonly name: EnergySourceName;
  readonly boundary: EnergyBoundary;
  readonly isMeasured: boolean;
  /** What the idle machine draws by the model; undefined for a measured source, which does not know. */
  readonly idlePowerW: number | undefined;
  /** The truth lies in [value / uncertainty, value * uncertainty] with 90 %. */
  readonly uncertainty: number;
  /**
   * Undefined is a gap: this time has no energy that could be attributed. After a read that failed, the next good one covers both intervals; after a
   * reset or a suspend, it begins anew.
   */
  read(nowNs: number, load: CpuLoad): EnergyInterval | undefined;
  /** Of a source that measures: why the last look told of nothing, in words that go into a sentence; '' where it did, or had to begin. */
  readonly silence?: string;
  /** Gives back its descriptors. */
  dispose(): void;
}

/** One source that was looked for. */
export interface Considered {
  readonly name: EnergySourceName;
  readonly isUsable: boolean;
  /** What it reads, or why it cannot be had; no full stop. */
  readonly why: string;
  /** What exactly would make it usable; '' for one that is. */
  readonly step: string;
}

export type Candidate = Considered & { readonly source: EnergySource | undefined };

export function usable(source: EnergySource, why: string): Candidate {
  return { name: source.name, isUsable: true, why, step: '', source };
}

export function unusable(name: EnergySourceName, why: string, step: string): Candidate {
  return { name, isUsable: false, why, step, source: undefined };
}
