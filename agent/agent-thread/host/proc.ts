/**
 * Files of `/proc` and `/sys` that are read again and again: one buffer for all, descriptors that stay open, 1-3 us a read.
 *
 * Runs on the agent thread. It must never throw, whatever is missing, forbidden or gone, never wait for a file, and never write. What was
 * read stands in the tree's one buffer until the next read of any of its files.
 */
import * as nodeFs from 'node:fs';
import type { DisabledReason } from '../telemetry/catalog.ts';

/** Told once for each feature that this machine does not let us have. */
export type ReportUnavailable = (feature: string, reason: DisabledReason, detail: string) => void;

export type FileAccess = Pick<typeof nodeFs, 'openSync' | 'readSync' | 'closeSync' | 'readdirSync'>;

export interface ProcTreeSettings {
  /** `/proc`; tests have a tree of their own. */
  readonly root?: string;
  readonly fs?: FileAccess;
  /** Whose files stand below `self`; those of this process by default. */
  readonly self?: number | undefined;
  /** Descriptors that may stay open. Beyond, a file is opened for each read, which costs 4-5 us instead of 1-2. */
  readonly maxOpenFiles?: number;
}

/** The descriptors belong to the program too: with 128 threads at two files each there are still hundreds left of the usual 1024. */
const MAX_OPEN_FILES = 256;

/** Enough for the per-CPU lines of `/proc/stat` on 512 CPUs; a thread's files are below 2 KiB. */
const BUFFER_BYTES = 64 * 1024;

/** Whoever chooses a root may have a pipe in it: without a writer its `open` would wait for one, and the agent thread with it. A pipe cannot be read from its beginning. */
const OPEN_FLAGS = nodeFs.constants.O_RDONLY | (nodeFs.constants.O_NONBLOCK ?? 0);

/** What a read returned instead of a length: the thread, or the file, is not there any more. */
const GONE = new Set(['ESRCH', 'ENOENT', 'ENOTDIR']);

export class ProcTree {
  readonly root: string;
  readonly scanner: Scanner = new Scanner(Buffer.alloc(BUFFER_BYTES));
  readonly fs: FileAccess;
  readonly #self: number | undefined;
  readonly #maxOpenFiles: number;
  #openFiles = 0;

  constructor(settings: ProcTreeSettings = {}) {
    this.root = settings.root ?? '/proc';
    this.fs = settings.fs ?? nodeFs;
    this.#self = settings.self;
    this.#maxOpenFiles = settings.maxOpenFiles ?? MAX_OPEN_FILES;
  }

  /** A file below the root. Nothing is opened before the first read. */
  file(path: string): ProcFile {
    return new ProcFile(this, this.#pathOf(path));
  }

  #pathOf(path: string): string {
    const isOwn = this.#self !== undefined && path.startsWith('self/');
    return `${this.root}/${isOwn ? `${this.#self}${path.slice(4)}` : path}`;
  }

  /** The names in a folder; undefined when it cannot be listed. */
  list(path: string): string[] | undefined {
    try {
      return this.fs.readdirSync(this.#pathOf(path));
    } catch {
      return undefined;
    }
  }

  /** A small file as text, opened and closed; undefined when it cannot be read. */
  readText(path: string): string | undefined {
    const file = this.file(path);
    const isRead = file.read();
    file.close();
    return isRead ? this.scanner.text() : undefined;
  }

  /** True when one more descriptor may stay open; it then counts until `giveBack`. */
  tryKeep(): boolean {
    if (this.#openFiles >= this.#maxOpenFiles) return false;
    this.#openFiles++;
    return true;
  }

  giveBack(): void {
    this.#openFiles--;
  }

  get openFiles(): number {
    return this.#openFiles;
  }
}

export class ProcFile {
  readonly path: string;
  readonly #tree: ProcTree;
  #fd = -1;
  #failure = '';

  constructor(tree: ProcTree, path: string) {
    this.#tree = tree;
    this.path = path;
  }

  /** Why the last read failed: the system's code, such as `EACCES`. */
  get failure(): string {
    return this.#failure;
  }

  /** The last read failed because the thread, or the file, does not exist. */
  get isGone(): boolean {
    return GONE.has(this.#failure);
  }

  /** Reads the file from its beginning into the tree's scanner; false, and `failure`, when that is not possible. */
  read(): boolean {
    const { fs, scanner } = this.#tree;
    let fd = this.#fd;
    let isKept = fd >= 0;
    try {
      if (!isKept) {
        fd = fs.openSync(this.path, OPEN_FLAGS);
        isKept = this.#tree.tryKeep();
        if (isKept) this.#fd = fd;
      }
      scanner.reset(fs.readSync(fd, scanner.bytes, 0, scanner.bytes.length, 0));
      this.#failure = '';
      return true;
    } catch (error) {
      this.#failure = (error as NodeJS.ErrnoException).code ?? 'unknown';
      scanner.reset(0);
      if (isKept) this.close();
      return false;
    } finally {
      if (!isKept && fd >= 0) this.#closeQuietly(fd);
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    this.#tree.giveBack();
    this.#closeQuietly(fd);
  }

  #closeQuietly(fd: number): void {
    try {
      this.#tree.fs.closeSync(fd);
    } catch {
      // A program that closes every descriptor it finds has closed this one before us.
    }
  }
}

/** Why a file that cannot be read cannot be read, in the words of `gridwatch.reason`. */
export function reasonOf(failure: string): DisabledReason {
  if (failure === 'EACCES' || failure === 'EPERM' || failure === 'ERR_ACCESS_DENIED') return 'no_permission';
  return GONE.has(failure) ? 'unsupported_platform' : 'failed';
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;

/** Reads numbers out of a buffer of ASCII without making strings of them. */
export class Scanner {
  readonly bytes: Buffer;
  #at = 0;
  #end = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Begins anew at the first byte of what was read. */
  reset(lengthBytes: number): void {
    this.#at = 0;
    this.#end = lengthBytes;
  }

  /** All that was read. */
  text(): string {
    return this.bytes.toString('latin1', 0, this.#end);
  }

  /** The byte that comes next; -1 at the end. */
  peek(): number {
    return this.#at < this.#end ? (this.bytes[this.#at] as number) : -1;
  }

  /** The next unsigned decimal number on the line; NaN when something else stands there. */
  number(): number {
    while (this.peek() === SPACE) this.#at++;
    let digit = this.peek();
    if (digit < ZERO || digit > NINE) return Number.NaN;
    let value = 0;
    do {
      value = value * 10 + (digit - ZERO);
      digit = this.bytes[++this.#at] as number;
    } while (this.#at < this.#end && digit >= ZERO && digit <= NINE);
    return value;
  }

  /** True, and past it, when `word` comes next. */
  skipWord(word: string): boolean {
    if (this.#at + word.length > this.#end) return false;
    for (let i = 0; i < word.length; i++) {
      if (this.bytes[this.#at + i] !== word.charCodeAt(i)) return false;
    }
    this.#at += word.length;
    return true;
  }

  /** Goes past the next `count` fields that are divided by single spaces. */
  skipFields(count: number): void {
    for (let left = count; left > 0 && this.#at < this.#end; this.#at++) {
      if (this.bytes[this.#at] === SPACE) left--;
    }
  }

  /** Goes past the last occurrence of a byte; false when there is none. */
  skipPastLast(byte: number): boolean {
    const at = this.bytes.lastIndexOf(byte, this.#end - 1);
    if (this.#end === 0 || at < this.#at) return false;
    this.#at = at + 1;
    return true;
  }

  /** Goes to the next line; false at the end. */
  nextLine(): boolean {
    while (this.#at < this.#end && this.bytes[this.#at] !== NEWLINE) this.#at++;
    this.#at++;
    return this.#at < this.#end;
  }
}
