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
import { setTimeout } from 'node:timers/promises';
import { AS_STARTED, MAX_CONTROL_BYTES, readControl } from '../config/control.ts';
import type { Config } from '../config/options.ts';
import type { Diag } from '../diag.ts';
import { probeThreadPool } from './host/thread-pool-probe.ts';

const LOOK_INTERVAL_NS = 10e9;
/**
 * A file system that takes longer than so many waits of so many milliseconds is not waited for. Short waits, one after the other: between two of them what was
 * read arrives, so that a thread that has no CPU, or is busy with its start, does not take itself for a file system that hangs. Nor does it take the program's
 * work for one: a wait lasts until libuv's pool, which reads the file when it is its turn, has served somebody who came later, or for so long at most.
 */
const FIRST_LOOK_WAITS = 20;
const FIRST_LOOK_WAIT_MS = 50;
const MAX_POOL_WAIT_MS = 1500;

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
  /** Resolves once the file has been looked at, or could have been for a second: before, nothing may be exported that it could have switched off. */
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
    });
    if (this.#path === undefined) this.#hasLooked();
  }

  /** To be called often; looks every ten seconds, one look at a time. */
  check(nowNs: number): void {
    if (this.#path === undefined || this.#isReading || nowNs - this.#lookedNs < LOOK_INTERVAL_NS) return;
    const isFirst = this.#lookedNs === Number.NEGATIVE_INFINITY;
    this.#lookedNs = nowNs;
    void this.#look(this.#path);
    if (isFirst) void this.#limitFirstLook();
  }

  async #limitFirstLook(): Promise<void> {
    for (let wait = 0; wait < FIRST_LOOK_WAITS && this.#isReading; wait++) {
      await setTimeout(FIRST_LOOK_WAIT_MS);
      await Promise.race([new Promise<void>(probeThreadPool), setTimeout(MAX_POOL_WAIT_MS, undefined, { ref: false })]);
    }
    this.#hasLooked();
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
    const { config: base, diag, apply } = this.#settings;
    const control = readControl(text, base);
    if (control === undefined) {
      diag.warn('the control file is not a JSON object: what held before goes on');
      return;
    }
    const { config, isOff, inForce, problems } = control;
    for (const problem of problems) diag.warn(`the control file: ${problem}`);
    apply(config, isOff);
    if (inForce !== this.#inForce) diag.info(`the control file: from now on ${inForce}`);
    this.#inForce = inForce;
  }
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
    const buffer = Buffer.alloc(MAX_CONTROL_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) return buffer.toString('utf8', 0, length);
      length += bytesRead;
      if (length > MAX_CONTROL_BYTES) throw new Error(`it is longer than ${MAX_CONTROL_BYTES} bytes`);
    }
  } finally {
    await file.close();
  }
}
