/**
 * How a lock is found or made: by name in lock memory, without a name in a buffer of its own, or in the caller's; and how it is handed to other threads.
 *
 * Runs on application threads. Whatever is found in shared memory is validated here, once.
 *
 * Invariants
 * B1  In a buffer one thread makes the block: it takes the kind's word by CAS, with its holder word, and stores the kind last. Who finds a
 *     holder word there waits, or takes over from a thread that is dead.
 */
import { GridwatchError } from '../../errors.ts';
import {
  BLOCK,
  isBlock,
  LOCK_KINDS,
  type LockIdentity,
  type LockKind,
  readIdentity,
  viewsOf,
  writeIdentity,
} from '../../shared-memory/lock-block.ts';
import { LockMemory } from '../../shared-memory/lock-memory.ts';
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { LocalLock } from './local-lock.ts';
import { type LockHandle, type LockOptions, optionError } from './lock-options.ts';
import { type LockThread, lockThread } from './lock-thread.ts';
import { siteOfCaller } from './sync-stack.ts';

/** What a kind wants its block to be. */
export interface LockShape {
  readonly kind: LockKind;
  readonly bytes: number;
  readonly numberA: number;
  readonly numberB: number;
  /** Fills the kind's own words of a new block, before anybody sees it. */
  readonly prepare?: (words: Int32Array) => void;
}

/** What the numbers of a lock are called in its options. */
const OPTION_NAMES: Partial<Record<LockKind, readonly [string, string?]>> = {
  mutex: ['fair'],
  semaphore: ['permits'],
  barrier: ['parties'],
  channel: ['capacity', 'itemBytes'],
};

const CONSTRUCTORS: Partial<Record<LockKind, string>> = {
  mutex: 'Mutex',
  rwlock: 'RwLock',
  semaphore: 'Semaphore',
  condition: 'Condition',
  barrier: 'Barrier',
  channel: 'Channel',
};

/** How long a thread that makes a block may take before it is looked at. */
const MAKING_SLICE_MS = 10;

/** A lock is no longer in use on this thread. */
const collected = new FinalizationRegistry<{ thread: LockThread; id: number; isForeign: boolean }>(
  ({ thread, id, isForeign }) => {
    if (thread.locks.get(id)?.deref() !== undefined) return;
    thread.locks.delete(id);
    if (isForeign) thread.observer?.forget(id);
  },
);

/** The lock that a constructor was asked for. */
export function openLock(shape: LockShape, { name, buffer, byteOffset = 0 }: LockOptions): LocalLock {
  const thread = lockThread();
  const identity = { ...shape, name: name ?? classOf(shape.kind) };
  if (buffer !== undefined) return openBuffer(thread, identity, shape, buffer, byteOffset);
  if (name === undefined)
    return openBuffer(thread, identity, shape, new SharedArrayBuffer(Math.ceil(shape.bytes / 64) * 64), 0);
  const { views } = thread.memory;
  const blockAt = thread.memory.findOrCreate(identity, (at) =>
    shape.prepare?.(new Int32Array(views.buffer, at, shape.bytes >> 2)),
  );
  if (blockAt === undefined)
    throw new GridwatchError('ERR_GRIDWATCH_LOCK_MEMORY', `there is no room for the lock '${name}'`);
  return localLock(thread, shape, views.buffer, blockAt, false);
}

/** What a lock without a name is called: after its place of construction, so that those that are made at one place are one class. */
function classOf(kind: LockKind): string {
  const site = siteOfCaller();
  return site === '' ? '' : `${CONSTRUCTORS[kind] ?? kind}@${site}`;
}

/** The lock of a handle, which must be of this shape; a number that is -1 in the shape may be any. */
export function openHandle(shape: LockShape, handle: LockHandle): LocalLock {
  const isHandle = typeof handle === 'object' && handle !== null && handle.gridwatch === 'lock';
  if (!isHandle || !(handle.buffer instanceof SharedArrayBuffer)) throw optionError('this is no handle of a lock');
  const brought = LockMemory.attach(handle.lockMemory);
  if (brought === undefined) throw optionError('the handle is damaged, or of another version of gridwatch');
  const thread = lockThread(handle.lockMemory);
  if (brought.identity !== thread.memory.identity)
    throw new GridwatchError(
      'ERR_GRIDWATCH_SYNC_ORIGIN',
      'the lock is of another lock memory than those of this thread',
    );
  const isNamed =
    handle.buffer.byteLength === thread.memory.views.buffer.byteLength && isLockMemory(thread, handle.buffer);
  return localLock(thread, shape, handle.buffer, handle.byteOffset, !isNamed);
}

function isLockMemory(thread: LockThread, buffer: SharedArrayBuffer): boolean {
  return LockMemory.attach(buffer)?.identity === thread.memory.identity;
}

function openBuffer(
  thread: LockThread,
  identity: LockIdentity,
  shape: LockShape,
  buffer: SharedArrayBuffer,
  blockAt: number,
): LocalLock {
  if (blockAt + identity.bytes > buffer.byteLength)
    throw optionError(`the lock takes ${identity.bytes} bytes from byteOffset on; the buffer has not that many`);
  makeBlock(thread, identity, shape, buffer, blockAt);
  return localLock(thread, shape, buffer, blockAt, true);
}

/** Makes the block where none stands, or waits until another thread has made it (B1). */
function makeBlock(
  thread: LockThread,
  identity: LockIdentity,
  shape: LockShape,
  buffer: SharedArrayBuffer,
  blockAt: number,
): void {
  const views = viewsOf(buffer);
  const kindAt = (blockAt + BLOCK.KIND) >> 2;
  for (;;) {
    const found = Atomics.load(views.i32, kindAt);
    if (found > 0 && found < LOCK_KINDS.length) return;
    const isMine = found === 0 || isHolderGone(thread.memory, found);
    if (!isMine) {
      thread.atomics.wait(views.i32, kindAt, found, MAKING_SLICE_MS);
      continue;
    }
    if (Atomics.compareExchange(views.i32, kindAt, found, thread.word) !== found) continue;
    shape.prepare?.(new Int32Array(buffer, blockAt, shape.bytes >> 2));
    writeIdentity(views, blockAt, identity, thread.memory.nextLockId());
    thread.atomics.notify(views.i32, kindAt);
    return;
  }
}

/** The object that this thread has for the lock whose block stands there, if it is of that shape. */
function localLock(
  thread: LockThread,
  shape: LockShape,
  buffer: SharedArrayBuffer,
  blockAt: number,
  isForeign: boolean,
): LocalLock {
  const views = viewsOf(buffer);
  const found = isBlock(views, blockAt) ? readIdentity(views, blockAt) : undefined;
  if (found === undefined) throw kindError('there is no lock at that place');
  const isWanted = (wanted: number, number: number): boolean => wanted === -1 || wanted === number;
  if (found.kind !== shape.kind) throw kindError(`'${found.name}' is a ${found.kind}, not a ${shape.kind}`);
  if (!isWanted(shape.numberA, found.numberA) || !isWanted(shape.numberB, found.numberB))
    throw kindError(otherOptions(shape, found));
  if (found.bytes < shape.bytes) throw kindError(`'${found.name}' is of another version of gridwatch`);
  const known = thread.locks.get(found.id)?.deref();
  if (known !== undefined) return known;
  const handle = { gridwatch: 'lock', buffer, byteOffset: blockAt, lockMemory: thread.memory.views.buffer } as const;
  const lock = new LocalLock(thread, found, handle, isForeign);
  thread.locks.set(found.id, new WeakRef(lock));
  collected.register(lock, { thread, id: found.id, isForeign });
  return lock;
}

/** All users of one lock must agree on its options: which of them differ, and how. */
function otherOptions({ kind, numberA, numberB }: LockShape, found: LockIdentity): string {
  const shown = (value: number): string => (kind === 'mutex' ? String(value !== 0) : String(value));
  const differing = [
    { name: OPTION_NAMES[kind]?.[0], here: numberA, there: found.numberA },
    { name: OPTION_NAMES[kind]?.[1], here: numberB, there: found.numberB },
  ].filter(({ here, there }) => here !== -1 && here !== there);
  const has = differing.map(({ name, there }) => `${name}: ${shown(there)}`).join(', ');
  const wants = differing.map(({ name, here }) => `${name}: ${shown(here)}`).join(', ');
  return `'${found.name}' exists with { ${has} }, not { ${wants} }: give it the same options everywhere, or another name`;
}

function kindError(message: string): GridwatchError {
  return new GridwatchError('ERR_GRIDWATCH_LOCK_KIND', message);
}
