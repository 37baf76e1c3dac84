/**
 * Wait detail: where a thread waits, and in which span, once its blocking wait for a lock has become long. Short waits leave it alone.
 *
 * The thread itself writes it while its wait goes on; the agent thread reads it beside the wait word, also while every application thread is blocked.
 *
 *     word 0   number of the wait it belongs to (`WaitSnapshot.waits`); 0 while it is being written
 *     word 1   site: number of a name          word 2      stack: number of a name, or 0
 *     words 3-9  trace context                 word 10     lock ids this thread held then, in order of acquisition: how many, at most 5
 *     words 11-15  their ids
 *
 * Invariants
 * D1  The number is stored after the rest, and no wait has the number of an earlier one: who reads the number of the wait that goes on, before and
 *     after the rest, has that wait's detail.
 */
import { type ControlMemory, SLOT } from './layout.ts';
import type { TraceIds } from './registry.ts';
import { loadTraceIds, storeTraceIds } from './trace-words.ts';

export interface WaitDetail {
  readonly siteNumber: number;
  readonly stackNumber: number;
  readonly context: TraceIds | undefined;
  /** Ids of the locks of `gridwatch/sync` that the thread itself held when it began to wait, oldest first. */
  readonly heldIds: readonly number[];
}

const MAX_HELD = 5;

/** For the thread that owns the slot, during its wait number `waits`. */
export function writeWaitDetail(memory: ControlMemory, slot: number, waits: number, detail: WaitDetail): void {
  const { i32 } = memory;
  const at = memory.slotAt(slot, SLOT.WAIT_DETAIL) >> 2;
  Atomics.store(i32, at, 0);
  Atomics.store(i32, at + 1, detail.siteNumber);
  Atomics.store(i32, at + 2, detail.stackNumber);
  storeTraceIds(i32, at + 3, detail.context);
  const held = detail.heldIds.slice(0, MAX_HELD);
  for (const [i, id] of held.entries()) Atomics.store(i32, at + 11 + i, id);
  Atomics.store(i32, at + 10, held.length);
  Atomics.store(i32, at, waits | 0);
}

/** The detail of wait number `waits`; undefined when that wait has none yet, or is over. */
export function readWaitDetail(memory: ControlMemory, slot: number, waits: number): WaitDetail | undefined {
  const { i32 } = memory;
  const at = memory.slotAt(slot, SLOT.WAIT_DETAIL) >> 2;
  if (Atomics.load(i32, at) !== (waits | 0)) return undefined;
  const siteNumber = Atomics.load(i32, at + 1);
  const stackNumber = Atomics.load(i32, at + 2);
  const context = loadTraceIds(i32, at + 3);
  const held = Math.min(Math.max(0, Atomics.load(i32, at + 10)), MAX_HELD);
  const heldIds = Array.from({ length: held }, (_, i) => Atomics.load(i32, at + 11 + i));
  return Atomics.load(i32, at) === (waits | 0) ? { siteNumber, stackNumber, context, heldIds } : undefined;
}
