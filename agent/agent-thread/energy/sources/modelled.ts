/**
 * Energy by the power model: watts between idle and busy, by how busy the machine is. The normal case: virtual machines and most clouds have no counters.
 *
 * Runs on the agent thread, once a second. It must never throw. Three of them, by what is known of the watts: `model:tdp` has the processor's rated
 * power or what the user says, `model:family` what machines with such a processor draw, `model:generic` what any machine does. The shape of the curve in
 * between is the family's in all three.
 */
import type { PowerEstimate, PowerModelInput } from '../../../config/power-estimate.ts';
import type { CpuIdentity } from '../cpu-identity.ts';
import { UNCERTAINTY } from '../uncertainty.ts';
import {
  type Candidate,
  type CpuLoad,
  type EnergyBoundary,
  type EnergyInterval,
  type EnergySource,
  type EnergySourceName,
  unusable,
  usable,
} from './energy-source.ts';

export interface ModelSettings {
  /** Throws for what is no possible machine: it is only asked for others. */
  readonly estimatePower: (input: PowerModelInput) => PowerEstimate;
  readonly cpu: CpuIdentity;
  readonly logicalCpus: number;
  /** What the processors are rated at, by RAPL's constraints. */
  readonly ratedPowerW: number | undefined;
  /** What the user says that the machine draws. */
  readonly idlePowerW: number | undefined;
  readonly maxPowerW: number | undefined;
  /** Whether the loads have the clock in them. */
  readonly isClockKnown: boolean;
  /** What makes a better one of a model, where there is anything to measure it by. */
  readonly calibrate?: (model: ModelledSource) => EnergySource;
}

/** A source that knows what the machine draws at most, too. */
export interface ModelledSource extends EnergySource {
  readonly idlePowerW: number;
  readonly maxPowerW: number;
}

interface Watts {
  readonly idleW: number;
  readonly maxW: number;
}

/** The clock cannot be further from its reference: a reading beyond is a fault. */
const MIN_FREQUENCY_RATIO = 0.05;
const MAX_FREQUENCY_RATIO = 4;
const UJ_PER_W_NS = 1e-3;

interface ModelSourceSettings {
  readonly name: EnergySourceName;
  readonly boundary: EnergyBoundary;
  readonly uncertainty: number;
  readonly watts: Watts;
  readonly powerOf: (load: CpuLoad) => PowerEstimate;
}

class ModelSource implements ModelledSource {
  readonly name: EnergySourceName;
  readonly boundary: EnergyBoundary;
  readonly uncertainty: number;
  readonly isMeasured = false;
  readonly idlePowerW: number;
  readonly maxPowerW: number;
  readonly #settings: ModelSourceSettings;
  #beforeNs: number | undefined;
  #remainderUj = 0;

  constructor(settings: ModelSourceSettings) {
    this.name = settings.name;
    this.boundary = settings.boundary;
    this.uncertainty = settings.uncertainty;
    this.idlePowerW = settings.watts.idleW;
    this.maxPowerW = settings.watts.maxW;
    this.#settings = settings;
  }

  /** A load that is no number is a gap: the next good one covers both intervals. */
  read(nowNs: number, { utilization, frequencyRatio }: CpuLoad): EnergyInterval | undefined {
    const beforeNs = this.#beforeNs;
    if (beforeNs === undefined) this.#beforeNs = nowNs;
    if (beforeNs === undefined || !(nowNs > beforeNs) || !Number.isFinite(utilization)) return undefined;
    const ratio = Number.isFinite(frequencyRatio) && frequencyRatio > 0 ? frequencyRatio : 1;
    const powerW = this.#powerW({
      utilization: clamp(utilization, 0, 1),
      frequencyRatio: clamp(ratio, MIN_FREQUENCY_RATIO, MAX_FREQUENCY_RATIO),
    });
    const durationNs = nowNs - beforeNs;
    this.#beforeNs = nowNs;
    const exactUj = powerW * durationNs * UJ_PER_W_NS + this.#remainderUj;
    const energyUj = Math.floor(exactUj);
    this.#remainderUj = exactUj - energyUj;
    return { energyUj, durationNs };
  }

  dispose(): void {
    this.#beforeNs = undefined;
  }

  /** The model's point between its own idle and greatest power, between ours. */
  #powerW(load: CpuLoad): number {
    const { powerOf, watts } = this.#settings;
    const { powerW, idlePowerW, maxPowerW } = powerOf(load);
    const spanW = maxPowerW - idlePowerW;
    const share = spanW > 0 ? (powerW - idlePowerW) / spanW : 0;
    return watts.idleW + (watts.maxW - watts.idleW) * clamp(share, 0, 1);
  }
}

export function findTdpModel(settings: ModelSettings): Candidate {
  const { ratedPowerW, idlePowerW, maxPowerW } = settings;
  if (ratedPowerW === undefined && idlePowerW === undefined && maxPowerW === undefined) {
    return unusable(
      'model:tdp',
      'what the processor is rated at cannot be read, and nobody has said what the machine draws',
      'Measure the machine idle and busy, or look it up, and set GRIDWATCH_POWER_IDLE_W and GRIDWATCH_POWER_MAX_W',
    );
  }
  const model = powersOf(settings);
  const isSaid = maxPowerW !== undefined || (idlePowerW !== undefined && ratedPowerW === undefined);
  const knownMaxW = maxPowerW ?? ratedPowerW ?? model.maxPowerW;
  const idleShare = model.idlePowerW / model.maxPowerW;
  const idleW = idlePowerW ?? knownMaxW * idleShare;
  /* A machine that draws more idle than the model says has more in it that is no CPU: what its work takes is on top of that. */
  const maxW = maxPowerW ?? Math.max(knownMaxW, idleW + knownMaxW * (1 - idleShare));
  const watts = { idleW, maxW: Math.max(idleW, maxW) };
  const source = build('model:tdp', settings, settings.cpu, {
    watts,
    boundary: isSaid ? 'wall' : 'package',
    uncertainty: uncertaintyOf(settings, model),
  });
  return usable(source, `${describe(watts)}, ${origin(settings)}`);
}

/** Of watts that the user measured here the clock is left to be wrong about; of others also how far the rated power is from the greatest. */
function uncertaintyOf({ idlePowerW, maxPowerW, isClockKnown }: ModelSettings, model: PowerEstimate): number {
  const isMeasuredHere = idlePowerW !== undefined && maxPowerW !== undefined;
  if (isMeasuredHere) return isClockKnown ? UNCERTAINTY.calibrated : UNCERTAINTY.family;
  return isClockKnown && model.source === 'model:family' ? UNCERTAINTY.family : UNCERTAINTY.blindClock;
}

export function findFamilyModel(settings: ModelSettings): Candidate {
  const model = powersOf(settings);
  if (model.source === 'model:family') return usable(ofModel('model:family', settings, settings.cpu), explain(model));
  const { vendor = '', family, model: number } = settings.cpu;
  const numbers = vendor === '' ? 'this processor' : `${vendor} family ${family ?? '?'} model ${number ?? '?'}`;
  const name = model.familyName ?? numbers;
  return unusable(
    'model:family',
    `there are no published measurements of ${name}`,
    'Set GRIDWATCH_POWER_IDLE_W and GRIDWATCH_POWER_MAX_W to what the machine draws',
  );
}

/** Always there. */
export function findGenericModel(settings: ModelSettings): Candidate & { readonly source: EnergySource } {
  const source = ofModel('model:generic', settings, {});
  return { ...usable(source, explain(powersOf({ ...settings, cpu: {} }))), source };
}

/** What the machine draws idle and busy, by the model. */
export function powersOf({ estimatePower, cpu, logicalCpus, isClockKnown }: ModelSettings): PowerEstimate {
  return estimatePower({ ...cpu, logicalCpus, utilization: 0, frequencyRatio: isClockKnown ? 1 : undefined });
}

function ofModel(name: EnergySourceName, settings: ModelSettings, cpu: CpuIdentity): EnergySource {
  const { idlePowerW, maxPowerW, uncertainty } = powersOf({ ...settings, cpu });
  return build(name, settings, cpu, {
    watts: { idleW: idlePowerW, maxW: maxPowerW },
    boundary: 'wall',
    uncertainty,
  });
}

function build(
  name: EnergySourceName,
  { estimatePower, logicalCpus, calibrate }: ModelSettings,
  cpu: CpuIdentity,
  rest: Pick<ModelSourceSettings, 'watts' | 'boundary' | 'uncertainty'>,
): EnergySource {
  const powerOf = (load: CpuLoad): PowerEstimate => estimatePower({ ...cpu, logicalCpus, ...load });
  const model = new ModelSource({ ...rest, name, powerOf });
  return calibrate === undefined ? model : calibrate(model);
}

function explain({ source, familyName, idlePowerW, maxPowerW }: PowerEstimate): string {
  const whose = source === 'model:family' ? `machines with ${familyName}` : 'machines of all kinds';
  return `${describe({ idleW: idlePowerW, maxW: maxPowerW })}, by published measurements of ${whose}, for as many CPUs`;
}

function origin({ ratedPowerW, idlePowerW, maxPowerW }: ModelSettings): string {
  const idle = idlePowerW === undefined ? 'the model' : 'GRIDWATCH_POWER_IDLE_W';
  const otherwise = ratedPowerW === undefined ? 'the model' : 'the rated power';
  return `idle by ${idle}, busy by ${maxPowerW === undefined ? otherwise : 'GRIDWATCH_POWER_MAX_W'}`;
}

function describe({ idleW, maxW }: Watts): string {
  return `${round(idleW)} to ${round(maxW)} W`;
}

function round(watts: number): number {
  return Number(watts.toPrecision(3));
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
