/**
 * A trace context in words that another thread may read while they are written: stored and loaded by Atomics alone, between two stores of a sequence or
 * number that tells whether they are whole. The words are those of `writeTraceIds`.
 *
 * Runs on every thread: application threads store, the agent thread loads.
 */
import type { TraceIds } from './registry.ts';

const IDS = 6;
const IS_PRESENT = 0x100;

/** Stores six id words, and a seventh that says whether there is a context. `at`: index of the first word. */
export function storeTraceIds(i32: Int32Array, at: number, ids: TraceIds | undefined): void {
  if (ids === undefined) {
    Atomics.store(i32, at + IDS, 0);
    return;
  }
  const hex = ids.traceId + ids.spanId;
  for (let word = 0; word < IDS; word++)
    Atomics.store(i32, at + word, Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16) | 0);
  Atomics.store(i32, at + IDS, (ids.traceFlags & 0xff) | IS_PRESENT);
}

export function loadTraceIds(i32: Int32Array, at: number): TraceIds | undefined {
  const flags = Atomics.load(i32, at + IDS);
  if ((flags & IS_PRESENT) === 0) return undefined;
  let hex = '';
  for (let word = 0; word < IDS; word++) hex += (Atomics.load(i32, at + word) >>> 0).toString(16).padStart(8, '0');
  const traceId = hex.slice(0, 32);
  const spanId = hex.slice(32);
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: flags & 0xff };
}

/** A time in two words: the upper ones of its nanoseconds first. */
export function storeNs(i32: Int32Array, at: number, ns: number): void {
  Atomics.store(i32, at, Math.floor(ns / 0x100000000));
  Atomics.store(i32, at + 1, ns >>> 0);
}

export function loadNs(i32: Int32Array, at: number): number {
  return Atomics.load(i32, at) * 0x100000000 + (Atomics.load(i32, at + 1) >>> 0);
}
