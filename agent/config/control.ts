/**
 * What the text of a control file (`GRIDWATCH_CONTROL_FILE`) means for a program that was started with a configuration.
 *
 * Runs on the agent thread, which puts it into effect, and in the process of `gridwatch doctor`, which tells of it. It reads no file, and never throws.
 */
import { formatValue, SETTINGS } from './env.ts';
import { type Config, FEATURES } from './options.ts';
import { resolveChange } from './resolve.ts';

/** A control file is no longer than this. */
export const MAX_CONTROL_BYTES = 65_536;

/** What may be changed while the program runs; all else is decided when it starts. */
export const CHANGEABLE: readonly (keyof Config)[] = [
  'features',
  'lockThresholdMs',
  'gcThresholdMs',
  'loopThresholdMs',
  'queueThresholdMs',
  'metricsMaxSeries',
  'maxCpu',
  'maxMemoryMb',
];

/** What is in force without a control file, or with one that changes nothing. */
export const AS_STARTED = 'as when the program started';

export interface Control {
  /** What holds from now on. */
  readonly config: Config;
  readonly isOff: boolean;
  /** The same in a few words: `off`, the settings that differ, or `AS_STARTED`. */
  readonly inForce: string;
  /** What is wrong with the text: one sentence for each part that is left out. */
  readonly problems: readonly string[];
}

/** No text, or an empty one, changes nothing. Undefined for a text that is no JSON object. */
export function readControl(text: string | undefined, base: Config): Control | undefined {
  const given = text === undefined || text.trim() === '' ? {} : parseObject(text);
  if (given === undefined) return undefined;
  const { off, ...change } = given;
  const { config: resolved, problems } = resolveChange(base, change, CHANGEABLE);
  const config = { ...resolved, features: ofThoseStarted(resolved.features, base) };
  const isOff = off === true;
  return {
    config,
    isOff,
    inForce: describe(config, base, isOff),
    problems: [
      ...problems.map(({ name, message }) => (isSetting(name) ? `${name} cannot be changed here` : message)),
      ...startedWithout(change['features'], base).map(
        (name) => `${name} was off when the program started, and stays off`,
      ),
      ...(off === undefined || typeof off === 'boolean' ? [] : ['off: expected true or false; it is left out']),
    ],
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** One that is decided when the program starts. */
function isSetting(name: string): boolean {
  return Object.hasOwn(SETTINGS, name) && !CHANGEABLE.includes(name as keyof Config);
}

/** What was off when the program started has nothing in place on its threads. */
function ofThoseStarted(features: Config['features'], { features: started }: Config): Config['features'] {
  const both = FEATURES.map((feature) => [feature, features[feature] && started[feature]]);
  return Object.fromEntries(both) as Config['features'];
}

/** Features that are asked for by name and cannot be had. */
function startedWithout(features: unknown, { features: started }: Config): string[] {
  const entries: unknown = typeof features === 'string' ? features.split(',') : features;
  if (!Array.isArray(entries)) return [];
  const names = new Set(entries.map((entry) => String(entry).trim().toLowerCase()));
  return FEATURES.filter((feature) => names.has(feature) && !started[feature]);
}

function describe(config: Config, base: Config, isOff: boolean): string {
  if (isOff) return 'off';
  const changed = CHANGEABLE.map((option) => [option, formatValue(config[option]), formatValue(base[option])]);
  const texts = changed.flatMap(([option, value, before]) => (value === before ? [] : [`${option}=${value}`]));
  return texts.length === 0 ? AS_STARTED : texts.join(' ');
}
