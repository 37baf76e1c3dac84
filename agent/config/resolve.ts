/**
 * From the environment and the options of `start()` to one `Config`, with everything that was wrong on the way. Runs on
 * the application's main thread before its first line, so it must be quick, and must never throw, whatever it is given:
 * a bad value is named with its range and ignored, and the next best one (option, then variable, then default) holds.
 * The agent thread resolves what is changed later by the same rules.
 */

import { describeKind, formatValue, type Kind, SETTINGS } from './env.ts';
import type { Config, Feature, GridwatchOptions } from './options.ts';
import { suggestName } from './suggest.ts';

/** One thing that is wrong in the settings. */
export interface Problem {
  /** The variable or option, as the user wrote it. */
  readonly name: string;
  /** What was given, printable and short. Empty for a name that is not ours: its value is none of our business. */
  readonly value: string;
  /** What would be accepted. For a name that is not ours: the nearest one that is, or nothing. */
  readonly expected: string;
  /** What holds instead. Empty when the setting is not configured at all. */
  readonly holds: string;
  /** All of this in one sentence. */
  readonly message: string;
}

export interface Resolution {
  readonly config: Config;
  readonly problems: readonly Problem[];
}

/** No environment holds more than 128 KiB in one string; no setting of ours comes near. */
const MAX_TEXT_CHARS = 32_768;
const MAX_LIST_ENTRIES = 1000;
const MAX_SHOWN_CHARS = 80;
const PREFIX = 'GRIDWATCH_';

type Option = keyof Config;
type Values = { -readonly [K in Option]: Config[K] };
type Reject = (given: unknown) => void;

interface Fault {
  readonly name: string;
  readonly given: string;
  readonly expected: string;
  readonly option: Option | undefined;
}

const OPTIONS = Object.keys(SETTINGS) as Option[];
const OPTION_OF_NAME: ReadonlyMap<string, Option> = new Map(OPTIONS.map((option) => [option, option]));
const OPTION_OF_VARIABLE: ReadonlyMap<string, Option> = new Map(
  OPTIONS.map((option) => [SETTINGS[option].variable, option]),
);
const DEFAULTS = Object.fromEntries(OPTIONS.map((option) => [option, SETTINGS[option].byDefault])) as unknown as Config;

/** Where settings come from. */
interface Source {
  readonly what: string;
  readonly settings: unknown;
  /** Gives the table in which a name must stand, or nothing for a name that does not concern us. */
  readonly ours: (name: string) => ReadonlyMap<string, Option> | undefined;
}

/**
 * @param env - `process.env`, of which only `GRIDWATCH_*` is looked at. An empty variable counts as not given.
 * @param options - those of `start()`; each overrides its variable.
 */
export function resolveConfig(
  env: Readonly<Record<string, string | undefined>>,
  options?: GridwatchOptions,
): Resolution {
  const fromEnv: Source = {
    what: 'the environment',
    settings: env,
    ours: (name) => (name.startsWith(PREFIX) ? OPTION_OF_VARIABLE : undefined),
  };
  if (options === undefined) return resolve(DEFAULTS, [fromEnv]);
  return resolve(DEFAULTS, [
    fromEnv,
    { what: 'the options of start()', settings: options, ours: () => OPTION_OF_NAME },
  ]);
}

/** A configuration with some options changed: only those of `changeable`, named as for `start()`. A bad one stays as it is. */
export function resolveChange(base: Config, change: unknown, changeable: readonly Option[]): Resolution {
  const table = new Map(changeable.map((option) => [option as string, option]));
  return resolve(base, [{ what: 'the change', settings: change, ours: () => table }]);
}

function resolve(base: Config, sources: readonly Source[]): Resolution {
  const values: Values = { ...base };
  const names = new Map<Option, string>();
  const faults: Fault[] = [];
  for (const { what, settings, ours } of sources) readSettings(what, settings, ours);
  checkPower();
  checkCarbon();
  return { config: Object.freeze(values), problems: faults.map((fault) => toProblem(fault, values)) };

  function readSettings(what: string, source: unknown, ours: Source['ours']): void {
    let keys: readonly string[];
    try {
      if (typeof source !== 'object' || source === null || Array.isArray(source)) throw new TypeError('not an object');
      keys = Object.keys(source);
    } catch {
      faults.push({ name: what, given: show(source), expected: 'an object that can be read', option: undefined });
      return;
    }
    for (const name of keys) {
      const table = ours(name);
      if (table === undefined) continue;
      const option = table.get(name);
      if (option === undefined) {
        faults.push({ name, given: '', expected: suggestName(name, table.keys()) ?? '', option });
      } else {
        readSetting(name, option, source as Readonly<Record<string, unknown>>);
      }
    }
  }

  function readSetting(name: string, option: Option, source: Readonly<Record<string, unknown>>): void {
    const { kind } = SETTINGS[option];
    const reject: Reject = (given) => {
      faults.push({ name, given: show(given), expected: describeKind(kind), option });
    };
    let given: unknown = UNREADABLE;
    try {
      given = source[name];
      if (given === undefined || (typeof given === 'string' && given.trim() === '')) return;
      const value = parse(kind, given, reject);
      if (value === undefined) return;
      (values as Record<Option, unknown>)[option] = value;
      names.set(option, name);
    } catch {
      reject(given);
    }
  }

  /** What the hardware has cost is a part of the carbon, and never all of it. */
  function checkCarbon(): void {
    const { carbonIntensity, carbonEmbodied } = values;
    if (carbonEmbodied === undefined || carbonIntensity !== undefined) return;
    values.carbonEmbodied = DEFAULTS.carbonEmbodied;
    const name = names.get('carbonEmbodied') ?? SETTINGS.carbonEmbodied.variable;
    const expected = `${SETTINGS.carbonIntensity.variable} beside it: without one there is no carbon metric`;
    faults.push({ name, given: show(carbonEmbodied), expected, option: 'carbonEmbodied' });
  }

  /** Of equal ones nothing is left for the work. */
  function checkPower(): void {
    const { powerIdleW, powerMaxW } = values;
    if (powerIdleW === undefined || powerMaxW === undefined || powerIdleW < powerMaxW) return;
    values.powerIdleW = DEFAULTS.powerIdleW;
    values.powerMaxW = DEFAULTS.powerMaxW;
    const name = names.get('powerIdleW') ?? SETTINGS.powerIdleW.variable;
    const expected = `less than ${names.get('powerMaxW')}, which is ${powerMaxW} W; both are ignored`;
    faults.push({ name, given: show(powerIdleW), expected, option: 'powerIdleW' });
  }
}

/** The value, or `undefined` when nothing of it can be used; every part that cannot is handed to `reject`. */
function parse(kind: Kind, given: unknown, reject: Reject): unknown {
  const value = parseWhole(kind, given, reject);
  if (value === undefined && kind.type !== 'list' && kind.type !== 'features') reject(given);
  return value;
}

function parseWhole(kind: Kind, given: unknown, reject: Reject): unknown {
  if (kind.type === 'list') {
    const entries = parseEntries(given, kind, reject);
    return entries && Object.freeze([...entries]);
  }
  if (kind.type === 'features') return parseFeatures(given, kind.choices as readonly Feature[], reject);
  if (kind.type === 'boolean') return typeof given === 'boolean' ? given : BOOLEANS.get(wordOf(given));
  if (kind.type === 'choice') return kind.choices.find((choice) => choice === wordOf(given));
  if (kind.type === 'path') return parsePath(given);
  if (kind.type === 'seed' && wordOf(given) === 'off') return 'off';
  return parseNumber(given, kind.min, kind.max, kind.type !== 'number');
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
]);

function wordOf(given: unknown): string {
  return isText(given) ? given.trim().toLowerCase() : '';
}

function isText(given: unknown): given is string {
  return typeof given === 'string' && given.length <= MAX_TEXT_CHARS;
}

function parseNumber(given: unknown, min: number, max: number, mustBeWhole: boolean): number | undefined {
  const number = isText(given) ? Number(given) : given;
  if (typeof number !== 'number' || !(number >= min && number <= max)) return undefined;
  if (mustBeWhole && !Number.isInteger(number)) return undefined;
  return number === 0 ? 0 : number;
}

/** No file system takes a path with a NUL in it, and Node throws on one. */
function parsePath(given: unknown): string | undefined {
  return isText(given) && !given.includes('\0') ? given.trim() : undefined;
}

type ListKind = Pick<Extract<Kind, { readonly type: 'list' }>, 'choices' | 'form'>;

/** The distinct entries of a list; those that are no text, not among the choices or of another form are rejected one by one. */
function parseEntries(given: unknown, { choices, form }: ListKind, reject: Reject): Set<string> | undefined {
  const list: unknown = isText(given) ? given.split(',') : given;
  if (!Array.isArray(list) || list.length > MAX_LIST_ENTRIES) {
    reject(given);
    return undefined;
  }
  const entries = new Set<string>();
  let hasRejected = false;
  for (let i = 0; i < list.length; i++) {
    const item: unknown = list[i];
    const text = isText(item) ? item.trim() : undefined;
    if (text === '') continue;
    const known = choices ? choices.find((choice) => choice.toLowerCase() === text?.toLowerCase()) : text;
    const entry = known !== undefined && (form?.test(known) ?? true) ? known : undefined;
    if (entry === undefined) {
      hasRejected = true;
      reject(item);
    } else {
      entries.add(entry);
    }
  }
  return hasRejected && entries.size === 0 ? undefined : entries;
}

/** Names without a minus leave only themselves; then those with a minus are taken out, wherever they stand. */
function parseFeatures(given: unknown, features: readonly Feature[], reject: Reject): Config['features'] | undefined {
  const switches = ['all', ...features];
  const entries = parseEntries(given, { choices: [...switches, ...switches.map((name) => `-${name}`)] }, reject);
  if (entries === undefined) return undefined;
  const hasAll = entries.has('all') || switches.every((name) => !entries.has(name));
  const isOn = (feature: Feature): boolean =>
    (hasAll || entries.has(feature)) && !entries.has('-all') && !entries.has(`-${feature}`);
  return Object.freeze(Object.fromEntries(features.map((feature) => [feature, isOn(feature)]))) as Config['features'];
}

const UNREADABLE = Symbol('a value that cannot be read');

/** Any value, printable and short. It asks an object for nothing, because the answer could be an exception. */
function show(given: unknown): string {
  if (typeof given === 'string') {
    return JSON.stringify(given.length > MAX_SHOWN_CHARS ? `${given.slice(0, MAX_SHOWN_CHARS)}...` : given);
  }
  if (typeof given === 'object' && given !== null) return 'an object';
  if (typeof given === 'function') return 'a function';
  if (given === UNREADABLE) return 'a value that cannot be read';
  return typeof given === 'symbol' ? 'a symbol' : String(given);
}

function toProblem({ name, given, expected, option }: Fault, values: Values): Problem {
  if (option === undefined && given === '') {
    const hint = expected && `; did you mean ${expected}?`;
    return { name, value: '', expected, holds: '', message: `${name} is not a setting and is ignored${hint}` };
  }
  const holds = option === undefined ? '' : formatValue(values[option]);
  const rest = option === undefined ? 'it is left out' : holds === '' ? 'it stays unset' : `${holds} holds`;
  const message = `${name}: ${given} is ignored (expected ${expected}); ${rest}`;
  return { name, value: given, expected, holds, message };
}
