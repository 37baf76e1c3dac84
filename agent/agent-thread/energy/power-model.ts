/**
 * The power of a machine that has no counters of energy, from the family of its CPUs and from how busy they are.
 *
 * Pure: reads and keeps nothing. Runs on the agent thread and, as the public `estimatePower()`, on whichever thread of the program asks. It throws for an argument that
 * is no possible machine, and for nothing else; the agent asks with values that it has made fit before.
 */
import type { PowerEstimate, PowerModelInput } from '../../config/power-estimate.ts';
import { GridwatchError } from '../../errors.ts';
import { FAMILY_POWER, type FamilyPower, GENERIC_POWER, LOAD_CURVES, type LoadCurve } from './cpu-families.ts';
import { identifyCpu } from './cpu-identity.ts';
import { UNCERTAINTY } from './uncertainty.ts';

/** Beyond what Linux can be built for. */
const MAX_LOGICAL_CPUS = 65_536;
const MAX_FREQUENCY_RATIO = 10;

export interface CurveInput {
  readonly idleW: number;
  readonly maxW: number;
  readonly curve: LoadCurve;
  /** 0 to 1; what is outside is taken for the nearer end. */
  readonly utilization: number;
  readonly frequencyRatio?: number | undefined;
}

/**
 * Watts between idle and maximum, by the load curve. A lower clock takes energy by its square, so the utilization is reckoned by that: against RAPL the exponent
 * is 2 (1 to 3), and the clock matters more than the curve.
 */
export function curvePower({ idleW, maxW, curve, utilization, frequencyRatio = 1 }: CurveInput): number {
  const effective = Math.min(1, Math.max(0, utilization * frequencyRatio ** 2));
  const position = effective * (curve.length - 1);
  const below = Math.floor(position);
  const from = curve[below] ?? 0;
  const to = curve[below + 1] ?? from;
  return idleW + (maxW - idleW) * (from + (to - from) * (position - below));
}

/** See `estimate-power.ts`, where it is public. */
export function estimatePower(input: PowerModelInput): PowerEstimate {
  assertInput(input);
  const { logicalCpus, utilization, frequencyRatio } = input;
  const cpu = identifyCpu(input);
  const power: FamilyPower = cpu?.power === undefined ? GENERIC_POWER : FAMILY_POWER[cpu.power];
  const isFamily = power !== GENERIC_POWER;
  const idlePowerW = logicalCpus * power.idleW;
  const maxPowerW = logicalCpus * power.maxW;
  const curve = LOAD_CURVES[power.curve];
  const ofFamily = frequencyRatio === undefined ? UNCERTAINTY.blindClock : UNCERTAINTY.family;
  return {
    powerW: curvePower({ idleW: idlePowerW, maxW: maxPowerW, curve, utilization, frequencyRatio }),
    idlePowerW,
    maxPowerW,
    source: isFamily ? 'model:family' : 'model:generic',
    familyName: cpu?.familyName,
    uncertainty: isFamily ? ofFamily : UNCERTAINTY.generic,
  };
}

const isInteger = (value: unknown, min: number, max: number): boolean =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value);
const isNumberOfCpu = (value: unknown): boolean => value === undefined || isInteger(value, 0, 0xff_ff);

/** What each argument must be, and whether it is. */
const RULES: readonly (readonly [keyof PowerModelInput, string, (value: unknown) => boolean])[] = [
  ['vendor', 'a string, or left out', (value) => value === undefined || typeof value === 'string'],
  ['family', 'an integer from 0 to 65535, or left out', isNumberOfCpu],
  ['model', 'an integer from 0 to 65535, or left out', isNumberOfCpu],
  ['stepping', 'an integer from 0 to 65535, or left out', isNumberOfCpu],
  ['logicalCpus', 'an integer from 1 to 65536', (value) => isInteger(value, 1, MAX_LOGICAL_CPUS)],
  ['utilization', 'a number from 0 to 1', (value) => isNumber(value) && value >= 0 && value <= 1],
  [
    'frequencyRatio',
    'a number above 0, up to 10, or left out',
    (value) => value === undefined || (isNumber(value) && value > 0 && value <= MAX_FREQUENCY_RATIO),
  ],
];

function assertInput(input: PowerModelInput): void {
  if (typeof input !== 'object' || input === null) throw optionError('the argument', input, 'an object');
  for (const [name, range, isRight] of RULES) {
    const value: unknown = input[name];
    if (!isRight(value)) throw optionError(name, value, range);
  }
}

function optionError(name: string, value: unknown, range: string): GridwatchError {
  return new GridwatchError('ERR_GRIDWATCH_OPTION', `estimatePower: ${name} is ${shown(value)}; it must be ${range}`);
}

/** Nothing of the program's runs for it: of an object only that it is one. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'number' || value === null || value === undefined ? `${value}` : typeof value;
}
