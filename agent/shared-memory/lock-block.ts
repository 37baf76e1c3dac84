/**
 * The block of a lock: where its words stand, what it is, and how that is written and read.
 *
 * Runs on every thread. What is read is validated.
 *
 * A block is one lock. A lock without a name has the same block in a buffer of its own, or of the caller's (byte offsets; W = who writes):
 *
 *        0  lock word        who holds it (`lock-word.ts`)                                  W: every thread, by CAS
 *        4  generation       grows when async waiters may try again: they wait on this word W: every thread, atomic add
 *        8  the kind's own words, up to 64
 *       64  identity         kind, size, id, two numbers of the kind's, name                W: creator, before it is published
 *      256  holder's counts  acquisitions, contentions                                      W: the holder, plain
 *      320  everyone's       shared acquisitions and contentions, timeouts, ...             W: every thread, atomic add
 *      384  ask              1: a waiter has waited so long that the holder is to say who it is  W: waiters set, holder clears
 *      448  account          holder word, site, stack, trace context of the last holder asked  W: the holder, before it releases
 *      512  waits            histogram of contended exclusive waits                         W: who has just acquired, plain
 *     1024  holds            histogram of sampled exclusive holds                           W: the holder, plain
 *     1536  end of a block with one holder; else
 *     1536  shared waits     histogram (atomic, `shared-histogram.ts`)                      W: every thread
 *     2048  shared holds     the same
 *     2560  the kind's own area
 */

/** Blocks begin on a cache line of their own. */
export const LINE = 64;

/** Byte offsets in a block. */
export const BLOCK = {
  WORD: 0,
  GENERATION: 4,
  KIND_WORDS: 8,
  KIND: 64,
  BYTES: 68,
  ID: 72,
  /** What two users of one name must agree on: permits, parties, capacity, size of an item. */
  NUMBER_A: 76,
  NUMBER_B: 80,
  NAME: 96,
  ACQUISITIONS: 256,
  CONTENTIONS: 260,
  SHARED_ACQUISITIONS: 320,
  SHARED_CONTENTIONS: 324,
  TIMEOUTS: 328,
  ABORTS: 332,
  ABANDONMENTS: 336,
  SHARED_TIMEOUTS: 340,
  SHARED_ABORTS: 344,
  /** For a condition: notifications that found nobody; for the lost wake-up suspicion. */
  UNHEARD: 348,
  /** Those of both contentions that awaited a promise: they have blocked no thread. */
  ASYNC_CONTENTIONS: 352,
  ASK: 384,
  ACCOUNT_HOLDER: 448,
  ACCOUNT_SITE: 452,
  ACCOUNT_STACK: 456,
  ACCOUNT_CONTEXT: 460,
  WAITS: 512,
  HOLDS: 1024,
  SHARED_WAITS: 1536,
  SHARED_HOLDS: 2048,
} as const;

/** Size of a block with one holder at a time, and where the kind's own area begins in any other. */
export const EXCLUSIVE_BLOCK_BYTES = 1536;
export const SHARED_BLOCK_BYTES = 2560;
/** Bytes of a name. */
export const NAME_CAPACITY: number = BLOCK.ACQUISITIONS - BLOCK.NAME - 4;

/** Kinds of locks as `gridwatch.lock.kind` names them; the index stands in memory. A channel is a queue (`gridwatch.queue.kind`). */
export const LOCK_KINDS = [
  'none',
  'mutex',
  'rwlock',
  'semaphore',
  'condition',
  'barrier',
  'channel',
  'web_lock',
  'atomics',
  'promise',
] as const;
export type LockKind = (typeof LOCK_KINDS)[number];

/** What a lock is, apart from its state. */
export interface LockIdentity {
  readonly kind: LockKind;
  /** Its class, for people; '' for none. Longer ones are cut at 156 bytes. */
  readonly name: string;
  readonly bytes: number;
  readonly numberA: number;
  readonly numberB: number;
}

/** Views over one buffer with blocks in it: lock memory, or a buffer of a program's. */
export interface BlockViews {
  readonly buffer: SharedArrayBuffer;
  readonly i32: Int32Array<SharedArrayBuffer>;
  readonly f64: Float64Array<SharedArrayBuffer>;
  readonly u8: Uint8Array<SharedArrayBuffer>;
}

export function viewsOf(buffer: SharedArrayBuffer): BlockViews {
  const whole = buffer.byteLength & ~7;
  return {
    buffer,
    i32: new Int32Array(buffer, 0, buffer.byteLength >> 2),
    f64: new Float64Array(buffer, 0, whole >> 3),
    u8: new Uint8Array(buffer),
  };
}

/** Makes a block of zeroed memory; its words are the creator's until the block is published. */
export function writeIdentity(views: BlockViews, blockAt: number, identity: LockIdentity, id: number): void {
  const { i32, u8 } = views;
  const name = encodeName(identity.name);
  i32[(blockAt + BLOCK.BYTES) >> 2] = identity.bytes;
  i32[(blockAt + BLOCK.ID) >> 2] = id;
  i32[(blockAt + BLOCK.NUMBER_A) >> 2] = identity.numberA;
  i32[(blockAt + BLOCK.NUMBER_B) >> 2] = identity.numberB;
  i32[(blockAt + BLOCK.NAME) >> 2] = name.length;
  u8.set(name, blockAt + BLOCK.NAME + 4);
  Atomics.store(i32, (blockAt + BLOCK.KIND) >> 2, LOCK_KINDS.indexOf(identity.kind));
}

/** What stands in a block, validated; undefined where there is none. */
export function readIdentity(views: BlockViews, blockAt: number): (LockIdentity & { readonly id: number }) | undefined {
  if (!isBlock(views, blockAt)) return undefined;
  const { i32, u8 } = views;
  const length = Math.min(Math.max(0, i32[(blockAt + BLOCK.NAME) >> 2] as number), NAME_CAPACITY);
  return {
    kind: LOCK_KINDS[Atomics.load(i32, (blockAt + BLOCK.KIND) >> 2)] as LockKind,
    name: Buffer.from(u8.subarray(blockAt + BLOCK.NAME + 4, blockAt + BLOCK.NAME + 4 + length)).toString(),
    bytes: i32[(blockAt + BLOCK.BYTES) >> 2] as number,
    numberA: i32[(blockAt + BLOCK.NUMBER_A) >> 2] as number,
    numberB: i32[(blockAt + BLOCK.NUMBER_B) >> 2] as number,
    id: i32[(blockAt + BLOCK.ID) >> 2] as number,
  };
}

/** Whether a whole block of a known kind stands there. */
export function isBlock({ buffer, i32 }: BlockViews, blockAt: number): boolean {
  if (!Number.isInteger(blockAt) || blockAt < 0 || blockAt % LINE !== 0) return false;
  if (blockAt + EXCLUSIVE_BLOCK_BYTES > buffer.byteLength) return false;
  const kind = Atomics.load(i32, (blockAt + BLOCK.KIND) >> 2);
  const bytes = i32[(blockAt + BLOCK.BYTES) >> 2] as number;
  const isKind = kind > 0 && kind <= LOCK_KINDS.indexOf('channel');
  return isKind && bytes >= EXCLUSIVE_BLOCK_BYTES && blockAt + bytes <= buffer.byteLength;
}

/** Whether the block that stands there has that name, as `encodeName` gives it. */
export function isNamed(views: BlockViews, blockAt: number, name: Uint8Array): boolean {
  if (!isBlock(views, blockAt)) return false;
  const { i32, u8 } = views;
  if (i32[(blockAt + BLOCK.NAME) >> 2] !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (u8[blockAt + BLOCK.NAME + 4 + i] !== name[i]) return false;
  return true;
}

/** A longer name is cut, whole characters only. */
export function encodeName(name: string): Uint8Array {
  let bytes = Buffer.from(name);
  if (bytes.length <= NAME_CAPACITY) return bytes;
  let end = NAME_CAPACITY;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  bytes = bytes.subarray(0, end);
  return bytes;
}
