/**
 * The lockset check of guarded data: what each access does to its cell's shadow, and when that is told as a race.
 *
 * Runs on application threads in the lab mode `GRIDWATCH_RACES=on`, one check a thread. It may cost microseconds, but it must never wait for another thread
 * beyond those and never throw.
 *
 * Told is a pair of accesses to one cell, by two living threads, of which one writes, with no lock in common, when all accesses so far have no lock in common
 * either (`lockset-state.ts`). So what a thread does before it shares a cell needs no lock, nor what it does after all others have ended: whoever sees a
 * thread's end has waited for it. A hand-over by a message looks like a race: nothing in shared memory says that the sender is done with the cell.
 *
 * Atomic accesses count as made under one more lock that all of them share: they are ordered among themselves, but not with plain ones.
 */
import {
  type Access,
  type AccessKind,
  logAccess,
  readAccess,
  standsFor,
  threadOfAccess,
} from '../../shared-memory/access-log.ts';
import type { LockHolder, RaceRecord } from '../../shared-memory/lock-records.ts';
import {
  afterAccess,
  CellPhase,
  exclusiveOwner,
  exclusiveTo,
  isRace,
  phaseOf,
} from '../../shared-memory/lockset-state.ts';
import { Locksets } from '../../shared-memory/locksets.ts';
import { RaceItem, type RaceMemory } from '../../shared-memory/race-memory.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { ShadowCells } from '../../shared-memory/shadow-cells.ts';

/** No lock's id. */
const ATOMICS_LOCK = 0x7fffffff;
/** Accesses to cells that are known to race, of which the place is looked at before only each 2^n-th one's is. */
const PATIENCE = 64;

/** What the check asks of its thread. */
export interface RaceThread {
  /** This thread's, as in lock words. */
  readonly holderWord: number;
  /** Whether the thread of another holder word is known to have ended: costs a load. */
  isOver(holderWord: number): boolean;
  /** The same, and where it is not known the kernel is asked. */
  isGone(holderWord: number): boolean;
  activeTraceIds(): TraceIds | undefined;
  /** Where the program is. */
  capture(): { readonly siteNumber: number; readonly stackNumber: number };
  nowNs(): number;
  record(race: RaceRecord): void;
}

/** An array as it is guarded on this thread. */
export interface GuardedCells {
  readonly lockId: number;
  /** What its races are told once for: the number of the lock's class, or minus the id of a lock without a name. */
  readonly classKey: number;
  readonly shadow: ShadowCells;
  /** The cell that a report calls index 0. */
  readonly firstCell: number;
  /** Ids of the locks the thread holds now that can guard data, each once; for a write only those it holds alone. */
  readonly heldIds: (isWrite: boolean) => readonly number[];
  /** Looks at racing accesses that found nothing new. */
  fruitless: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class RaceCheck {
  readonly #memory: RaceMemory;
  readonly #thread: RaceThread;
  readonly #locksets: Locksets;
  /** That of the access that is being made: one object for all, because there are millions. */
  readonly #kind: Writable<AccessKind>;
  #spanId = '';
  #spanNumber = 0;

  constructor(memory: RaceMemory, thread: RaceThread) {
    this.#memory = memory;
    this.#thread = thread;
    this.#locksets = new Locksets(memory);
    const { holderWord } = thread;
    this.#kind = { holderWord, lockset: 0, isWrite: false, isAtomic: false, spanNumber: 0 };
  }

  /** One access to one cell of the buffer. */
  touch(cells: GuardedCells, cell: number, isWrite: boolean, isAtomic: boolean): void {
    const { i32 } = this.#memory;
    const { shadow } = cells;
    const at = shadow.at(cell);
    if (at === 0) return;
    const lockset = this.#lockset(cells, isWrite, isAtomic);
    if (lockset === undefined) return;
    const { holderWord } = this.#thread;
    const context = this.#thread.activeTraceIds();
    const kind = this.#kind;
    kind.lockset = lockset;
    kind.isWrite = isWrite;
    kind.isAtomic = isAtomic;
    kind.spanNumber = this.#spanNumberOf(context);
    const isKnown =
      standsFor(this.#memory, Atomics.load(i32, at + 1), kind) ||
      standsFor(this.#memory, Atomics.load(i32, at + 2), kind);
    /* Before the cell is entered: it takes microseconds. */
    let access: Access | undefined;
    let number = 0;
    if (!isKnown) {
      access = { ...kind, context, ...this.#thread.capture() };
      number = logAccess(this.#memory, access);
    }

    shadow.enter(at);
    const newest = i32[at + 1] as number;
    const other = i32[at + 2] as number;
    const before = i32[at] as number;
    let after = afterAccess(before, holderWord, isWrite, lockset, this.#locksets);
    if (after !== before && phaseOf(before) === CellPhase.EXCLUSIVE && this.#thread.isOver(exclusiveOwner(before)))
      after = exclusiveTo(holderWord);
    i32[at] = after;
    if (number !== 0) {
      if (threadOfAccess(this.#memory, newest) !== holderWord) i32[at + 2] = newest;
      i32[at + 1] = number;
    }
    shadow.leave(at);

    if (!isRace(after)) return;
    const others = [newest, other].flatMap((logged) => this.#racing(logged, kind) ?? []);
    if (others.length === 0 || (access === undefined && !isWorthALook(cells.fruitless++))) return;
    access ??= { ...kind, context, ...this.#thread.capture() };
    for (const racing of others) {
      if (this.#thread.isGone(racing.holderWord)) continue;
      this.#tell(cells, cell, access, racing);
      return;
    }
    this.#takeOver(cells, at);
  }

  /** The access, where it races with one of this kind of this thread. */
  #racing(number: number, kind: Pick<Access, 'holderWord' | 'lockset' | 'isWrite'>): Access | undefined {
    const logged = readAccess(this.#memory, number);
    if (logged === undefined || logged.holderWord === kind.holderWord) return undefined;
    if (!logged.isWrite && !kind.isWrite) return undefined;
    return this.#locksets.common(logged.lockset, kind.lockset) === 0 ? logged : undefined;
  }

  #tell(cells: GuardedCells, cell: number, access: Access, racing: Access): void {
    const sites = [access.siteNumber, racing.siteNumber].toSorted((a, b) => a - b);
    if (this.#memory.intern(RaceItem.TOLD, [cells.classKey, ...sites], 0)?.isNew !== true) return;
    cells.fruitless = 0;
    const other: LockHolder = {
      holderWord: racing.holderWord,
      slot: 0,
      siteNumber: racing.siteNumber,
      stackNumber: racing.stackNumber,
      context: racing.context,
    };
    this.#thread.record({
      lockId: cells.lockId,
      index: cell - cells.firstCell,
      isWrite: access.isWrite,
      otherIsWrite: racing.isWrite,
      atNs: this.#thread.nowNs(),
      stackNumber: access.stackNumber,
      context: access.context,
      other,
    });
  }

  /** Whoever raced with this thread has ended: the cell is this thread's. */
  #takeOver({ shadow }: GuardedCells, at: number): void {
    const { i32 } = this.#memory;
    shadow.enter(at);
    const isOthers = [1, 2].some((word) => {
      const holderWord = threadOfAccess(this.#memory, i32[at + word] as number);
      return holderWord !== 0 && holderWord !== this.#thread.holderWord && !this.#thread.isGone(holderWord);
    });
    if (!isOthers) i32[at] = exclusiveTo(this.#thread.holderWord);
    shadow.leave(at);
  }

  #lockset({ heldIds }: GuardedCells, isWrite: boolean, isAtomic: boolean): number | undefined {
    const held = heldIds(isWrite);
    return this.#locksets.of(isAtomic ? [...held, ATOMICS_LOCK] : held);
  }

  #spanNumberOf(context: TraceIds | undefined): number {
    const spanId = context?.spanId ?? '';
    if (spanId !== this.#spanId) {
      this.#spanId = spanId;
      this.#spanNumber++;
    }
    return this.#spanNumber;
  }
}

function isWorthALook(fruitless: number): boolean {
  return fruitless < PATIENCE || (fruitless & (fruitless - 1)) === 0;
}
