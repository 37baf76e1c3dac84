/**
 * A model whose slope is measured: while the machine runs on its battery alone, what it draws at different loads tells how much more a busy CPU takes.
 *
 * Runs on the agent thread, once a second. It must never throw. A battery feeds the whole laptop, screen and all, so that what it gives at any one moment says nothing of
 * the CPUs; what it gives *more* when they work more does (`load-regression.ts`). What holds:
 *
 * - B1. Only the watts between idle and busy are taken from the battery. The model's idle watts stay, and are never more than what the whole machine draws without any load.
 * - B2. A window is half a minute of nothing but the battery, and counts only when the load was about the same in each five seconds of it, of the half minute before and of the
 *   five seconds after: gauges show means of the last ten seconds to a minute (https://www.amas.sh/power-readings-desmoothed), and a step at the end of a window would be seen
 *   in the power of one look, and hardly in the load.
 * - B3. A line is believed with loads that differ, a slope that is known to a tenth, and only as far from the model's as models are ever off: what is further has another
 *   cause, such as a gauge with another unit. What is not believed changes nothing.
 * - B4. What was told is not told anew: the watts are those of the time from which on they were known. They stay when the machine is plugged in.
 * - B5. The bounds are those of a measurement for the active part and those of the model for the idle part, by how much of the energy each is.
 * - B6. In the window after half a minute of its load a slow gauge may still show a part of the load before. As soon as there are enough windows that came after a minute, they
 *   alone make the line; before, the bounds are wider.
 */
import type { Battery } from '../battery.ts';
import { type LoadLine, LoadRegression } from '../load-regression.ts';
import { combinedFactor, factorOf, factorOfSum, UNCERTAINTY } from '../uncertainty.ts';
import type { CpuLoad, EnergyBoundary, EnergyInterval, EnergySourceName } from './energy-source.ts';
import type { ModelledSource } from './modelled.ts';

const LOOK_INTERVAL_NS = 5e9;
/** Half a minute. */
const WINDOW_PARTS = 6;
/** Nobody has looked for so long that the load in between was not one. */
const MAX_INTERVAL_NS = 3e9;
/** Of the way from idle to busy: what is further from the window's mean is another load. */
const SAME_LOAD = 0.15;
/** With the loads of a machine that is half of the time idle and half of it a fifth busy. */
const MIN_SPREAD = 0.1;
const MAX_RELATIVE_ERROR = 0.1;
/** The generic model is off by 3.5 with 90 %, so by more than 5 in one of thirty machines; a gauge in milliamperes, by a thousand. */
const MAX_FACTOR = 5;

export interface CalibratedSettings {
  readonly model: ModelledSource;
  readonly battery: Pick<Battery, 'powerW' | 'dispose'>;
  readonly isClockKnown: boolean;
}

interface Watts {
  readonly idleW: number;
  readonly spanW: number;
}

/** The mean load of five seconds, and what was drawn at their end. */
interface Part {
  readonly load: number;
  readonly powerW: number;
}

export class CalibratedModel implements ModelledSource {
  readonly name: EnergySourceName;
  readonly boundary: EnergyBoundary;
  readonly isMeasured = false;
  readonly #settings: CalibratedSettings;
  readonly #modelled: Watts;
  readonly #looks = new LoadRegression(MIN_SPREAD);
  /** Of these, those that came after a minute of the same load, not half of one: B6. */
  readonly #settledLooks = new LoadRegression(MIN_SPREAD);
  #windowsInARow = 0;
  #isSettled = false;
  #calibrated: Watts | undefined;
  #activeFactor = 1;
  /** Of what was told since it is calibrated. */
  #activeUj = 0;
  #idleUj = 0;
  #remainderUj = 0;
  /** What was seen since the load was another one, five seconds each: of a minute at most. */
  #parts: Part[] = [];
  /** Since the last look at the battery. */
  #runNs = 0;
  #shareNs = 0;
  #lookNs = Number.NEGATIVE_INFINITY;

  constructor(settings: CalibratedSettings) {
    const { idlePowerW, maxPowerW, name, boundary } = settings.model;
    this.name = name;
    this.boundary = boundary;
    this.#settings = settings;
    this.#modelled = { idleW: idlePowerW, spanW: maxPowerW - idlePowerW };
  }

  get idlePowerW(): number {
    return this.#watts.idleW;
  }

  get maxPowerW(): number {
    return this.#watts.idleW + this.#watts.spanW;
  }

  get uncertainty(): number {
    const { uncertainty } = this.#settings.model;
    if (this.#activeUj + this.#idleUj === 0) return uncertainty;
    const active = { value: this.#activeUj, factor: this.#activeFactor };
    return Math.min(uncertainty, factorOfSum([active, { value: this.#idleUj, factor: uncertainty }]));
  }

  read(nowNs: number, load: CpuLoad): EnergyInterval | undefined {
    const interval = this.#settings.model.read(nowNs, load);
    if (interval === undefined) return undefined;
    const { energyUj, durationNs } = interval;
    const { idleW, spanW } = this.#modelled;
    const share = spanW > 0 ? Math.min(1, Math.max(0, ((energyUj * 1e3) / durationNs - idleW) / spanW)) : 0;
    const told = this.#tell(share, durationNs);
    this.#watch(nowNs, share, durationNs);
    return told;
  }

  dispose(): void {
    this.#settings.model.dispose();
    this.#settings.battery.dispose();
  }

  get #watts(): Watts {
    return this.#calibrated ?? this.#modelled;
  }

  #tell(share: number, durationNs: number): EnergyInterval {
    const { idleW, spanW } = this.#watts;
    const idleUj = (idleW * durationNs) / 1e3;
    const activeUj = (spanW * share * durationNs) / 1e3;
    if (this.#calibrated !== undefined) {
      this.#idleUj += idleUj;
      this.#activeUj += activeUj;
    }
    const exactUj = idleUj + activeUj + this.#remainderUj;
    const energyUj = Math.floor(exactUj);
    this.#remainderUj = exactUj - energyUj;
    return { energyUj, durationNs };
  }

  #watch(nowNs: number, share: number, durationNs: number): void {
    this.#runNs += durationNs;
    this.#shareNs += share * durationNs;
    const hasMissed = durationNs > MAX_INTERVAL_NS;
    if (hasMissed) this.#forget();
    if (nowNs - this.#lookNs < LOOK_INTERVAL_NS) return;
    const isFirst = this.#lookNs === Number.NEGATIVE_INFINITY;
    this.#lookNs = nowNs;
    const part = { load: this.#shareNs / this.#runNs, powerW: this.#settings.battery.powerW() };
    this.#runNs = this.#shareNs = 0;
    if (part.powerW === undefined) this.#forget();
    else if (!hasMissed && !isFirst) this.#add(part.load, part.powerW);
  }

  #add(load: number, powerW: number): void {
    this.#parts.push({ load, powerW });
    if (this.#parts.length <= 2 * WINDOW_PARTS) return;
    const window = this.#parts.slice(WINDOW_PARTS, 2 * WINDOW_PARTS);
    const mean = (of: 'load' | 'powerW'): number => window.reduce((sum, part) => sum + part[of], 0) / WINDOW_PARTS;
    const meanLoad = mean('load');
    if (this.#parts.every((part) => Math.abs(part.load - meanLoad) <= SAME_LOAD)) {
      this.#parts = this.#parts.slice(WINDOW_PARTS);
      this.#looks.add(meanLoad, mean('powerW'));
      if (++this.#windowsInARow > 1) this.#settledLooks.add(meanLoad, mean('powerW'));
      this.#calibrate();
    } else {
      this.#parts.shift();
      this.#windowsInARow = 0;
    }
  }

  #forget(): void {
    this.#parts.length = 0;
    this.#windowsInARow = 0;
  }

  #calibrate(): void {
    const settled = this.#believed(this.#settledLooks.line());
    if (settled === undefined && this.#isSettled) return;
    this.#isSettled = settled !== undefined;
    const line = settled ?? this.#believed(this.#looks.line());
    if (line === undefined) return;
    this.#calibrated = { idleW: Math.min(this.#modelled.idleW, line.idleW), spanW: line.spanW };
    /* A slope that follows no clock is that of the clocks at which it was seen. */
    const slope = this.#settings.isClockKnown ? UNCERTAINTY.calibrated : UNCERTAINTY.family;
    const lag = this.#isSettled ? 1 : UNCERTAINTY.slowGauge;
    this.#activeFactor = combinedFactor([slope, lag, UNCERTAINTY.batteryBoundary, factorOf(line.relativeError ** 2)]);
  }

  #believed(line: LoadLine | undefined): LoadLine | undefined {
    if (line === undefined || !(line.idleW > 0) || line.relativeError > MAX_RELATIVE_ERROR) return undefined;
    const factor = line.spanW / this.#modelled.spanW;
    return factor <= MAX_FACTOR && factor >= 1 / MAX_FACTOR ? line : undefined;
  }
}
