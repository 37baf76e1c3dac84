/**
 * How fast the CPUs run, against the clock that the model's watts are for. Power grows with about the square of it, so it matters more than the curve.
 *
 * Runs on the agent thread, once a second, and in the process of `gridwatch doctor`. It must never throw, nor take more than 0.2 ms: on some machines
 * the kernel interrupts the CPU for each reading (`host/cpu-clocks.ts` has them read). Of many CPUs it reads as many as the time allows, the next ones the next time. Where that is not
 * to be had, the ratio is 1.
 *
 * The model's watts are of machines with all cores at work, and no file says which clock that is. It lies between the base clock and the greatest turbo
 * of one core, near their geometric mean: 3.3 GHz of 2.7 and 4.0 (Xeon 8280; its all-core turbo is 3.3), 2.8 of 2.25 and 3.4 (EPYC 7742).
 */
import type { CpuClocks } from '../host/cpu-clocks.ts';
import type { ProcTree } from '../host/proc.ts';

/** For the clocks of all CPUs together. */
const MAX_LOOK_NS = 2e5;

/** A CPU at its lowest clock does nothing, and says nothing of those that work. */
const LOWEST = 1.05;
const CPUFREQ = 'devices/system/cpu/cpufreq';

interface Policy {
  /** One of those whose clock it is. */
  readonly cpu: number;
  readonly minKhz: number;
  readonly referenceKhz: number;
}

export interface FrequencySettings {
  readonly sys: ProcTree;
  /** Of the same tree. */
  readonly clocks: CpuClocks;
  readonly nowNs: () => number;
}

export class FrequencyReader {
  readonly #settings: FrequencySettings;
  readonly #policies: readonly Policy[];
  readonly #ratios: number[] = [];
  #next = 0;
  #reason = '';

  constructor(settings: FrequencySettings) {
    this.#settings = settings;
    this.#policies = policiesOf(settings.sys);
    if (this.#policies.length === 0)
      this.#reason = `${settings.sys.root}/${CPUFREQ} has no clocks, as in most virtual machines`;
  }

  /** Why the ratio is 1; '' while it is read. */
  get reason(): string {
    return this.#reason;
  }

  /** The mean of the CPUs that work; 1 where it is not known. */
  ratio(): number {
    if (this.#reason === '') this.#readSome();
    if (this.#reason !== '') return 1;
    const known: number[] = [];
    const working: number[] = [];
    for (const [at, ratio] of this.#ratios.entries()) {
      if (ratio > 0) known.push(ratio);
      if (ratio > 0 && !this.#isLowest(at)) working.push(ratio);
    }
    const counted = working.length > 0 ? working : known;
    return counted.length > 0 ? counted.reduce((sum, ratio) => sum + ratio, 0) / counted.length : 1;
  }

  dispose(): void {
    this.#settings.clocks.close();
  }

  #readSome(): void {
    const { clocks, nowNs } = this.#settings;
    const beganNs = nowNs();
    let lastNs = beganNs;
    for (let left = this.#policies.length; left > 0 && lastNs - beganNs < MAX_LOOK_NS; left--) {
      const { cpu, referenceKhz } = this.#policies[this.#next] as Policy;
      const khz = clocks.khz(cpu, true);
      this.#ratios[this.#next] = khz > 0 ? khz / referenceKhz : 0;
      this.#next = (this.#next + 1) % this.#policies.length;
      lastNs = nowNs();
    }
    const isUnreadable = this.#ratios.length === this.#policies.length && this.#ratios.every((ratio) => ratio === 0);
    if (clocks.areGivenUp) this.#reason = 'a clock takes more than 0.2 ms to read';
    else if (isUnreadable) this.#reason = `${this.#settings.sys.root}/${CPUFREQ} has clocks that cannot be read`;
    if (this.#reason !== '') this.dispose();
  }

  #isLowest(at: number): boolean {
    const { minKhz, referenceKhz } = this.#policies[at] as Policy;
    return (this.#ratios[at] as number) * referenceKhz <= minKhz * LOWEST;
  }
}

function policiesOf(sys: ProcTree): Policy[] {
  const folders = (sys.list(CPUFREQ) ?? []).filter((name) => /^policy\d+$/.test(name));
  return folders.flatMap((name) => {
    const folder = `${CPUFREQ}/${name}`;
    const khz = (path: string): number => Number(sys.readText(path) ?? Number.NaN);
    const maxKhz = khz(`${folder}/cpuinfo_max_freq`);
    if (!(maxKhz > 0)) return [];
    const cpu = name.replace('policy', 'cpu');
    // intel_pstate has its base clock, AMD's and ARM's firmware has one in MHz.
    const baseKhz = khz(`${folder}/base_frequency`) || khz(`devices/system/cpu/${cpu}/acpi_cppc/nominal_freq`) * 1e3;
    const isBase = baseKhz > 0 && baseKhz <= maxKhz;
    const minKhz = khz(`${folder}/cpuinfo_min_freq`);
    return [
      {
        cpu: Number(name.slice('policy'.length)),
        minKhz: minKhz > 0 && minKhz < maxKhz ? minKhz : 0,
        referenceKhz: isBase ? Math.sqrt(baseKhz * maxKhz) : maxKhz,
      },
    ];
  });
}
