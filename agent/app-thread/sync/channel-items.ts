/**
 * How an item lies in a channel's cell, and what of it survives: the whole format in one place.
 *
 * Runs on application threads. An item is measured and encoded before a cell is claimed, so that nothing of the program's runs, and nothing can be thrown,
 * while others wait for the cell.
 *
 *     number, boolean, null    as they are, -0 and NaN too
 *     string                   every string, also one with lone surrogates: a byte a character where all are ASCII, else two
 *     Uint8Array, Buffer       a copy of the bytes, of the same one of these two types; short ones share an ArrayBuffer, as those of `Buffer.from` do
 *     anything else            what `v8.serialize` keeps: plain objects, arrays, Map, Set, Date, RegExp, BigInt, typed arrays, errors, cycles; neither the
 *                              class of an object nor functions and symbols, and nothing that is shared or transferred, such as ports and buffers
 */
import { GridwatchError } from '../../errors.ts';
import { CELL } from '../../shared-memory/channel-words.ts';
import type { BlockViews } from '../../shared-memory/lock-block.ts';
import { optionError } from './lock-options.ts';

const { deserialize, serialize } = process.getBuiltinModule('node:v8');
const { markAsUntransferable } = process.getBuiltinModule('node:worker_threads');

/** Lowest four bits of the word CELL.ITEM_KIND; the others are the length in bytes. */
const Kind = { NUMBER: 0, TRUE: 1, FALSE: 2, NULL: 3, ASCII: 4, UTF16: 5, BYTES: 6, BUFFER: 7, SERIALIZED: 8 } as const;
type Kind = (typeof Kind)[keyof typeof Kind];
const KIND_BITS = 4;
const KIND_MASK = 15;

/** As the pool of `Buffer`: an ArrayBuffer of its own for each short item costs more than all the rest. */
const POOL_BYTES = 8192;
/** So many characters are copied one by one, which is then faster than a call into the engine. */
const SHORT_TEXT = 24;

/** An item that was measured, to be written later. */
export interface EncodedItem {
  readonly kind: Kind;
  readonly lengthBytes: number;
  /** A copy where the program could change them meanwhile. */
  readonly bytes: Uint8Array | undefined;
}

export class ItemWriter {
  readonly #views: BlockViews;
  readonly #buffer: Buffer;
  readonly #itemBytes: number;
  #kind: Kind = Kind.NUMBER;
  #lengthBytes = 0;
  #bytes: Uint8Array | undefined;

  constructor(views: BlockViews, itemBytes: number) {
    this.#views = views;
    this.#buffer = Buffer.from(views.buffer, views.u8.byteOffset, views.u8.byteLength);
    this.#itemBytes = itemBytes;
  }

  /**
   * Prepares an item for `write`.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_ITEM_TOO_LARGE`; `ERR_GRIDWATCH_ITEM_TYPE` for what cannot be serialised
   */
  measure(item: unknown): void {
    this.#bytes = undefined;
    this.#lengthBytes = 0;
    if (typeof item === 'number') this.#kind = Kind.NUMBER;
    else if (typeof item === 'string') this.#measureText(item);
    else if (item === true) this.#kind = Kind.TRUE;
    else if (item === false) this.#kind = Kind.FALSE;
    else if (item === null) this.#kind = Kind.NULL;
    else if (item === undefined)
      throw optionError('undefined cannot be sent: it is what tryReceive says where there is nothing');
    else this.#measureBytes(item);
    if (this.#lengthBytes <= this.#itemBytes) return;
    this.#bytes = undefined;
    throw new GridwatchError(
      'ERR_GRIDWATCH_ITEM_TOO_LARGE',
      `the item takes ${this.#lengthBytes} bytes; the channel's itemBytes is ${this.#itemBytes}: make the channel with more, everywhere, or send the item in parts`,
    );
  }

  /** Keeps what was measured last, while others are. */
  keep(): EncodedItem {
    const bytes = this.#kind === Kind.SERIALIZED ? this.#bytes : this.#bytes?.slice();
    return { kind: this.#kind, lengthBytes: this.#lengthBytes, bytes };
  }

  resume({ kind, lengthBytes, bytes }: EncodedItem): void {
    this.#kind = kind;
    this.#lengthBytes = lengthBytes;
    this.#bytes = bytes;
  }

  /** Writes the item that was measured last into a cell of the caller's. */
  write(item: unknown, cellAt: number): void {
    const { i32, f64, u8 } = this.#views;
    const at = cellAt + CELL.ITEM;
    const length = this.#lengthBytes;
    i32[(cellAt + CELL.ITEM_KIND) >> 2] = this.#kind | (length << KIND_BITS);
    switch (this.#kind) {
      case Kind.NUMBER:
        f64[at >> 3] = item as number;
        break;
      case Kind.ASCII:
        if (length > SHORT_TEXT) this.#buffer.write(item as string, at, length, 'latin1');
        else for (let i = 0; i < length; i++) u8[at + i] = (item as string).charCodeAt(i);
        break;
      case Kind.UTF16:
        this.#buffer.write(item as string, at, length, 'utf16le');
        break;
      default:
        if (this.#bytes === undefined) break;
        u8.set(this.#bytes, at);
        this.#bytes = undefined;
    }
  }

  #measureText(item: string): void {
    const { length } = item;
    /* As many bytes as characters in UTF-8: all are ASCII. */
    const isAscii = length <= SHORT_TEXT ? isShortAscii(item) : Buffer.byteLength(item) === length;
    this.#kind = isAscii ? Kind.ASCII : Kind.UTF16;
    this.#lengthBytes = isAscii ? length : length * 2;
  }

  #measureBytes(item: unknown): void {
    const bytes = bytesOf(item);
    this.#kind = bytes === undefined ? Kind.SERIALIZED : Buffer.isBuffer(bytes) ? Kind.BUFFER : Kind.BYTES;
    this.#bytes = bytes ?? serialized(item);
    this.#lengthBytes = this.#bytes.length;
  }
}

function serialized(item: unknown): Uint8Array {
  try {
    return serialize(item);
  } catch (cause) {
    /* What a getter of the program's has thrown is the cause as well. */
    const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new GridwatchError(
      'ERR_GRIDWATCH_ITEM_TYPE',
      `the item cannot be sent: ${reason.replace(/\.$/, '')}. Send plain data without functions, symbols, promises, proxies, ports and shared memory; of a lock its handle`,
      { cause },
    );
  }
}

/** What is copied byte by byte: these types themselves, not classes made of them. */
function bytesOf(item: unknown): Uint8Array | undefined {
  if (!(item instanceof Uint8Array)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(item);
  return prototype === Uint8Array.prototype || prototype === Buffer.prototype ? item : undefined;
}

function isShortAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

export class ItemReader {
  readonly #views: BlockViews;
  readonly #buffer: Buffer;
  #pool: ArrayBuffer = newPool();
  #pooled = 0;

  constructor(views: BlockViews) {
    this.#views = views;
    this.#buffer = Buffer.from(views.buffer, views.u8.byteOffset, views.u8.byteLength);
  }

  /**
   * What lies in a cell: a value, or bytes that `revive` makes one of once it is the caller's. Before that the item may be changing: what is read is then
   * thrown away, and only the memory that is read must be the cell's, which the length of any item sees to.
   */
  read(cellAt: number): unknown {
    const { i32, f64, u8 } = this.#views;
    const word = i32[(cellAt + CELL.ITEM_KIND) >> 2] as number;
    const at = cellAt + CELL.ITEM;
    if (word === Kind.NUMBER) return f64[at >> 3];
    const end = at + (word >>> KIND_BITS);
    switch (word & KIND_MASK) {
      case Kind.TRUE:
        return true;
      case Kind.FALSE:
        return false;
      case Kind.NULL:
        return null;
      case Kind.ASCII:
        return this.#buffer.toString('latin1', at, end);
      case Kind.UTF16:
        return this.#buffer.toString('utf16le', at, end);
      case Kind.BYTES:
        return this.#copy(at, end);
      case Kind.BUFFER:
        return Buffer.from(u8.subarray(at, end));
      default:
        return new Serialized(this.#copy(at, end));
    }
  }

  #copy(at: number, end: number): Uint8Array {
    const length = end - at;
    if (length > POOL_BYTES / 4) return this.#views.u8.slice(at, end);
    if (this.#pooled + length > POOL_BYTES) {
      this.#pool = newPool();
      this.#pooled = 0;
    }
    const copy = new Uint8Array(this.#pool, this.#pooled, length);
    this.#buffer.copy(copy, 0, at, end);
    this.#pooled += (length + 7) & ~7;
    return copy;
  }
}

function newPool(): ArrayBuffer {
  const pool = new ArrayBuffer(POOL_BYTES);
  markAsUntransferable(pool);
  return pool;
}

/** An item as `v8.serialize` has made it. */
class Serialized {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

export function revive(found: unknown): unknown {
  return found instanceof Serialized ? deserialize(found.bytes) : found;
}
