/**
 * The access log: who touched a cell of guarded data, where, under which locks and in which span. Cells name accesses by their number.
 *
 * Runs on application threads: each writes its own accesses; any thread reads them, when it has found a race.
 *
 *     word 0   number of the access; 0 while it is being written            word 4      set of locks (`locksets.ts`)
 *     word 1   holder word of the thread (`lock-word.ts`)                   word 5      1 write | 2 atomic
 *     word 2   site: number of a name                                       words 6-12  trace context
 *     word 3   stack: number of a name                                      word 13     a number that the thread changes with each other span
 *
 * Invariants
 * X1  The number is stored last and taken away first: who reads the number it looks for, before and after the rest, has that access whole.
 */
import type { RaceMemory } from './race-memory.ts';
import { readTraceIds, type TraceIds, writeTraceIds } from './registry.ts';

export interface Access {
  readonly holderWord: number;
  readonly siteNumber: number;
  readonly stackNumber: number;
  readonly lockset: number;
  readonly isWrite: boolean;
  readonly isAtomic: boolean;
  readonly context: TraceIds | undefined;
  /** Of two accesses of one thread: the same where they were in the same span. */
  readonly spanNumber: number;
}

const WRITE = 1;
const ATOMIC = 2;
const CONTEXT_AT = 6;

/** Its number; never zero. */
export function logAccess(memory: RaceMemory, access: Access): number {
  const { i32 } = memory;
  const number = memory.nextAccess();
  const at = memory.accessAt(number);
  Atomics.store(i32, at, 0);
  Atomics.store(i32, at + 1, access.holderWord);
  Atomics.store(i32, at + 2, access.siteNumber);
  Atomics.store(i32, at + 3, access.stackNumber);
  Atomics.store(i32, at + 4, access.lockset);
  Atomics.store(i32, at + 5, (access.isWrite ? WRITE : 0) | (access.isAtomic ? ATOMIC : 0));
  Atomics.store(i32, at + 13, access.spanNumber);
  i32[at + CONTEXT_AT + 6] = 0;
  writeTraceIds(memory, (at + CONTEXT_AT) << 2, access.context);
  Atomics.store(i32, at, number);
  return number;
}

/** Undefined for zero, and for an access that newer ones have overwritten. */
export function readAccess(memory: RaceMemory, number: number): Access | undefined {
  if (number === 0) return undefined;
  const { i32 } = memory;
  const at = memory.accessAt(number);
  if (Atomics.load(i32, at) !== number) return undefined;
  const holderWord = Atomics.load(i32, at + 1);
  const siteNumber = Atomics.load(i32, at + 2);
  const stackNumber = Atomics.load(i32, at + 3);
  const lockset = Atomics.load(i32, at + 4);
  const flags = Atomics.load(i32, at + 5);
  const spanNumber = Atomics.load(i32, at + 13);
  const context = readTraceIds(memory, (at + CONTEXT_AT) << 2);
  if (Atomics.load(i32, at) !== number) return undefined;
  const isWrite = (flags & WRITE) !== 0;
  const isAtomic = (flags & ATOMIC) !== 0;
  return { holderWord, siteNumber, stackNumber, lockset, isWrite, isAtomic, context, spanNumber };
}

/** What an access has, without where it was. */
export type AccessKind = Pick<Access, 'holderWord' | 'lockset' | 'isWrite' | 'isAtomic' | 'spanNumber'>;

/** The thread of an access; 0 for zero and for one that is overwritten. */
export function threadOfAccess(memory: RaceMemory, number: number): number {
  if (number === 0) return 0;
  const at = memory.accessAt(number);
  const holderWord = Atomics.load(memory.i32, at + 1);
  return Atomics.load(memory.i32, at) === number ? holderWord : 0;
}

/** Whether a logged access stands for this one, too: the same thread's, locks and span; a write stands for a read. */
export function standsFor(memory: RaceMemory, number: number, kind: AccessKind): boolean {
  const { i32 } = memory;
  const at = memory.accessAt(number);
  const flags = Atomics.load(i32, at + 5);
  return (
    number !== 0 &&
    Atomics.load(i32, at + 1) === kind.holderWord &&
    Atomics.load(i32, at + 4) === kind.lockset &&
    Atomics.load(i32, at + 13) === kind.spanNumber &&
    ((flags & WRITE) !== 0 || !kind.isWrite) &&
    ((flags & ATOMIC) !== 0) === kind.isAtomic &&
    Atomics.load(i32, at) === number
  );
}
