/**
 * A channel: a bounded queue between threads, any number of which send and receive.
 *
 * Runs on application threads. Places in it are claimed without a lock (`channel-queue.ts`); what is waited for is room or an item, and the agent sees the
 * wait as one for a queue, not for a lock.
 */
import { GridwatchError } from '../../errors.ts';
import { channelBytes } from '../../shared-memory/channel-words.ts';
import { ChannelCore } from './channel-core.ts';
import type { LocalLock } from './local-lock.ts';
import {
  type AcquireAsyncOptions,
  type AcquireOptions,
  type LockHandle,
  type LockOptions,
  lockOptionsOf,
  optionError,
  wholeNumber,
} from './lock-options.ts';
import { type LockShape, openHandle, openLock } from './open-lock.ts';

const DEFAULT_ITEM_BYTES = 240;
const MAX_CAPACITY = 2 ** 20;
const MAX_ITEM_BYTES = 2 ** 24;
const MAX_BYTES = 2 ** 31 - 1;

export interface ChannelSize {
  /** Most items that wait in the channel at once: 1 to 1 048 576. */
  readonly capacity: number;
  /**
   * Most bytes of one item: 8 to 16 777 216. Default 240. A number takes 8; a string a byte a character where all are ASCII, else two; other values what
   * `v8.serialize` makes of them.
   */
  readonly itemBytes?: number | undefined;
}

export interface ChannelOptions extends LockOptions, ChannelSize {}

/**
 * A bounded queue between the threads of a process.
 *
 * `new Channel('jobs', { capacity: 100 })` is the same channel in every thread; all must name the same sizes. Each item that was sent is received once, and
 * the items of one thread in the order in which it sent them. When the channel is full senders wait, when it is empty receivers do; a channel
 * never has more items than its capacity.
 *
 * What survives: numbers, strings, booleans and null as they are; Uint8Arrays and Buffers as copies; other values as far as `v8.serialize` keeps them, so
 * plain objects, arrays, Map, Set, Date, RegExp, BigInt, typed arrays, errors and cycles, but no classes, functions, symbols, ports or shared memory.
 * `undefined` cannot be sent.
 *
 * A thread that ends while it sends or receives takes at most that one item with it, and holds up nobody for longer than a second.
 *
 * @example
 * const jobs = new Channel('jobs', { capacity: 100 });
 * jobs.send({ id: 7 });                       // one thread
 * for await (const job of jobs) work(job);    // another, until the channel is closed and empty
 */
export class Channel<T = unknown> implements AsyncIterable<T>, Iterable<T> {
  readonly #core: ChannelCore;

  /**
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_OPTION`; `ERR_GRIDWATCH_LOCK_KIND` when the name or the memory is another lock's, or a channel's of other
   * sizes; `ERR_GRIDWATCH_LOCK_MEMORY` when there is no room for a named one; `ERR_GRIDWATCH_SYNC_ORIGIN`, `ERR_GRIDWATCH_TOO_MANY_THREADS`
   */
  constructor(name: string, size: ChannelSize);
  constructor(options: ChannelOptions);
  constructor(given: string | ChannelOptions | ChannelCore, size?: ChannelSize) {
    this.#core = given instanceof ChannelCore ? given : openChannel(given, size);
  }

  /** The channel of a handle that another thread has sent. */
  static from<T = unknown>(handle: LockHandle): Channel<T> {
    return made(coreOf(openHandle({ kind: 'channel', bytes: 0, numberA: -1, numberB: -1 }, handle)));
  }

  /** Bytes that a channel of this size takes in a buffer of the program's. */
  static bytesFor(size: ChannelSize): number {
    return shapeOf(size).bytes;
  }

  /** What other threads get at this channel by: to be sent in a message, or as `workerData`. */
  get handle(): LockHandle {
    return this.#core.lock.handle;
  }

  /** Its class; '' for none. */
  get name(): string {
    return this.#core.lock.name;
  }

  get capacity(): number {
    return this.#core.lock.numberA;
  }

  /** Items that wait in the channel at this moment; one that is just being sent, or given up, may be among them. */
  get size(): number {
    return this.#core.queue.size;
  }

  /** No more items can be sent. Those that are there can still be received. */
  get isClosed(): boolean {
    return this.#core.queue.isClosed;
  }

  /**
   * Sends an item, blocking the thread while the channel is full. Items of this thread that still wait to be sent asynchronously go before it.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_CHANNEL_CLOSED`; `ERR_GRIDWATCH_LOCK_TIMEOUT` when there was no room within `timeoutMs`;
   * `ERR_GRIDWATCH_ITEM_TOO_LARGE`, `ERR_GRIDWATCH_ITEM_TYPE`
   */
  send(item: T, options?: AcquireOptions): void {
    this.#core.send(item, options);
  }

  /** Sends an item if there is room, and says whether there was. Throws as `send` does. */
  trySend(item: T): boolean {
    return this.#core.trySend(item);
  }

  /**
   * Sends an item without blocking the thread; resolves once it is in the channel. The process stays alive meanwhile. The item is encoded at once: what is
   * done to it later is not sent.
   *
   * Rejects as `send` throws, or with the signal's reason: the item is then not sent.
   */
  sendAsync(item: T, options?: AcquireAsyncOptions): Promise<void> {
    return this.#core.sendAsync(item, options);
  }

  /**
   * Receives the oldest item, blocking the thread while there is none.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_CHANNEL_CLOSED` when the channel is closed and empty; `ERR_GRIDWATCH_LOCK_TIMEOUT` when there was no item within
   * `timeoutMs`
   */
  receive(options?: AcquireOptions): T {
    return this.#core.receive(options) as T;
  }

  /**
   * Receives the oldest item; undefined when there is none, or when it is not whole yet because its sender is just at it.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_CHANNEL_CLOSED` when the channel is closed and empty
   */
  tryReceive(): T | undefined {
    return this.#core.tryReceive() as T | undefined;
  }

  /** Receives the oldest item without blocking the thread. The process stays alive meanwhile. Rejects as `receive` throws, or with the signal's reason. */
  receiveAsync(options?: AcquireAsyncOptions): Promise<T> {
    return this.#core.receiveAsync(options) as Promise<T>;
  }

  /** Ends the channel for all threads: nothing more is sent, what is there can be received. False when it was closed before. */
  close(): boolean {
    return this.#core.queue.close();
  }

  /** Receives until the channel is closed and empty, blocking the thread. */
  *[Symbol.iterator](): Iterator<T> {
    try {
      for (;;) yield this.receive();
    } catch (error) {
      if (!isClosedError(error)) throw error;
    }
  }

  /**
   * Receives until the channel is closed and empty. An item that is there already is received without a turn of the event loop: where the channel is never
   * empty, no timer and no I/O of this thread runs before it is. Such a loop should now and then `await setImmediate()` of `node:timers/promises`.
   */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      let item: T;
      try {
        item = await this.receiveAsync();
      } catch (error) {
        if (isClosedError(error)) return;
        throw error;
      }
      yield item;
    }
  }
}

function shapeOf({ capacity, itemBytes = DEFAULT_ITEM_BYTES }: ChannelSize): LockShape {
  wholeNumber('capacity', capacity, 1, MAX_CAPACITY);
  wholeNumber('itemBytes', itemBytes, 8, MAX_ITEM_BYTES);
  const bytes = channelBytes(capacity, itemBytes);
  if (bytes > MAX_BYTES) throw optionError(`the channel would take ${bytes} bytes, more than 2 GiB`);
  return { kind: 'channel', bytes, numberA: capacity, numberB: itemBytes };
}

function openChannel(given: string | ChannelOptions, size: ChannelSize | undefined): ChannelCore {
  const options = lockOptionsOf<LockOptions & Partial<ChannelSize>>(given);
  const { capacity, itemBytes } = size ?? options;
  if (capacity === undefined) throw optionError('a channel needs a capacity');
  return coreOf(openLock(shapeOf({ capacity, itemBytes }), options));
}

/** By the lock that they are of: every `Channel` of this thread for one channel has the same. */
const cores = new WeakMap<LocalLock, ChannelCore>();

function coreOf(lock: LocalLock): ChannelCore {
  let core = cores.get(lock);
  if (core === undefined) cores.set(lock, (core = new ChannelCore(lock)));
  return core;
}

function isClosedError(error: unknown): boolean {
  return error instanceof GridwatchError && error.code === 'ERR_GRIDWATCH_CHANNEL_CLOSED';
}

/** Outside of the class: one that names itself is called otherwise once it is joined with others. */
function made<T>(core: unknown): Channel<T> {
  const create = Channel as unknown as new (core: unknown) => Channel<T>;
  return new create(core);
}
