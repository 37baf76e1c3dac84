/**
 * The shared memory of a model: what a `ControlMemory` is to the agent's functions, kept as a map from byte offset to value
 * so that the explorer can copy it, and an `Atomics` that recognises it. Runs in a test's own process.
 *
 * Beside the words there is the host: named words for what passes between threads outside of shared memory (a ticket, the
 * news of a death), and notes, by which a program tells the invariants what it has come to.
 *
 * A store is visible at once, or, in a weak model, pending on its thread: a plain store may then become visible at any
 * time, also before an atomic store that precedes it; an atomic store comes after everything that precedes it, and an
 * atomic load or read-modify-write after the atomic stores that precede it. Loads are never early or late.
 */

/** A byte offset in the control buffer, or the name of a word of the host's. */
export type Cell = number | string;

/** The value of each cell, by the number that the cell was given when it was first met; what is missing is zero. */
export type Memory = readonly number[];

const cellNumbers = new Map<Cell, number>();

function numberOf(cell: Cell): number {
  let number = cellNumbers.get(cell);
  if (number === undefined) cellNumbers.set(cell, (number = cellNumbers.size));
  return number;
}

export function valueAt(memory: Memory, cell: Cell): number {
  return memory[numberOf(cell)] ?? 0;
}

/** A memory with these values in it. */
export function memoryOf(values: readonly (readonly [cell: Cell, value: number])[]): Memory {
  const memory: number[] = [];
  for (const [cell, value] of values) set(memory, cell, value);
  return memory;
}

function set(memory: number[], cell: Cell, value: number): void {
  const number = numberOf(cell);
  /* Without holes: the text of a memory is its key. */
  while (memory.length < number) memory.push(0);
  memory[number] = value;
}

export type Access =
  | { readonly kind: 'read' | 'load'; readonly at: number }
  | {
      readonly kind: 'write' | 'store' | 'add' | 'or' | 'and' | 'exchange';
      readonly at: number;
      readonly value: number;
    }
  | { readonly kind: 'cas'; readonly at: number; readonly expected: number; readonly value: number }
  /** Wakes so many; which ones is left open. */
  | { readonly kind: 'notify'; readonly at: number; readonly count: number }
  | { readonly kind: 'wait'; readonly at: number; readonly value: number; readonly hasTimeout: boolean }
  /** Begins an asynchronous wait; `join` waits for its end, or once for the poll, after which the wait goes on. */
  | { readonly kind: 'waitAsync'; readonly at: number; readonly value: number }
  | { readonly kind: 'join'; readonly at: number }
  /** Zeroes the first word in the range that is not zero; the result is its offset, or -1. */
  | { readonly kind: 'clearNext'; readonly from: number; readonly to: number }
  | { readonly kind: 'until' | 'peek'; readonly key: string }
  | { readonly kind: 'tell' | 'note'; readonly key: string; readonly value: number }
  | { readonly kind: 'untilGone' | 'isGone'; readonly key: string }
  /** Says that of all it has read the program keeps only what the key describes. */
  | { readonly kind: 'settle'; readonly key: string };

interface PendingStore {
  readonly at: number;
  readonly value: number;
  readonly isAtomic: boolean;
}

interface PendingWait {
  readonly at: number;
  readonly hasTimeout: boolean;
  readonly outcome: 'ok' | 'timed-out' | undefined;
}

export interface ModelThread {
  readonly status: 'running' | 'ended' | 'dead';
  readonly log: Log;
  readonly stores: readonly PendingStore[];
  /** At most one: a thread waits in one place. */
  readonly waits: readonly PendingWait[];
}

/** The results of a thread's accesses so far. Equal logs are the same object, so its number stands for all of it. */
export class Log {
  static #count = 0;
  readonly id: number = Log.#count++;
  readonly #next = new Map<number | string, Log>();
  readonly #before: Log | undefined;
  readonly #result: number | string;

  constructor(before?: Log, result: number | string = 0) {
    this.#before = before;
    this.#result = result;
  }

  with(result: number | string): Log {
    let next = this.#next.get(result);
    if (next === undefined) this.#next.set(result, (next = new Log(this, result)));
    return next;
  }

  results(): (number | string)[] {
    const results: (number | string)[] = [];
    for (let at: Log = this; at.#before !== undefined; at = at.#before) results.push(at.#result);
    return results.toReversed();
  }
}

export const ROOT_LOG: Log = new Log();

interface Machine {
  readonly memory: number[];
  readonly threads: ModelThread[];
  /** The thread that makes the access. */
  readonly index: number;
  readonly names: readonly string[];
  /** A thread with so many pending stores makes no other before one of them is visible. */
  readonly maxPendingStores: number;
  /** Where an access may turn out in several ways: which one, and how many there are. */
  readonly choice: number;
  choices: number;
}

/** Makes one access; undefined when it has to wait. */
export function perform(machine: Machine, access: Access): number | string | undefined {
  const { memory, threads, index, names } = machine;
  const thread = threads[index] as ModelThread;
  switch (access.kind) {
    case 'read':
      return thread.stores.findLast(({ at }) => at === access.at)?.value ?? valueAt(memory, access.at);
    case 'write':
    case 'store':
      return store(machine, access.at, access.value, access.kind === 'store');
    case 'load':
      drain(machine, thread.stores.findLastIndex(({ isAtomic }) => isAtomic) + 1);
      return perform(machine, { kind: 'read', at: access.at });
    case 'clearNext':
      return clearNext(machine, access.from, access.to);
    case 'until':
      return valueAt(memory, access.key) || undefined;
    case 'peek':
      return valueAt(memory, access.key);
    case 'note':
      set(memory, access.key, access.value);
      return 0;
    case 'untilGone':
    case 'isGone': {
      const other = threads[names.indexOf(access.key)] as ModelThread;
      const isGone = other.status !== 'running' && other.stores.length === 0;
      return isGone ? 1 : access.kind === 'isGone' ? 0 : undefined;
    }
    default:
  }
  drain(machine, thread.stores.length);
  const before = 'at' in access ? valueAt(memory, access.at) : 0;
  switch (access.kind) {
    case 'tell':
      set(memory, access.key, access.value);
      return 0;
    case 'add':
      set(memory, access.at, (before + access.value) | 0);
      return before;
    case 'or':
      set(memory, access.at, before | access.value);
      return before;
    case 'and':
      set(memory, access.at, before & access.value);
      return before;
    case 'exchange':
      set(memory, access.at, access.value);
      return before;
    case 'cas':
      if (before === access.expected) set(memory, access.at, access.value);
      return before;
    case 'notify':
      return notify(machine, access.at, access.count);
    case 'wait':
    case 'join':
      return wait(machine, access, before);
    case 'waitAsync':
      if (before !== access.value) return 'not-equal';
      threads[index] = { ...(threads[index] as ModelThread), waits: [newWait(access.at, true)] };
      return 'waiting';
    default:
      return undefined;
  }
}

function wait(
  machine: Machine,
  access: Extract<Access, { kind: 'wait' | 'join' }>,
  before: number,
): string | undefined {
  const { threads, index } = machine;
  const thread = threads[index] as ModelThread;
  const [pending] = thread.waits;
  if (pending?.outcome !== undefined) {
    const goesOn = access.kind === 'join' && pending.outcome === 'timed-out';
    threads[index] = { ...thread, waits: goesOn ? [newWait(access.at, false)] : [] };
    return pending.outcome;
  }
  if (pending !== undefined || access.kind === 'join') return undefined;
  if (before !== access.value) return 'not-equal';
  threads[index] = { ...thread, waits: [newWait(access.at, access.hasTimeout)] };
  return undefined;
}

function newWait(at: number, hasTimeout: boolean): PendingWait {
  return { at, hasTimeout, outcome: undefined };
}

/** Wakes all, or any `count` that stand one after the other: who is woken first is not for a program to rely on. */
function notify(machine: Machine, at: number, count: number): number {
  const { threads } = machine;
  const parked = [...threads.keys()].filter((i) => {
    const [pending] = (threads[i] as ModelThread).waits;
    return pending?.at === at && pending.outcome === undefined;
  });
  if (count < parked.length) machine.choices = parked.length;
  const woken = Math.min(count, parked.length);
  for (let n = 0; n < woken; n++) {
    const i = parked[(machine.choice + n) % parked.length] as number;
    const other = threads[i] as ModelThread;
    threads[i] = { ...other, waits: [{ ...(other.waits[0] as PendingWait), outcome: 'ok' }] };
  }
  return woken;
}

function store(machine: Machine, at: number, value: number, isAtomic: boolean): number | undefined {
  const { memory, threads, index, maxPendingStores } = machine;
  if (maxPendingStores === 0) {
    set(memory, at, value);
    return 0;
  }
  const thread = threads[index] as ModelThread;
  if (thread.stores.length >= maxPendingStores) return undefined;
  threads[index] = { ...thread, stores: [...thread.stores, { at, value, isAtomic }] };
  return 0;
}

function clearNext(machine: Machine, from: number, to: number): number | undefined {
  let first = -1;
  for (const at of cellNumbers.keys()) {
    if (typeof at !== 'number' || at < from || at >= to || (first >= 0 && at >= first)) continue;
    if (perform(machine, { kind: 'read', at }) !== 0) first = at;
  }
  return first >= 0 && store(machine, first, 0, false) === undefined ? undefined : first;
}

/** Makes the oldest `count` pending stores of the thread visible. */
function drain({ memory, threads, index }: Machine, count: number): void {
  if (count === 0) return;
  const thread = threads[index] as ModelThread;
  for (const { at, value } of thread.stores.slice(0, count)) set(memory, at, value);
  threads[index] = { ...thread, stores: thread.stores.slice(count) };
}

interface Settled {
  readonly label: string;
  readonly memory: Memory;
  readonly thread: ModelThread;
}

/** Each pending store of a thread that may become visible next. */
export function* settle(memory: Memory, thread: ModelThread): Generator<Settled> {
  for (const [i, { at, value, isAtomic }] of thread.stores.entries()) {
    if (isAtomic ? i > 0 : thread.stores.slice(0, i).some((earlier) => earlier.at === at)) continue;
    const after = [...memory];
    set(after, at, value);
    yield { label: `[${at}] = ${value}`, memory: after, thread: { ...thread, stores: thread.stores.toSpliced(i, 1) } };
  }
}
