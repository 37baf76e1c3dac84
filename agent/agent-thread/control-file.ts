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
import { formatValue } from '../config/env.ts';
import { type Config, FEATURES } from '../config/options.ts';
import { resolveChange } from '../config/resolve.ts';
import type { Diag } from '../diag.ts';

const LOOK_INTERVAL_NS = 10e9;
const MAX_BYTES = 65_536;

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
  readonly #settings: ControlFileSettings;
  readonly #read: (path: string) => Promise<string | undefined>;
  #lookedNs = Number.NEGATIVE_INFINITY;
  #isReading = false;
  #text: string | undefined;
  #inForce = '';

  constructor(settings: ControlFileSettings) {
    this.#settings = settings;
    this.#read = settings.read ?? readBounded;
    this.#inForce = describe(settings.config, false);
  }

  /** To be called often; looks every ten seconds, one look at a time. */
  check(nowNs: number): void {
    const { controlFile: path } = this.#settings.config;
    if (path === undefined || this.#isReading || nowNs - this.#lookedNs < LOOK_INTERVAL_NS) return;
    this.#lookedNs = nowNs;
    void this.#look(path);
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
    const { config, problems } = resolveChange(base, change, CHANGEABLE);
    const messages = problems.map(({ message }) => message);
    if (off !== undefined && typeof off !== 'boolean') messages.push('off: expected true or false; it is left out');
    messages.push(
      ...startedWithout(change['features'], base).map((name) => `${name} was off when the program started`),
    );
    for (const message of messages) diag.warn(`the control file: ${message}`);
    this.#settings.apply(config, off === true);
    const inForce = describe(config, off === true);
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

/** Features that are asked for by name and cannot be had. */
function startedWithout(features: unknown, { features: started }: Config): string[] {
  const entries: unknown = typeof features === 'string' ? features.split(',') : features;
  if (!Array.isArray(entries)) return [];
  const names = new Set(entries.map((entry) => String(entry).trim().toLowerCase()));
  return FEATURES.filter((feature) => names.has(feature) && !started[feature]);
}

function describe(config: Config, isOff: boolean): string {
  if (isOff) return 'off';
  return CHANGEABLE.map((option) => `${option}=${formatValue(config[option])}`).join(' ');
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
