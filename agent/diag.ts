/**
 * The agent's own voice: single lines on stderr, for the person who runs the program. Any thread may use it; a line is one
 * synchronous write, because a worker's `process.stderr` goes through the main thread, which may be the one that is stuck.
 * It must never throw, never touch stdout, never wait more than a few milliseconds for a pipe that nobody empties, and
 * never let a control character from the program through to a terminal.
 */

import type { LogMode } from './config/options.ts';

/* Not an import statement: Node evaluates every export of a built-in for one, which costs the main thread milliseconds. */
const { writeSync } = process.getBuiltinModule('node:fs');

export type DiagFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Diag {
  info(message: string, fields?: DiagFields): void;
  warn(message: string, fields?: DiagFields): void;
  error(message: string, fields?: DiagFields): void;
  /** This voice the first time it is asked for `key`, and one that says nothing from then on. */
  once(key: string): Diag;
}

/** Where lines go and when; left out, they go to file descriptor 2, now. */
export interface DiagSettings {
  /** Writes as many of the bytes as it can and returns how many; throws as `fs.writeSync` does. */
  readonly write?: (bytes: Uint8Array) => number;
  readonly isTerminal?: () => boolean;
  readonly nowMs?: () => number;
}

export function createDiag(mode: LogMode, settings: DiagSettings = {}): Diag {
  return mode === 'off' ? SILENT : new StderrDiag(mode, settings);
}

type Level = 'info' | 'warn' | 'error';

/** Linux writes up to 4096 bytes to a pipe in one piece: a longer line could have another writer's text in its middle. */
const MAX_LINE_BYTES = 4096;
/** A message this long fits, even if every character of it has to be escaped with six. */
const MAX_CUT_MESSAGE_CHARS = 600;
/** Keys remembered by `once`; beyond, the oldest is forgotten, and may be heard again. */
const MAX_KEYS = 1000;
/** How often a full pipe is tried again, a millisecond apart, before the line is given up and counted. */
const MAX_RETRIES = 5;

const SILENT: Diag = { info: () => {}, warn: () => {}, error: () => {}, once: () => SILENT };

/** Taken at load, before the agent replaces `Atomics.wait` with one that would count this as the program's wait. */
const atomicsWait = Atomics.wait;

class StderrDiag implements Diag {
  readonly #mode: LogMode;
  readonly #write: (bytes: Uint8Array) => number;
  readonly #isTerminal: () => boolean;
  readonly #nowMs: () => number;
  readonly #keys = new Set<string>();
  #isText: boolean | undefined;
  #droppedLines = 0;

  constructor(mode: LogMode, settings: DiagSettings) {
    this.#mode = mode;
    this.#write = settings.write ?? ((bytes) => writeSync(2, bytes));
    this.#isTerminal = settings.isTerminal ?? isStderrTerminal;
    this.#nowMs = settings.nowMs ?? Date.now;
  }

  info(message: string, fields?: DiagFields): void {
    this.#say('info', message, fields);
  }

  warn(message: string, fields?: DiagFields): void {
    this.#say('warn', message, fields);
  }

  error(message: string, fields?: DiagFields): void {
    this.#say('error', message, fields);
  }

  once(key: string): Diag {
    if (this.#keys.has(key)) return SILENT;
    if (this.#keys.size >= MAX_KEYS) {
      for (const oldest of this.#keys) {
        this.#keys.delete(oldest);
        break;
      }
    }
    this.#keys.add(key);
    return this;
  }

  #say(level: Level, message: string, fields: DiagFields = {}): void {
    try {
      const all = this.#droppedLines === 0 ? fields : { ...fields, droppedLines: this.#droppedLines };
      let line = Buffer.from(this.#format(level, message.slice(0, MAX_LINE_BYTES), all));
      if (line.length > MAX_LINE_BYTES) {
        line = Buffer.from(this.#format(level, message.slice(0, MAX_CUT_MESSAGE_CHARS), { cut: true }));
      }
      this.#writeLine(line);
      this.#droppedLines = 0;
    } catch {
      this.#droppedLines++;
    }
  }

  #format(level: Level, message: string, fields: DiagFields): string {
    this.#isText ??= this.#mode === 'text' || (this.#mode === 'auto' && this.#isTerminal());
    return this.#isText
      ? `gridwatch: ${formatText(message, fields)}\n`
      : `${formatJson(new Date(this.#nowMs()).toISOString(), level, message, fields)}\n`;
  }

  #writeLine(line: Uint8Array): void {
    let rest = line;
    for (let retries = 0; rest.length > 0; ) {
      const writtenBytes = this.#tryWrite(rest);
      rest = rest.subarray(writtenBytes);
      if (writtenBytes > 0) continue;
      // A reader who was not there for the last line is not waited for again.
      if (++retries > (this.#droppedLines === 0 ? MAX_RETRIES : 0)) throw new Error('nobody empties the pipe');
      atomicsWait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }

  /** 0 when the pipe is full. */
  #tryWrite(bytes: Uint8Array): number {
    try {
      return this.#write(bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }
}

/** Asked for only when there is something to say: `node:tty` takes 3 ms to load. `process.stderr` would open the stream. */
function isStderrTerminal(): boolean {
  return process.getBuiltinModule('node:tty').isatty(2);
}

function formatText(message: string, fields: DiagFields): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  const suffix = pairs.length === 0 ? '' : ` (${pairs.map(([name, value]) => `${name}=${value}`).join(', ')})`;
  return escapeControls(message + suffix);
}

/** A field that is named like one of the four that every line has gets an underscore. */
function formatJson(time: string, level: Level, message: string, fields: DiagFields): string {
  const line: Record<string, unknown> = { time, level, source: 'gridwatch', message };
  for (const [name, value] of Object.entries(fields)) line[name in line ? `_${name}` : name] = value;
  return escapeControls(JSON.stringify(line));
}

/** Also DEL, C1, line separators and the marks that turn the direction of writing, all of which JSON lets through. */
function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
