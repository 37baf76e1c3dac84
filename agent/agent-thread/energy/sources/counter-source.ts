/**
 * Energy from counters of microjoules: what RAPL, a hypervisor's directory and some hwmon chips have.
 *
 * Runs on the agent thread, once a second. It must never throw, and never tell energy that was not there: a gap is better. What holds:
 *
 * - N1. A read that fails, of any counter, leaves all of them as they were: it is not a wrap. The next good one covers the whole time.
 * - N2. A counter that went back has wrapped once, if it has a range and if what that makes could have been drawn; otherwise it was reset.
 * - N3. More than 1.5 times the greatest power over the time cannot have been drawn: reset, or asleep. All counters begin anew, nothing is told.
 * - N4. After a time in which a counter could have wrapped twice, all begin anew.
 * - N5. Counters that all stand still have not been written yet: no machine draws nothing. The next change covers the whole time.
 * - N6. One whose writer adds up steps of seconds begins at the first step: before it, how much time the step stands for is not known.
 */
import type { ProcFile, ProcTree } from '../../host/proc.ts';
import type { EnergyBoundary, EnergyInterval, EnergySource, EnergySourceName } from './energy-source.ts';
import { SuspendWatch } from './suspend.ts';

export interface EnergyCounter {
  readonly file: ProcFile;
  /** What the counter wraps at; undefined for one that never does. */
  readonly rangeUj: bigint | undefined;
  /** The most that can be drawn by what it counts. */
  readonly maxPowerW: number;
}

export interface CounterSourceSettings {
  readonly name: EnergySourceName;
  readonly boundary: EnergyBoundary;
  readonly uncertainty: number;
  /** The tree of all the counters' files. */
  readonly tree: ProcTree;
  readonly counters: readonly EnergyCounter[];
  /** `/proc`, which tells that the machine slept. */
  readonly proc: ProcTree;
  /** Written by a program, in steps of seconds, into files that may be made anew: N6, and no descriptor stays open. */
  readonly isStepped?: boolean;
}

/** How much more than the greatest power is still believed: limits are averages over seconds to minutes. */
const TOLERANCE = 1.5;
const UJ_PER_W_NS = 1e-3;

export class CounterSource implements EnergySource {
  readonly name: EnergySourceName;
  readonly boundary: EnergyBoundary;
  readonly uncertainty: number;
  readonly isMeasured = true;
  readonly idlePowerW = undefined;
  readonly #settings: CounterSourceSettings;
  readonly #suspend: SuspendWatch;
  #before: readonly bigint[] | undefined;
  #beforeNs = 0;
  #isAtStep: boolean;
  #silence = '';

  constructor(settings: CounterSourceSettings) {
    this.name = settings.name;
    this.boundary = settings.boundary;
    this.uncertainty = settings.uncertainty;
    this.#settings = settings;
    this.#suspend = new SuspendWatch(settings.proc);
    this.#isAtStep = settings.isStepped !== true;
  }

  get silence(): string {
    return this.#silence;
  }

  read(nowNs: number): EnergyInterval | undefined {
    this.#silence = '';
    const values = this.#readAll();
    if (values === undefined) return undefined;
    const hasSlept = this.#suspend.hasSlept(nowNs);
    if (this.#before === undefined || hasSlept) return this.#beginAnew(values, nowNs);
    const durationNs = nowNs - this.#beforeNs;
    if (durationNs <= 0) return undefined;
    const energyUj = this.#energySince(this.#before, values, durationNs);
    if (energyUj === undefined) {
      this.#silence = 'what its counters say cannot be: they begin anew';
      return this.#beginAnew(values, nowNs);
    }
    if (energyUj === 0n) {
      this.#silence = 'its counters stand still';
      return undefined;
    }
    this.#before = values;
    this.#beforeNs = nowNs;
    if (this.#isAtStep) return { energyUj: Number(energyUj), durationNs };
    this.#isAtStep = true;
    return undefined;
  }

  dispose(): void {
    for (const { file } of this.#settings.counters) file.close();
    this.#suspend.dispose();
  }

  #beginAnew(values: readonly bigint[], nowNs: number): undefined {
    this.#before = values;
    this.#beforeNs = nowNs;
    this.#isAtStep = this.#settings.isStepped !== true;
  }

  #readAll(): readonly bigint[] | undefined {
    const values: bigint[] = [];
    for (const { file } of this.#settings.counters) {
      const value = readCounter(file, this.#settings.tree);
      if (this.#settings.isStepped === true) file.close();
      if (value === undefined) {
        this.#silence = complaintOf(file);
        return undefined;
      }
      values.push(value);
    }
    return values;
  }

  /** Undefined when what the counters say cannot be. */
  #energySince(before: readonly bigint[], values: readonly bigint[], durationNs: number): bigint | undefined {
    let totalUj = 0n;
    for (const [at, { rangeUj, maxPowerW }] of this.#settings.counters.entries()) {
      const limitUj = TOLERANCE * maxPowerW * durationNs * UJ_PER_W_NS;
      if (rangeUj !== undefined && limitUj >= Number(rangeUj)) return undefined;
      const deltaUj = difference(before[at] as bigint, values[at] as bigint, rangeUj);
      if (deltaUj === undefined || Number(deltaUj) > limitUj) return undefined;
      totalUj += deltaUj;
    }
    return totalUj;
  }
}

/** The number in a counter's file; undefined when there is none, as in a file that is being written. */
export function readCounter(file: ProcFile, tree: ProcTree): bigint | undefined {
  if (!file.read()) return undefined;
  const digits = /^\s*(\d{1,20})\s*$/.exec(tree.scanner.text())?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}

/** Of a file that has just been read, in vain. */
export function complaintOf({ path, failure }: ProcFile): string {
  return failure === '' ? `${path} has no number in it` : `${path} cannot be read: ${failure}`;
}

function difference(before: bigint, value: bigint, rangeUj: bigint | undefined): bigint | undefined {
  if (value >= before) return value - before;
  return rangeUj === undefined || before > rangeUj ? undefined : rangeUj - before + value;
}
