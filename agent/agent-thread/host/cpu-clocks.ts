/**
 * The clock of each CPU at this moment, by the kernel's `scaling_cur_freq`: read once a second, however many want to know.
 *
 * Runs on the agent thread, and in the process of `gridwatch doctor`. It must never throw. On some machines the kernel interrupts a CPU for each reading, which takes
 * longer than the number is worth (ENERGY.md): after three that took more than 0.2 ms no clock is read any more, for nobody.
 */
import type { ProcFile, ProcTree } from './proc.ts';

const MAX_READ_NS = 2e5;
const MAX_SLOW_READS = 3;
/** Two who look in the same second are told the same. */
const MAX_AGE_NS = 9e8;

interface Clock {
  readonly file: ProcFile;
  khz: number;
  readNs: number;
}

export interface CpuClocksSettings {
  readonly sys: ProcTree;
  readonly nowNs: () => number;
}

export class CpuClocks {
  readonly #settings: CpuClocksSettings;
  readonly #clocks = new Map<number, Clock>();
  #slowReads = 0;

  constructor(settings: CpuClocksSettings) {
    this.#settings = settings;
  }

  /** They take too long to read, and are not read any more. */
  get areGivenUp(): boolean {
    return this.#slowReads >= MAX_SLOW_READS;
  }

  pathOf(cpu: number): string {
    return this.#clockOf(cpu).file.path;
  }

  /** NaN where it cannot be read. `isOften`: the descriptor stays open, because it is wanted again in a second. */
  khz(cpu: number, isOften = false): number {
    if (this.areGivenUp) return Number.NaN;
    const { sys, nowNs } = this.#settings;
    const clock = this.#clockOf(cpu);
    const beganNs = nowNs();
    if (beganNs - clock.readNs < MAX_AGE_NS) return clock.khz;
    const khz = clock.file.read() ? sys.scanner.number() : Number.NaN;
    if (!isOften) clock.file.close();
    clock.khz = khz > 0 ? khz : Number.NaN;
    const isSlow = nowNs() - beganNs > MAX_READ_NS;
    /* One that was slow is not kept: whether the next one is, too, is to be known soon. */
    clock.readNs = isSlow ? Number.NEGATIVE_INFINITY : beganNs;
    if (isSlow) this.#slowReads++;
    if (this.areGivenUp) this.close();
    return clock.khz;
  }

  /** Gives back its descriptors; they are opened again when somebody asks. */
  close(): void {
    for (const { file } of this.#clocks.values()) file.close();
  }

  #clockOf(cpu: number): Clock {
    let clock = this.#clocks.get(cpu);
    if (clock === undefined) {
      const file = this.#settings.sys.file(`devices/system/cpu/cpu${cpu}/cpufreq/scaling_cur_freq`);
      this.#clocks.set(cpu, (clock = { file, khz: Number.NaN, readNs: Number.NEGATIVE_INFINITY }));
    }
    return clock;
  }
}
