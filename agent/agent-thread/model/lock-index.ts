/**
 * The locks that have a block: those in lock memory, which are found there, and those in buffers of the program's, which their threads tell of.
 *
 * Runs on the agent thread. The index grows as blocks are added; a lock of a buffer of its own leaves when the last thread that told of it forgets it or
 * ends, and what it has counted is added to its class before. It must never hold more of those than its bound, nor believe what does not fit its buffer.
 */
import { type BlockViews, type LockIdentity, readIdentity, viewsOf } from '../../shared-memory/lock-block.ts';
import type { LockMemory } from '../../shared-memory/lock-memory.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import { ChannelReader } from './channel-reader.ts';
import { LockBlockReader } from './lock-block.ts';
import type { LockClass, LockClasses } from './lock-classes.ts';
import type { QueueTotals } from './queue-totals.ts';

/** Locks in buffers of the program's that are followed at once. */
const MAX_ADOPTED = 4096;
/** More than the directory holds: beyond, a program has scribbled there. */
const MAX_NAMED = 16_384;
/** Ids of locks that were followed once, so that none is counted twice. */
const MAX_RETIRED = 16_384;

export interface KnownLock {
  readonly id: number;
  readonly identity: LockIdentity;
  readonly views: BlockViews;
  readonly blockAt: number;
  /** Undefined for a channel, which is a queue. */
  readonly lockClass: LockClass | undefined;
  readonly reader: LockBlockReader;
  /** Of a channel alone. */
  readonly channel: ChannelReader | undefined;
}

export interface LockIndexSettings {
  readonly memory: LockMemory;
  readonly classes: LockClasses;
  readonly queues: QueueTotals;
  /** Called for each lock that cannot be followed. */
  readonly onDrop: () => void;
  readonly maxAdopted?: number;
}

export class LockIndex {
  readonly #settings: LockIndexSettings;
  readonly #byId = new Map<number, KnownLock>();
  /** Byte offsets in lock memory that are known. */
  readonly #named = new Set<number>();
  /** Threads that use an adopted lock, by its id. */
  readonly #users = new Map<number, Set<string>>();
  readonly #retired = new Set<number>();
  #usedBytes = 0;
  #looksLeft = 0;

  constructor(settings: LockIndexSettings) {
    this.#settings = settings;
  }

  /** Looks for new blocks in lock memory: a load, as long as there is none. */
  refresh(): void {
    const { memory } = this.#settings;
    const { usedBytes } = memory;
    if (usedBytes !== this.#usedBytes) {
      this.#usedBytes = usedBytes;
      /* The room of a block is taken before the block can be found: a second look finds what the first came too early for. */
      this.#looksLeft = 2;
    }
    if (this.#looksLeft === 0) return;
    this.#looksLeft--;
    this.#look();
  }

  #look(): void {
    const { memory } = this.#settings;
    memory.forEachBlock((blockAt) => {
      if (this.#named.has(blockAt) || this.#named.size >= MAX_NAMED) return;
      const found = readIdentity(memory.views, blockAt);
      if (found === undefined || this.#byId.has(found.id)) return;
      this.#named.add(blockAt);
      this.#add(found.id, found, memory.views, blockAt);
    });
  }

  #add(id: number, identity: LockIdentity, views: BlockViews, blockAt: number): KnownLock {
    const { classes, queues } = this.#settings;
    const lock: KnownLock = {
      id,
      identity,
      views,
      blockAt,
      lockClass: classes.of(identity.name, identity.kind),
      reader: new LockBlockReader(views, blockAt, identity),
      channel:
        identity.kind === 'channel'
          ? new ChannelReader(views, blockAt, identity, queues.of(identity.name, 'channel'))
          : undefined,
    };
    this.#byId.set(id, lock);
    return lock;
  }

  /** The lock with this id; looks for it once more when it is not known. */
  of(id: number): KnownLock | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined || id <= 0) return known;
    const { usedBytes } = this.#settings.memory;
    /* Nothing has changed since it was not found. */
    if (usedBytes === this.#usedBytes && this.#looksLeft === 0) return undefined;
    this.#usedBytes = usedBytes;
    this.#look();
    return this.#byId.get(id);
  }

  /** A thread uses the lock whose block stands in that buffer. What it says is believed as far as it fits. */
  adopt(thread: SlotClaim, id: unknown, buffer: unknown, blockAt: unknown): void {
    if (typeof id !== 'number' || id <= 0 || typeof blockAt !== 'number') return;
    if (!(buffer instanceof SharedArrayBuffer)) return;
    const users = this.#users.get(id);
    if (users !== undefined) {
      users.add(keyOf(thread));
      return;
    }
    const views = viewsOf(buffer);
    const identity = readIdentity(views, blockAt);
    if (identity === undefined || identity.id !== id || this.#byId.has(id)) return;
    const { maxAdopted = MAX_ADOPTED, onDrop } = this.#settings;
    if (this.#users.size >= maxAdopted) {
      onDrop();
      return;
    }
    this.#users.set(id, new Set([keyOf(thread)]));
    const lock = this.#add(id, identity, views, blockAt);
    if (!this.#retired.delete(id)) return;
    if (lock.lockClass !== undefined) lock.reader.skip(lock.lockClass.kind);
    lock.channel?.skip();
  }

  forget(thread: SlotClaim, id: unknown): void {
    if (typeof id === 'number') this.#leave(keyOf(thread), id);
  }

  /** A thread has ended; to be called once its locks were swept. */
  forgetAll(thread: SlotClaim): void {
    const key = keyOf(thread);
    for (const id of this.#users.keys()) this.#leave(key, id);
  }

  #leave(thread: string, id: number): void {
    const users = this.#users.get(id);
    if (users?.delete(thread) !== true || users.size > 0) return;
    const lock = this.#byId.get(id);
    if (lock !== undefined) readInto(lock);
    this.#users.delete(id);
    this.#byId.delete(id);
    this.#retired.add(id);
    for (const oldest of this.#retired) {
      if (this.#retired.size <= MAX_RETIRED) return;
      this.#retired.delete(oldest);
    }
  }

  /** Adds what is new in all blocks to the totals of their classes. */
  read(): void {
    this.#look();
    for (const lock of this.#byId.values()) readInto(lock);
  }

  /** Adds what is new in the channels, and what is in them now. */
  readChannels(nowNs: number): void {
    this.#look();
    for (const { channel } of this.#byId.values()) channel?.look(nowNs);
  }

  get size(): number {
    return this.#byId.size;
  }

  [Symbol.iterator](): Iterator<KnownLock> {
    return this.#byId.values();
  }
}

function readInto({ reader, lockClass, channel }: KnownLock): void {
  if (lockClass !== undefined) reader.addNewTo(lockClass);
  channel?.count();
}

function keyOf({ slot, generation }: SlotClaim): string {
  return `${slot}.${generation}`;
}
