/**
 * One channel as one thread uses it: encodes an item, claims a cell, fills it; and what happens when there is none to be had.
 *
 * Runs on application threads, one object a thread and channel. Between the claim of a cell and its publication nothing of
 * the program's runs, and nothing throws.
 */
import { GridwatchError } from '../../errors.ts';
import { ChannelQueue, NoCell } from '../../shared-memory/channel-queue.ts';
import { CELL, channelBytes } from '../../shared-memory/channel-words.ts';
import type { BlockViews } from '../../shared-memory/lock-block.ts';
import { isHolderGone } from '../../shared-memory/lock-threads.ts';
import { isOfDeadThread } from '../../shared-memory/lock-word.ts';
import type { QueueCell } from '../../shared-memory/queue-cells.ts';
import type { LockObserver } from '../lock-observer.ts';
import { ItemReader, ItemWriter, revive } from './channel-items.ts';
import type { Contended } from './contended.ts';
import type { LocalLock } from './local-lock.ts';
import { type AcquireAsyncOptions, type AcquireOptions, optionError, signalOf, timeoutOf } from './lock-options.ts';
import { perturb } from './perturbed.ts';
import { RowSampler } from './row-sampler.ts';
import { waitBlocking } from './waiting.ts';

/** One end of a channel, to be waited at. */
class ChannelEnd implements Contended {
  readonly lock: LocalLock;
  readonly mode = 'exclusive';
  readonly isQueue = true;
  readonly parkAt: number;
  readonly holder = 0;
  /** What the last attempt said. */
  found = 0;
  readonly isFree: () => boolean;
  readonly #queue: ChannelQueue;
  readonly #attempt: (isAsync: boolean) => number;

  constructor(
    lock: LocalLock,
    queue: ChannelQueue,
    parkAt: number,
    isFree: () => boolean,
    attempt: (isAsync: boolean) => number,
  ) {
    this.lock = lock;
    this.parkAt = parkAt;
    this.isFree = isFree;
    this.#queue = queue;
    this.#attempt = attempt;
  }

  get parkValue(): number {
    return this.#queue.announced;
  }

  attempt(hasParked: boolean, isAsync: boolean): boolean {
    const attempt = (): number => this.#attempt(isAsync);
    this.found = this.#queue.attemptOrAnnounce(this.parkAt, hasParked, isAsync, attempt);
    return !isNothing(this.found);
  }

  bury(): boolean {
    const { memory } = this.lock.thread;
    return this.#queue.bury((holder) => isHolderGone(memory, holder));
  }

  passOn(): void {
    /* An attempt that fails leaves no notification unused: whoever was to be woken by it is woken by the next change. */
  }
}

function isNothing(found: number): boolean {
  return found === NoCell.NONE || found === NoCell.BUSY;
}

export class ChannelCore {
  readonly lock: LocalLock;
  readonly queue: ChannelQueue;
  readonly #f64: Float64Array;
  readonly #writer: ItemWriter;
  readonly #reader: ItemReader;
  readonly #sending: ChannelEnd;
  readonly #receiving: ChannelEnd;
  /** The item that was received last, until it is handed over. */
  #item: unknown;
  /** Where waits are recorded for this observer, which comes and goes with the agent. */
  #observer: LockObserver | undefined;
  #waits: QueueCell['waits'] | undefined;
  readonly #sampler = new RowSampler();
  /** Sends have waited asynchronously since this was last looked at. */
  #mayHavePending = false;

  constructor(lock: LocalLock) {
    const { thread, handle, numberA: capacity, numberB: itemBytes } = lock;
    const bytes = channelBytes(capacity, itemBytes);
    if (bytes > lock.words.byteLength) throw optionError('the memory of the channel is damaged');
    const views = viewsAt(handle, bytes);
    this.lock = lock;
    this.#f64 = views.f64;
    this.queue = new ChannelQueue({
      views,
      blockAt: 0,
      capacity,
      itemBytes,
      holder: thread.word,
      isDead: (holder) => isOfDeadThread(thread.memory, holder),
    });
    this.#writer = new ItemWriter(views, itemBytes);
    this.#reader = new ItemReader(views);
    const { queue } = this;
    const claim = (isAsync: boolean): number => (isAsync ? queue.claimToSend() : this.#claimInTurn());
    this.#sending = new ChannelEnd(lock, queue, queue.sendersAt, () => queue.mayHaveRoom, claim);
    this.#receiving = new ChannelEnd(
      lock,
      queue,
      queue.receiversAt,
      () => queue.mayHaveItem,
      () => this.#receiveNow(),
    );
  }

  send(item: unknown, options: AcquireOptions | undefined): void {
    const timeoutMs = options === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options);
    this.#writer.measure(item);
    if (this.#trySend(item)) return;
    const encoded = this.#writer.keep();
    waitBlocking(this.#sending, timeoutMs);
    this.#writer.resume(encoded);
    this.#put(item, this.#sending.found);
  }

  trySend(item: unknown): boolean {
    this.#writer.measure(item);
    return this.#trySend(item);
  }

  async sendAsync(item: unknown, options: AcquireAsyncOptions | undefined): Promise<void> {
    const timeoutMs = timeoutOf(options);
    const signal = signalOf(options);
    signal?.throwIfAborted();
    this.#writer.measure(item);
    if (this.#trySend(item)) return;
    const encoded = this.#writer.keep();
    this.#mayHavePending = true;
    await this.lock.queue.wait(this.#sending, { timeoutMs, signal }, () => {
      this.#writer.resume(encoded);
      this.#put(item, this.#sending.found);
    });
  }

  receive(options: AcquireOptions | undefined): unknown {
    const timeoutMs = options === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options);
    const found = this.#receiveNow();
    if (!isNothing(found)) return this.#handOver(found);
    waitBlocking(this.#receiving, timeoutMs);
    return this.#handOver(this.#receiving.found);
  }

  tryReceive(): unknown {
    const found = this.#receiveNow();
    return isNothing(found) ? undefined : this.#handOver(found);
  }

  async receiveAsync(options: AcquireAsyncOptions | undefined): Promise<unknown> {
    const timeoutMs = timeoutOf(options);
    const signal = signalOf(options);
    signal?.throwIfAborted();
    const { queue } = this.lock;
    /* Not past those who wait already. */
    if (queue.size === 0 || queue.waitersFor(this.#receiving) === 0) {
      const found = this.#receiveNow();
      if (!isNothing(found)) return this.#handOver(found);
    }
    return queue.wait(this.#receiving, { timeoutMs, signal }, () => this.#handOver(this.#receiving.found));
  }

  /** Sends what was measured last, if there is room, and if nothing of this thread waits to be sent before it. */
  #trySend(item: unknown): boolean {
    if (perturb !== undefined) perturb('acquire');
    const cellAt = this.#mayHavePending ? this.#claimInTurn() : this.queue.claimToSend();
    if (cellAt === NoCell.NONE) return false;
    this.#put(item, cellAt);
    return true;
  }

  /** Claims a cell once nothing of this thread waits asynchronously to be sent: while the thread is blocked nobody else can send that. */
  #claimInTurn(): number {
    if (this.#mayHavePending) {
      const encoded = this.#writer.keep();
      this.lock.queue.turn();
      this.#writer.resume(encoded);
      this.#mayHavePending = this.lock.queue.waitersFor(this.#sending) > 0;
      if (this.#mayHavePending) return NoCell.NONE;
    }
    return this.queue.claimToSend();
  }

  #put(item: unknown, cellAt: number): void {
    if (cellAt === NoCell.CLOSED) throw this.#closed('takes no more items');
    const { thread } = this.lock;
    this.#f64[(cellAt + CELL.SENT_NS) >> 3] = thread.recording === undefined ? 0 : thread.clock.nowNs();
    this.#writer.write(item, cellAt);
    this.queue.publish(cellAt);
  }

  /** Receives the oldest item into `#item`; or says why there is none. */
  #receiveNow(): number {
    if (perturb !== undefined) perturb('acquire');
    for (;;) {
      const found = this.queue.findItem();
      if (found < 0) return found;
      const sentNs = this.#f64[(found + CELL.SENT_NS) >> 3] as number;
      const item = this.#reader.read(found);
      if (!this.queue.take(found)) continue;
      this.#item = item;
      if (sentNs > 0) {
        const weight = this.#sampler.take();
        if (weight > 0) this.#recordWait(sentNs, weight);
      }
      return found;
    }
  }

  #recordWait(sentNs: number, weight: number): void {
    const { thread, name } = this.lock;
    const observer = thread.recording;
    if (observer === undefined || observer.areQueuesOff) return;
    if (observer !== this.#observer) {
      this.#observer = observer;
      this.#waits = observer.channelWaits(name);
    }
    this.#waits?.record(thread.clock.nowNs() - sentNs, weight);
  }

  #handOver(found: number): unknown {
    if (found === NoCell.CLOSED) throw this.#closed('has no more items');
    const item = this.#item;
    this.#item = undefined;
    return revive(item);
  }

  #closed(what: string): GridwatchError {
    const { name } = this.lock;
    return new GridwatchError(
      'ERR_GRIDWATCH_CHANNEL_CLOSED',
      `${name === '' ? 'the channel' : `the channel '${name}'`} is closed, and ${what}`,
    );
  }
}

/** The block alone, so that its offsets are those of the layout. */
function viewsAt(
  { buffer, byteOffset }: { readonly buffer: SharedArrayBuffer; readonly byteOffset: number },
  bytes: number,
): BlockViews {
  return {
    buffer,
    i32: new Int32Array(buffer, byteOffset, bytes >> 2),
    f64: new Float64Array(buffer, byteOffset, bytes >> 3),
    u8: new Uint8Array(buffer, byteOffset, bytes),
  };
}
