/**
 * The control file (`GRIDWATCH_CONTROL_FILE`): a mounted file by which whoever runs a fleet switches the agent off, or changes features, thresholds
 * and limits, in processes that go on running.
 *
 *     { "off": false, "features": "-heap", "gcThresholdMs": 50, "metricsMaxSeries": 1000 }
 *
 * Runs on the agent thread, which looks at the file every ten seconds. It reads what it is given and does nothing else: a file that is not there
 * changes nothing, one that cannot be understood leaves all as it is, and each text's problems are said once. It must never wait for a file system
 * that hangs, nor believe a file that has no end.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatValue, SETTINGS } from '../config/env.ts';
import { type Config, FEATURES } from '../config/options.ts';
import { resolveChange } from '../config/resolve.ts';
import type { Diag } from '../diag.ts';

const LOOK_INTERVAL_NS = 10e9;
/** A file system that takes longer is not waited for. */
const FIRST_LOOK_MS = 1000;
const MAX_BYTES = 65_536;
const AS_STARTED = 'as when the program started';

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

export interface ControlFileSettings {
  /** What holds without the file, and where the file is: without a path there is none. */
  readonly config: Config;
  readonly diag: Diag;
  /** Puts into effect what holds from now on. */
  readonly apply: (config: Config, isOff: boolean) => void;
  /** Gives the text; undefined when there is no such file. */
  readonly read?: (path: string) => Promise<string | undefined>;
}

export class ControlFile {
  /** Resolves once the file has been looked at, or within a second: before, nothing may be exported that it could have switched off. */
  readonly firstLook: Promise<void>;
  readonly #settings: ControlFileSettings;
  readonly #read: (path: string) => Promise<string | undefined>;
  /** Absolute: the program may change its folder. */
  readonly #path: string | undefined;
  #lookedNs = Number.NEGATIVE_INFINITY;
  #isReading = false;
  #hasLooked = (): void => {};
  #text: string | undefined;
  #inForce = AS_STARTED;

  constructor(settings: ControlFileSettings) {
    this.#settings = settings;
    this.#read = settings.read ?? readBounded;
    const { controlFile } = settings.config;
    this.#path = controlFile === undefined ? undefined : resolve(controlFile);
    this.firstLook = new Promise((hasLooked) => {
      this.#hasLooked = hasLooked;
      if (this.#path === undefined) hasLooked();
      else setTimeout(hasLooked, FIRST_LOOK_MS);
    });
  }

  /** To be called often; looks every ten seconds, one look at a time. */
  check(nowNs: number): void {
    if (this.#path === undefined || this.#isReading || nowNs - this.#lookedNs < LOOK_INTERVAL_NS) return;
    this.#lookedNs = nowNs;
    void this.#look(this.#path);
  }

  async #look(path: string): Promise<void> {
    const { diag } = this.#settings;
    this.#isReading = true;
    try {
      const text = await this.#read(path);
      if (text === this.#text) return;
      this.#text = text;
      this.#take(text);
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      diag.once(`control file ${reason}`).warn(`the control file cannot be read (${reason}): what held before goes on`);
    } finally {
      this.#isReading = false;
      this.#hasLooked();
    }
  }

  #take(text: string | undefined): void {
    const given = text === undefined || text.trim() === '' ? {} : parseObject(text);
    if (given === undefined) {
      this.#settings.diag.warn('the control file is not a JSON object: what held before goes on');
      return;
    }
    const { off, ...change } = given;
    const { config: base, diag } = this.#settings;
    const { config: resolved, problems } = resolveChange(base, change, CHANGEABLE);
    const config = { ...resolved, features: ofThoseStarted(resolved.features, base) };
    const isOff = off === true;
    const messages = [
      ...problems.map(({ name, message }) => (isSetting(name) ? `${name} cannot be changed here` : message)),
      ...startedWithout(change['features'], base).map(
        (name) => `${name} was off when the program started, and stays off`,
      ),
      ...(off === undefined || typeof off === 'boolean' ? [] : ['off: expected true or false; it is left out']),
    ];
    for (const message of messages) diag.warn(`the control file: ${message}`);
    this.#settings.apply(config, isOff);
    const inForce = describe(config, base, isOff);
    if (inForce !== this.#inForce) diag.info(`the control file: from now on ${inForce}`);
    this.#inForce = inForce;
  }
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

/** A pipe in the file's place would keep one of the process's four file threads for ever: so nothing is waited for, and only a file is read. */
async function readBounded(path: string): Promise<string | undefined> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a file');
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) return buffer.toString('utf8', 0, length);
      length += bytesRead;
      if (length > MAX_BYTES) throw new Error(`it is longer than ${MAX_BYTES} bytes`);
    }
  } finally {
    await file.close();
  }
}
