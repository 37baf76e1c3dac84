/**
 * Interned names: a text becomes a small number that fits into a word, the same number on every thread.
 *
 * Runs on every thread: application threads intern, the agent thread looks up. Texts are only ever added, so the table is for what a program has
 * finitely many of (call sites, classes of locks), never for ids or keys. When it is full a name is 0, "unknown", and counted.
 *
 *     index   16 384 entries, open addressing; 0 = empty, else the number of the name
 *     names   Int32 length, UTF-8, padded to four bytes; the number is the offset in words + 1
 *
 * Invariants
 * N1  A text is stored before the CAS that puts its number into the index, and never changed afterwards: who sees a number sees the text.
 * N2  Two threads that intern one text at once get one number: the loser of the CAS finds the winner's entry and leaves its own copy unused.
 */
import { type ControlMemory, HEADER, NAME_BYTES, NAME_INDEX_ENTRIES } from './layout.ts';

/** Entries looked at before the table counts as full: at three quarters full a search of linear probing takes eight or nine. */
const MAX_PROBES = 64;
const MAX_TEXT_BYTES = 1024;

/** The number of a text; 0, and counted, when there is no room for it. */
export function internName(memory: ControlMemory, text: string): number {
  const bytes = Buffer.from(text).subarray(0, MAX_TEXT_BYTES);
  const indexAt = memory.nameIndexAt >> 2;
  let at = hash(bytes) % NAME_INDEX_ENTRIES;
  let own = 0;
  for (let probe = 0; probe < MAX_PROBES; probe++, at = (at + 1) % NAME_INDEX_ENTRIES) {
    let number = Atomics.load(memory.i32, indexAt + at);
    if (number === 0) {
      own ||= append(memory, bytes);
      if (own === 0) break;
      number = Atomics.compareExchange(memory.i32, indexAt + at, 0, own);
      if (number === 0) return own;
    }
    if (isText(memory, number, bytes)) return number;
  }
  Atomics.add(memory.i32, HEADER.NAMES_DROPPED >> 2, 1);
  return 0;
}

/** The text of a number; '' for 0 and for what cannot be one. */
export function lookUpName(memory: ControlMemory, number: number): string {
  const found = textOf(memory, number);
  return found === undefined ? '' : Buffer.from(found).toString();
}

function append(memory: ControlMemory, bytes: Uint8Array): number {
  const size = 4 + Math.ceil(bytes.length / 4) * 4;
  if (Atomics.load(memory.i32, HEADER.NAMES_USED >> 2) + size > NAME_BYTES) return 0;
  const offset = Atomics.add(memory.i32, HEADER.NAMES_USED >> 2, size);
  if (offset < 0 || offset + size > NAME_BYTES) return 0;
  const at = memory.namesAt + offset;
  memory.i32[at >> 2] = bytes.length;
  memory.u8.set(bytes, at + 4);
  return (offset >> 2) + 1;
}

function isText(memory: ControlMemory, number: number, bytes: Uint8Array): boolean {
  const found = textOf(memory, number);
  if (found === undefined || found.length !== bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) if (found[i] !== bytes[i]) return false;
  return true;
}

function textOf(memory: ControlMemory, number: number): Uint8Array | undefined {
  const offset = (number - 1) * 4;
  if (!Number.isInteger(number) || offset < 0 || offset + 4 > NAME_BYTES) return undefined;
  const at = memory.namesAt + offset;
  const length = memory.i32[at >> 2] as number;
  if (length < 0 || length > MAX_TEXT_BYTES || offset + 4 + length > NAME_BYTES) return undefined;
  return memory.u8.subarray(at + 4, at + 4 + length);
}

/** FNV-1a. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
