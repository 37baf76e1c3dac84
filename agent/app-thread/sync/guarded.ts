/**
 * `guarded(mutex, array)`: says which lock guards which data. In the lab mode `GRIDWATCH_RACES=on` every access is then checked; otherwise it is the array.
 *
 * Runs on application threads.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { HEADER } from '../../shared-memory/layout.ts';
import { readIdentity, viewsOf } from '../../shared-memory/lock-block.ts';
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { isOfDeadThread } from '../../shared-memory/lock-word.ts';
import { RaceMemory } from '../../shared-memory/race-memory.ts';
import { ShadowCells } from '../../shared-memory/shadow-cells.ts';
import { framesOf, takeTrace } from '../call-site.ts';
import { findLabLink, type LabLink } from '../lab-link.ts';
import type { LockObserver } from '../lock-observer.ts';
import { behind, type TypedArray } from './guarded-behind.ts';
import { createView } from './guarded-view.ts';
import type { HeldLease } from './lease.ts';
import { type LockThread, lockThread } from './lock-thread.ts';
import { type GuardedCells, RaceCheck } from './race-check.ts';
import { internFrames, isOwn } from './sync-stack.ts';

const { pathToFileURL } = process.getBuiltinModule('node:url');

const RACES = featureBits(['races']);
/** Kinds of locks with one holder, or one writer. */
const GUARDING_KINDS: readonly string[] = ['mutex', 'rwlock'];

/** A lock that can guard data: a `Mutex`, or an `RwLock`, whose readers may read. */
export interface GuardingLock {
  readonly handle: { readonly buffer: SharedArrayBuffer; readonly byteOffset: number };
}

export interface GuardedOptions {
  /** Tells buffers apart that have one size and are guarded by one lock. Default ''. */
  readonly name?: string;
}

interface Check {
  readonly thread: LockThread;
  readonly observer: LockObserver;
  readonly memory: RaceMemory;
  readonly races: RaceCheck;
}

/** This thread's, made at its first guarded array. */
let check: Check | undefined;

/**
 * The array itself, unless the agent runs with `GRIDWATCH_RACES=on`: then a view of it, whose accesses are checked. Two threads that touch one cell, one of
 * them writing, without a lock in common, are told as a race: once for each class of lock and pair of places. What one thread does before it shares the
 * data needs no lock, nor what the last thread does once the others have ended.
 *
 * - Guard the data in each thread that touches it, by the same lock. Views of one buffer share what is known of their cells, if their cells are of one size.
 * - A buffer that a worker has made itself is taken for its own: what it does there is not compared with those it is sent to, who are compared with each other.
 * - Locks of `gridwatch/sync` count: mutexes, and read-write locks (a reader's lock for reads only). Semaphores, promise locks and Web Locks do not.
 * - `Atomics` on the view are ordered among themselves, but not with plain accesses.
 * - Data that is handed on by a message or a `Channel` while both threads live looks like a race: take the lock for the hand-over, or leave such data bare.
 * - `postMessage` and other native code want the bare array.
 *
 * @example
 * const stock = guarded(mutex, new Int32Array(buffer));
 * using lease = mutex.acquire();
 * stock[item] -= 1;
 */
export function guarded<T extends TypedArray>(lock: GuardingLock, array: T, options: GuardedOptions = {}): T {
  const observer = lockThread().observer;
  if (observer?.config.races !== true || !observer.config.features.races) return array;
  /* Of a view the array behind: what `Atomics` and the array's own methods are given must be a real one. */
  const bare = (behind(array)?.array ?? array) as T;
  if (!(bare.buffer instanceof SharedArrayBuffer)) return array;
  check ??= createCheck(lockThread(), observer);
  if (check === undefined) return array;
  return viewOf(check, lock, bare, options.name ?? '') ?? array;
}

function viewOf<T extends TypedArray>(
  { thread, observer, memory, races }: Check,
  lock: GuardingLock,
  array: T,
  name: string,
): T | undefined {
  const identity = readIdentity(viewsOf(lock.handle.buffer), lock.handle.byteOffset);
  if (identity === undefined || !GUARDING_KINDS.includes(identity.kind)) return undefined;
  const buffer = array.buffer as SharedArrayBuffer;
  const bufferBytes = buffer.growable ? buffer.maxByteLength : buffer.byteLength;
  const cellBytes = array.BYTES_PER_ELEMENT;
  const own = findLabLink()?.ownBuffer(buffer) ?? 0;
  const owner = own === 0 ? 0 : thread.word;
  const shadow = ShadowCells.find(memory, { lockId: identity.id, bufferBytes, cellBytes, name, owner, own });
  if (shadow === undefined) {
    Atomics.add(observer.recorder.memory.i32, HEADER.LOCKS_DROPPED >> 2, 1);
    return undefined;
  }
  const firstCell = array.byteOffset / cellBytes;
  const cells: GuardedCells = {
    lockId: identity.id,
    classKey: observer.intern(identity.name) || -identity.id,
    shadow,
    firstCell,
    heldIds: (isWrite) => heldIds(thread, isWrite),
    fruitless: 0,
  };
  return createView(array, (index, isWrite, isAtomic) => {
    if (!observer.recorder.isOff(RACES)) races.touch(cells, firstCell + index, isWrite, isAtomic);
  });
}

/** What the thread holds by blocking calls, and what its activities hold: the thread runs one of them at a time. */
function heldIds(thread: LockThread, isWrite: boolean): readonly number[] {
  const ids: number[] = [];
  const add = ({ releaser: { lock, mode } }: HeldLease): void => {
    if (isWrite && mode === 'shared') return;
    if (GUARDING_KINDS.includes(lock.kind) && !ids.includes(lock.id)) ids.push(lock.id);
  };
  for (let lease = thread.held; lease !== undefined; lease = lease.outer) add(lease);
  for (const lease of thread.pinned) add(lease);
  return ids;
}

function createCheck(thread: LockThread, observer: LockObserver): Check | undefined {
  const lab = findLabLink();
  const memory = RaceMemory.attach(lab?.raceBuffer);
  if (lab === undefined || memory === undefined) return undefined;
  const isSkipped = createOwnFilter(lab);
  const races = new RaceCheck(memory, {
    holderWord: thread.word,
    isOver: (word) => isOfDeadThread(thread.memory, word),
    isGone: (word) => isHolderGone(thread.memory, word),
    activeTraceIds: () => observer.activeTraceIds(),
    capture: () => internFrames(observer, framesOf(takeTrace(), isSkipped)),
    nowNs: () => observer.nowNs(),
    record: (race) => observer.recordRace(race),
  });
  return { thread, observer, memory, races };
}

/** Frames between the access and the program: the view's, and those of patched `Atomics`. */
function createOwnFilter({ ownFolder }: LabLink): (file: string) => boolean {
  const folders = [ownFolder, pathToFileURL(ownFolder).href];
  return (file) => isOwn(file) || folders.some((folder) => file.startsWith(folder));
}
