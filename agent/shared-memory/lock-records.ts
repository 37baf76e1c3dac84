/**
 * What is said of locks through a ring (`records.ts`): long waits, who caused shorter ones, new lock orders, races. Types, and how they lie in a record.
 *
 * Runs on every thread: application threads offer them through their recorder, the agent thread decodes them. What is decoded is validated.
 *
 * A lock is named by its id, and by the number of a name where it has no block: `lockId` > 0 is an id of lock memory; < 0 is the thread's own
 * (a promise lock, a Web Lock), and 0 is none (a raw `Atomics.wait`): the class is then `classNumber`.
 */
import { LOCK_MODES, type LockMode } from './async-locks.ts';
import { LOCK_KINDS, type LockKind } from './lock-block.ts';
import { RecordKind } from './records.ts';
import type { TraceIds } from './registry.ts';

/** How a wait ended, as `gridwatch.wait.outcome` names it; the index stands in memory. */
export const WAIT_OUTCOMES = ['acquired', 'timeout', 'aborted', 'deadlock'] as const;
export type WaitOutcome = (typeof WAIT_OUTCOMES)[number];

export interface LockRef {
  readonly lockId: number;
  readonly classNumber: number;
  readonly kind: LockKind;
  readonly mode: LockMode;
}

/** Of whom a wait was for, as far as it is known. */
export interface LockHolder {
  /** A holder word (`lock-word.ts`); 0 where the holder has none, or is not known. */
  readonly holderWord: number;
  /** The holder's slot + 1 where there is no holder word; 0: not known. */
  readonly slot: number;
  readonly siteNumber: number;
  readonly stackNumber: number;
  readonly context: TraceIds | undefined;
}

/** A wait of 1 ms and more. The agent thread makes blame of each, and a span of those past the threshold. */
export interface LockWaitRecord extends LockRef {
  readonly outcome: WaitOutcome;
  readonly startNs: number;
  readonly durationNs: number;
  readonly siteNumber: number;
  readonly stackNumber: number;
  readonly context: TraceIds | undefined;
  readonly holder: LockHolder;
  /** Number of a name for people (a key, a Web Lock's name), or 0. */
  readonly instanceNumber: number;
}

/** What shorter waits for one lock add up to that one thread caused. */
export interface LockBlameRecord extends LockRef {
  readonly holderWord: number;
  readonly waitedNs: number;
  readonly atNs: number;
}

/** A lock was taken while another was held, in an order, with gates or at a place not told before by this thread. */
export interface LockOrderRecord {
  readonly outer: LockRef;
  readonly inner: LockRef;
  /** Other locks that were held then, at most four: their ids, or minus the number of their class. */
  readonly gates: readonly number[];
  /** Where the inner one was taken; the frames below show where the outer one was. */
  readonly stackNumber: number;
  readonly atNs: number;
  readonly context: TraceIds | undefined;
  /** An activity waits for the inner lock; otherwise its thread blocks there. */
  readonly isAsync: boolean;
}

/** Two accesses to one cell of guarded data, by different threads, with no lock in common. */
export interface RaceRecord {
  /** The id of the lock that guards the data, and the index of the cell. */
  readonly lockId: number;
  readonly index: number;
  readonly isWrite: boolean;
  readonly otherIsWrite: boolean;
  readonly atNs: number;
  readonly stackNumber: number;
  readonly context: TraceIds | undefined;
  /** The other access: its holder word (which names its thread), stack and span. */
  readonly other: LockHolder;
}

/** A record, or the half of one, as it lies in a ring. */
export interface RecordHalf {
  kind: RecordKind;
  number: number;
  second: number;
  third: number;
  fourth: number;
  startNs: number;
  durationNs: number;
  context: TraceIds | undefined;
}

/** One record, or two halves that are published together. */
export type EncodedRecord = readonly [RecordHalf] | readonly [RecordHalf, RecordHalf];

function packRef({ kind, mode }: LockRef): number {
  return LOCK_KINDS.indexOf(kind) | (LOCK_MODES.indexOf(mode) << 8);
}

function unpackRef(lockId: number, classNumber: number, packed: number): LockRef | undefined {
  const kind = LOCK_KINDS[packed & 0xff];
  const mode = LOCK_MODES[(packed >> 8) & 0xff];
  return kind === undefined || mode === undefined ? undefined : { lockId, classNumber, kind, mode };
}

export function encodeLockWait(wait: LockWaitRecord): EncodedRecord {
  const { holder } = wait;
  return [
    {
      kind: RecordKind.LOCK_WAIT,
      number: wait.lockId,
      second: packRef(wait) | (WAIT_OUTCOMES.indexOf(wait.outcome) << 16),
      third: wait.siteNumber,
      fourth: wait.stackNumber,
      startNs: wait.startNs,
      durationNs: wait.durationNs,
      context: wait.context,
    },
    {
      kind: RecordKind.LOCK_WAIT,
      number: holder.holderWord,
      second: holder.slot,
      third: holder.siteNumber,
      fourth: holder.stackNumber,
      startNs: wait.classNumber,
      durationNs: wait.instanceNumber,
      context: holder.context,
    },
  ];
}

export function decodeLockWait([first, second]: readonly RecordHalf[]): LockWaitRecord | undefined {
  if (first === undefined || second === undefined) return undefined;
  const ref = unpackRef(first.number, second.startNs, first.second);
  const outcome = WAIT_OUTCOMES[first.second >> 16];
  if (ref === undefined || outcome === undefined) return undefined;
  return {
    ...ref,
    outcome,
    startNs: first.startNs,
    durationNs: first.durationNs,
    siteNumber: first.third,
    stackNumber: first.fourth,
    context: first.context,
    holder: {
      holderWord: second.number,
      slot: second.second,
      siteNumber: second.third,
      stackNumber: second.fourth,
      context: second.context,
    },
    instanceNumber: second.durationNs,
  };
}

export function encodeLockBlame(blame: LockBlameRecord): EncodedRecord {
  return [
    {
      kind: RecordKind.LOCK_BLAME,
      number: blame.lockId,
      second: packRef(blame),
      third: blame.holderWord,
      fourth: blame.classNumber,
      startNs: blame.atNs,
      durationNs: blame.waitedNs,
      context: undefined,
    },
  ];
}

export function decodeLockBlame([half]: readonly RecordHalf[]): LockBlameRecord | undefined {
  const ref = half === undefined ? undefined : unpackRef(half.number, half.fourth, half.second);
  if (half === undefined || ref === undefined) return undefined;
  return { ...ref, holderWord: half.third, waitedNs: half.durationNs, atNs: half.startNs };
}

const MAX_GATES = 4;

export function encodeLockOrder(order: LockOrderRecord): EncodedRecord {
  const { outer, inner, gates, stackNumber, atNs, context, isAsync } = order;
  const [a = 0, b = 0, c = 0, d = 0] = gates.slice(0, MAX_GATES);
  return [
    {
      kind: RecordKind.LOCK_ORDER,
      number: outer.lockId,
      second: inner.lockId,
      third: packRef(outer) | (packRef(inner) << 16),
      fourth: stackNumber,
      startNs: atNs,
      durationNs: outer.classNumber,
      context,
    },
    {
      kind: RecordKind.LOCK_ORDER,
      number: a,
      second: b,
      third: c,
      fourth: d,
      startNs: inner.classNumber,
      durationNs: isAsync ? 1 : 0,
      context: undefined,
    },
  ];
}

export function decodeLockOrder([first, second]: readonly RecordHalf[]): LockOrderRecord | undefined {
  if (first === undefined || second === undefined) return undefined;
  const outer = unpackRef(first.number, first.durationNs, first.third & 0xffff);
  const inner = unpackRef(first.second, second.startNs, first.third >>> 16);
  if (outer === undefined || inner === undefined) return undefined;
  const gates = [second.number, second.second, second.third, second.fourth].filter((gate) => gate !== 0);
  const isAsync = second.durationNs !== 0;
  return { outer, inner, gates, stackNumber: first.fourth, atNs: first.startNs, context: first.context, isAsync };
}

export function encodeRace(race: RaceRecord): EncodedRecord {
  const { other } = race;
  return [
    {
      kind: RecordKind.RACE,
      number: race.lockId,
      second: race.index,
      third: (race.isWrite ? 1 : 0) | (race.otherIsWrite ? 2 : 0),
      fourth: race.stackNumber,
      startNs: race.atNs,
      durationNs: 0,
      context: race.context,
    },
    {
      kind: RecordKind.RACE,
      number: other.holderWord,
      second: other.slot,
      third: other.siteNumber,
      fourth: other.stackNumber,
      startNs: 0,
      durationNs: 0,
      context: other.context,
    },
  ];
}

export function decodeRace([first, second]: readonly RecordHalf[]): RaceRecord | undefined {
  if (first === undefined || second === undefined) return undefined;
  return {
    lockId: first.number,
    index: first.second,
    isWrite: (first.third & 1) !== 0,
    otherIsWrite: (first.third & 2) !== 0,
    atNs: first.startNs,
    stackNumber: first.fourth,
    context: first.context,
    other: {
      holderWord: second.number,
      slot: second.second,
      siteNumber: second.third,
      stackNumber: second.fourth,
      context: second.context,
    },
  };
}
