/**
 * What `estimatePower()` is asked and what it answers. Types only; read by every thread.
 */

/** Which CPU, how many, how busy. Of the CPU, what is not known is left out. */
export interface PowerModelInput {
  /** `vendor_id` of `/proc/cpuinfo` (`GenuineIntel`, `AuthenticAMD`); for ARM `ARM`, or the `CPU implementer` as the kernel writes it (`0x41`). */
  readonly vendor?: string | undefined;
  /** `cpu family`; not looked at for ARM. */
  readonly family?: number | undefined;
  /** `model`; for ARM the `CPU part`, such as 0xd0c. */
  readonly model?: number | undefined;
  /** `stepping`. It parts Skylake-SP (0 to 4) from Cascade Lake (5 and more), which have one model; without it, it is Cascade Lake. */
  readonly stepping?: number | undefined;
  /** Logical CPUs of the machine, or of the virtual machine, which then has its share of its host: an integer, 1 to 65 536. */
  readonly logicalCpus: number;
  /** What part of the time of all these CPUs is used, 0 to 1. */
  readonly utilization: number;
  /** Their clock by the one they have when all of them are busy, above 0, to 10. Default: 1, and the bounds are those of a clock that is not known. */
  readonly frequencyRatio?: number | undefined;
}

export interface PowerEstimate {
  /** Watts at the machine's plug. */
  readonly powerW: number;
  /** Of these, what it would draw with nothing to do. */
  readonly idlePowerW: number;
  /** What it would draw with every CPU busy. */
  readonly maxPowerW: number;
  /** `model:family`: from published results of machines with such CPUs. `model:generic`: from those of all machines. */
  readonly source: 'model:family' | 'model:generic';
  /** The CPU's family, also of one of which nothing is published; undefined for one that is not known. */
  readonly familyName: string | undefined;
  /** The true value lies between `powerW / uncertainty` and `powerW * uncertainty` with 90 %. */
  readonly uncertainty: number;
}
