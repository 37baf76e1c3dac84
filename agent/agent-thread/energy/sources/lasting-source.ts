/**
 * The source that is read, for as long as it lasts: when one that measures has broken for good, the next best one is read in its place.
 *
 * Runs on the agent thread, once a second. It must never throw. What holds:
 *
 * - C1. A source is broken when for half a minute, and in at least ten looks, it has told of no energy: its files cannot be read, they stand still, or what they say
 *   cannot be. A process that was stopped for an hour has not looked.
 * - C2. Only what measures breaks: a model needs no more than the load, without which nothing is read at all.
 * - C3. What has broken is not chosen again, though it should come back: figures with another boundary from one minute to the next are worth less than an
 *   estimate that lasts. A program that is started anew looks anew.
 * - C4. The next one begins with the look at which it was chosen: no time is told of by both, and the time before, of which nothing was known, by none.
 */
import type { CpuLoad, EnergyBoundary, EnergyInterval, EnergySource, EnergySourceName } from './energy-source.ts';

/** Meters behind a bus that is reset, a hypervisor's program that is started anew: they are back by then. */
const MAX_SILENCE_NS = 30e9;
const MIN_SILENT_LOOKS = 10;

export interface LastingSourceSettings {
  readonly first: EnergySource;
  /** The best of those that are left; called when one has broken, with all that have. */
  readonly choose: (broken: ReadonlySet<EnergySourceName>) => EnergySource;
  /** `why`: the last of its complaints, '' where it had none. */
  readonly onChange: (broken: EnergySource, next: EnergySource, why: string) => void;
}

export class LastingSource implements EnergySource {
  readonly #settings: LastingSourceSettings;
  readonly #broken = new Set<EnergySourceName>();
  #current: EnergySource;
  #silentLooks = 0;
  /** The last look at which it told of energy, or its first one. */
  #toldNs: number | undefined;
  #silence = '';

  constructor(settings: LastingSourceSettings) {
    this.#settings = settings;
    this.#current = settings.first;
  }

  get name(): EnergySourceName {
    return this.#current.name;
  }

  get boundary(): EnergyBoundary {
    return this.#current.boundary;
  }

  get isMeasured(): boolean {
    return this.#current.isMeasured;
  }

  get idlePowerW(): number | undefined {
    return this.#current.idlePowerW;
  }

  get uncertainty(): number {
    return this.#current.uncertainty;
  }

  read(nowNs: number, load: CpuLoad): EnergyInterval | undefined {
    const interval = this.#current.read(nowNs, load);
    if (!this.#current.isMeasured || !this.#isBroken(nowNs, interval)) return interval;
    this.#replace();
    this.#toldNs = nowNs;
    this.#silentLooks = 0;
    return this.#current.read(nowNs, load);
  }

  dispose(): void {
    this.#current.dispose();
  }

  #isBroken(nowNs: number, interval: EnergyInterval | undefined): boolean {
    /* No machine draws nothing. */
    if (interval !== undefined && interval.energyUj > 0) {
      this.#toldNs = nowNs;
      this.#silentLooks = 0;
      this.#silence = '';
      return false;
    }
    this.#silence = this.#current.silence || this.#silence;
    this.#silentLooks++;
    this.#toldNs ??= nowNs;
    return nowNs - this.#toldNs >= MAX_SILENCE_NS && this.#silentLooks >= MIN_SILENT_LOOKS;
  }

  #replace(): void {
    const { choose, onChange } = this.#settings;
    const broken = this.#current;
    this.#broken.add(broken.name);
    broken.dispose();
    this.#current = choose(this.#broken);
    onChange(broken, this.#current, this.#silence);
    this.#silence = '';
  }
}
