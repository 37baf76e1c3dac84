/**
 * Thread slots: claimed by the thread that starts a worker, attached by the worker itself, read and reclaimed by the agent thread.
 *
 * Runs on every thread. Must never block.
 *
 * The state word is `generation << 8 | phase`. The generation grows at each claim, so a late writer of an earlier life is recognised.
 *
 * Invariants
 * R1  A slot leaves FREE only by the CAS of its claimer, and returns to FREE only by the agent thread: two threads never share one.
 * R2  Every word but the state word is zero when a slot is FREE: histograms and counters of a new life start at zero.
 * R3  The identity is stored between CLAIMING and CLAIMED: who reads the phase CLAIMED or a later one reads the whole identity.
 * R4  A claimer that dies in CLAIMING leaves a slot that the agent thread takes back (`abandonClaim`); the last step of a claim is a CAS, so a
 *     claimer that was only slow notices. What it has stored by then may have fallen into a slot that was free again: the agent thread waits a
 *     million times as long as a claim takes.
 * R5  Whoever moves a slot on from CLAIMED has it: the thread (`attachSlot`), or the agent thread that waits for it no longer (`retireClaim`).
 *     The ids that the thread stores after it are published by the phase RUNNING.
 */
import {
  type ControlMemory,
  FILE_FIELD_BYTES,
  HEADER,
  NAME_FIELD_BYTES,
  SLOT,
  SLOT_COUNT,
  SlotPhase,
} from './layout.ts';
import { internName, lookUpName } from './names.ts';

const GENERATION_MASK = 0xffffff;

/** Why contexts do not become active on a thread; the index is a bit in memory. */
export const CONTEXT_LOSSES = ['several_api_versions', 'node22_als'] as const;
export type ContextLoss = (typeof CONTEXT_LOSSES)[number];

/** A W3C trace context in its binary form: six words of ids, and the flags. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** One life of a slot. */
export interface SlotClaim {
  readonly slot: number;
  readonly generation: number;
}

/** How a thread said it ended, before its end. `NONE` in a slot whose thread is gone: it was stopped, or ran out of memory. */
export const ExitKind = { NONE: 0, EXIT: 1, UNCAUGHT: 2 } as const;
export type ExitKind = (typeof ExitKind)[keyof typeof ExitKind];

/** What the agent thread reads of a slot: validated, never more than a program could have scribbled there. */
export interface SlotSnapshot extends SlotClaim {
  readonly phase: SlotPhase;
  readonly threadId: number;
  readonly osThreadId: number;
  readonly parentThreadId: number;
  readonly name: string;
  readonly file: string;
  readonly claimedNs: number;
  readonly startedNs: number;
  readonly endedNs: number;
  readonly exitKind: ExitKind;
  readonly exitCode: number;
  /** `terminate()` was called. */
  readonly isTerminated: boolean;
  readonly spawnContext: TraceIds | undefined;
  /** Where `new Worker` was called, `file:line`; '' when it is not known. */
  readonly spawnSite: string;
}

export interface ClaimIdentity {
  readonly parentThreadId: number;
  readonly name: string;
  readonly file: string;
  readonly nowNs: number;
  readonly spawnContext: TraceIds | undefined;
  readonly spawnSite: string;
}

/**
 * Claims a free slot for a thread that is about to start. The main thread takes slot 0. Undefined, and counted, when all are in use:
 * that thread then runs unobserved.
 */
export function claimSlot(memory: ControlMemory, identity: ClaimIdentity): SlotClaim | undefined {
  /* Before the claim begins: what takes time has no place in it. */
  const spawnSite = identity.spawnSite === '' ? 0 : internName(memory, identity.spawnSite);
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const stateAt = memory.slotAt(slot, SLOT.STATE) >> 2;
    const state = Atomics.load(memory.i32, stateAt);
    if ((state & 0xff) !== SlotPhase.FREE) continue;
    const generation = ((state >>> 8) + 1) & GENERATION_MASK;
    const claiming = (generation << 8) | SlotPhase.CLAIMING;
    if (Atomics.compareExchange(memory.i32, stateAt, state, claiming) !== state) continue;
    memory.i32[memory.slotAt(slot, SLOT.PARENT_THREAD_ID) >> 2] = identity.parentThreadId;
    memory.i32[memory.slotAt(slot, SLOT.THREAD_ID) >> 2] = -1;
    writeText(memory, memory.slotAt(slot, SLOT.NAME), NAME_FIELD_BYTES, identity.name);
    writeText(memory, memory.slotAt(slot, SLOT.FILE), FILE_FIELD_BYTES, identity.file);
    writeTraceIds(memory, memory.slotAt(slot, SLOT.SPAWN_CONTEXT), identity.spawnContext);
    memory.i32[memory.slotAt(slot, SLOT.SPAWN_SITE) >> 2] = spawnSite;
    memory.f64[memory.slotAt(slot, SLOT.CLAIMED_NS) >> 3] = identity.nowNs;
    const claim = { slot, generation };
    if (advancePhase(memory, claim, SlotPhase.CLAIMING, SlotPhase.CLAIMED)) return claim;
  }
  Atomics.add(memory.i32, HEADER.THREADS_DROPPED >> 2, 1);
  return undefined;
}

/** The thread itself takes over the slot that was claimed for it; false when the slot has another life by now. */
export function attachSlot(memory: ControlMemory, claim: SlotClaim, threadId: number, osThreadId: number): boolean {
  /* The CAS before the ids, because until then the words may be those of another life (R5). */
  if (!advancePhase(memory, claim, SlotPhase.CLAIMED, SlotPhase.ATTACHED)) return false;
  memory.i32[memory.slotAt(claim.slot, SLOT.THREAD_ID) >> 2] = threadId;
  memory.i32[memory.slotAt(claim.slot, SLOT.OS_THREAD_ID) >> 2] = osThreadId;
  return true;
}

/** User code is about to run in the thread. */
export function markRunning(memory: ControlMemory, claim: SlotClaim, nowNs: number): void {
  memory.f64[memory.slotAt(claim.slot, SLOT.STARTED_NS) >> 3] = nowNs;
  advancePhase(memory, claim, SlotPhase.ATTACHED, SlotPhase.RUNNING);
}

/** The thread says how it is ending. Later calls overwrite earlier ones: an exit handler may change the code. */
export function markExiting(
  memory: ControlMemory,
  claim: SlotClaim,
  kind: ExitKind,
  code: number,
  nowNs: number,
): void {
  memory.i32[memory.slotAt(claim.slot, SLOT.EXIT_KIND) >> 2] = kind;
  memory.i32[memory.slotAt(claim.slot, SLOT.EXIT_CODE) >> 2] = code;
  memory.f64[memory.slotAt(claim.slot, SLOT.ENDED_NS) >> 3] = nowNs;
  advancePhase(memory, claim, SlotPhase.RUNNING, SlotPhase.EXITING);
}

/**
 * Somebody is about to stop a thread, which then has no chance to say how it ends. One that has not attached yet is not found; nor is it missed, since a
 * thread that never reached user code has failed to start, whatever the reason.
 */
export function markTerminated(memory: ControlMemory, threadId: number): void {
  for (let slot = 1; slot < SLOT_COUNT; slot++) {
    const phase = Atomics.load(memory.i32, memory.slotAt(slot, SLOT.STATE) >> 2) & 0xff;
    if (phase < SlotPhase.ATTACHED || memory.i32[memory.slotAt(slot, SLOT.THREAD_ID) >> 2] !== threadId) continue;
    memory.i32[memory.slotAt(slot, SLOT.TERMINATED) >> 2] = 1;
    return;
  }
}

function advancePhase(memory: ControlMemory, claim: SlotClaim, from: SlotPhase, to: SlotPhase): boolean {
  const stateAt = memory.slotAt(claim.slot, SLOT.STATE) >> 2;
  const expected = (claim.generation << 8) | from;
  return Atomics.compareExchange(memory.i32, stateAt, expected, (claim.generation << 8) | to) === expected;
}

/** The agent thread takes back a slot whose claimer died in the middle (R4); false when the claim went on meanwhile. */
export function abandonClaim(memory: ControlMemory, claim: SlotClaim): boolean {
  if (!advancePhase(memory, claim, SlotPhase.CLAIMING, SlotPhase.EXITING)) return false;
  releaseSlot(memory, claim);
  return true;
}

/** The agent thread no longer waits for the thread of a claim (R5); false when that thread has attached meanwhile. */
export function retireClaim(memory: ControlMemory, claim: SlotClaim): boolean {
  return advancePhase(memory, claim, SlotPhase.CLAIMED, SlotPhase.EXITING);
}

/** Reads one slot on the agent thread; undefined while it is free or its identity is not complete (R3). */
export function readSlot(memory: ControlMemory, slot: number): SlotSnapshot | undefined {
  const stateAt = memory.slotAt(slot, SLOT.STATE) >> 2;
  const state = Atomics.load(memory.i32, stateAt);
  const phase = state & 0xff;
  if (phase < SlotPhase.CLAIMED || phase > SlotPhase.EXITING) return undefined;
  const exitKind = memory.i32[memory.slotAt(slot, SLOT.EXIT_KIND) >> 2] as number;
  return {
    slot,
    generation: state >>> 8,
    phase: phase as SlotPhase,
    threadId: memory.i32[memory.slotAt(slot, SLOT.THREAD_ID) >> 2] as number,
    osThreadId: Math.max(0, memory.i32[memory.slotAt(slot, SLOT.OS_THREAD_ID) >> 2] as number),
    parentThreadId: memory.i32[memory.slotAt(slot, SLOT.PARENT_THREAD_ID) >> 2] as number,
    name: readText(memory, memory.slotAt(slot, SLOT.NAME), NAME_FIELD_BYTES),
    file: readText(memory, memory.slotAt(slot, SLOT.FILE), FILE_FIELD_BYTES),
    claimedNs: timeOrZero(memory.f64[memory.slotAt(slot, SLOT.CLAIMED_NS) >> 3] as number),
    /* Published by the phase, as are the ids: a start that is seen comes with both. */
    startedNs:
      phase < SlotPhase.RUNNING ? 0 : timeOrZero(memory.f64[memory.slotAt(slot, SLOT.STARTED_NS) >> 3] as number),
    endedNs: timeOrZero(memory.f64[memory.slotAt(slot, SLOT.ENDED_NS) >> 3] as number),
    exitKind: exitKind === ExitKind.EXIT || exitKind === ExitKind.UNCAUGHT ? exitKind : ExitKind.NONE,
    exitCode: memory.i32[memory.slotAt(slot, SLOT.EXIT_CODE) >> 2] as number,
    isTerminated: memory.i32[memory.slotAt(slot, SLOT.TERMINATED) >> 2] === 1,
    spawnContext: readTraceIds(memory, memory.slotAt(slot, SLOT.SPAWN_CONTEXT)),
    spawnSite: lookUpName(memory, memory.i32[memory.slotAt(slot, SLOT.SPAWN_SITE) >> 2] as number),
  };
}

/**
 * The state words of all slots that are in use, for a scan that costs a load a slot: `visit(slot, generation, phase)`.
 */
export function scanSlots(
  memory: ControlMemory,
  visit: (slot: number, generation: number, phase: number) => void,
): void {
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const state = Atomics.load(memory.i32, memory.slotAt(slot, SLOT.STATE) >> 2);
    if ((state & 0xff) !== SlotPhase.FREE) visit(slot, state >>> 8, state & 0xff);
  }
}

/** The agent thread gives a dead thread's slot back, once it has read all it wants of it. Clears first, frees last (R2). */
export function releaseSlot(memory: ControlMemory, claim: SlotClaim): void {
  memory.clearSlot(claim.slot);
  Atomics.store(memory.i32, memory.slotAt(claim.slot, SLOT.STATE) >> 2, (claim.generation << 8) | SlotPhase.FREE);
}

/** No time of the agent's clock: it would be thirty years after its base. */
const MAX_NS = 1e18;

function timeOrZero(ns: number): number {
  return ns > 0 && ns < MAX_NS ? ns : 0;
}

/** A text that does not fit keeps its end, whole characters only. */
function writeText(memory: ControlMemory, at: number, fieldBytes: number, text: string): void {
  const capacity = fieldBytes - 4;
  let bytes = Buffer.from(text.length > capacity ? text.slice(-capacity) : text);
  if (bytes.length > capacity) {
    let start = bytes.length - capacity;
    while (((bytes[start] as number) & 0xc0) === 0x80) start++;
    bytes = bytes.subarray(start);
  }
  memory.u8.set(bytes, at + 4);
  memory.i32[at >> 2] = bytes.length;
}

function readText(memory: ControlMemory, at: number, fieldBytes: number): string {
  const length = memory.i32[at >> 2] as number;
  if (length <= 0 || length > fieldBytes - 4) return '';
  return Buffer.from(memory.u8.subarray(at + 4, at + 4 + length)).toString();
}

/** Memory in which a trace context can stand. */
export type TraceWords = Pick<ControlMemory, 'u32'>;

/** Stores six id words and a seventh, flags | 0x100, whose bit says that there is a context at all. */
export function writeTraceIds(memory: TraceWords, at: number, ids: TraceIds | undefined): void {
  if (ids === undefined) return;
  const hex = ids.traceId + ids.spanId;
  for (let word = 0; word < 6; word++)
    memory.u32[(at >> 2) + word] = Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16);
  memory.u32[(at >> 2) + 6] = (ids.traceFlags & 0xff) | 0x100;
}

export function readTraceIds(memory: TraceWords, at: number): TraceIds | undefined {
  const flags = memory.u32[(at >> 2) + 6] as number;
  if ((flags & 0x100) === 0) return undefined;
  let hex = '';
  for (let word = 0; word < 6; word++) hex += (memory.u32[(at >> 2) + word] as number).toString(16).padStart(8, '0');
  const traceId = hex.slice(0, 32);
  const spanId = hex.slice(32);
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: flags & 0xff };
}
