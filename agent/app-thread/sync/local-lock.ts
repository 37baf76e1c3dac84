/**
 * One lock as one thread sees it: where its block stands, and what the thread keeps of it for itself. All objects of this thread for one lock share it.
 *
 * Runs on application threads. What stands in a block was validated before there is such an object (`open-lock.ts`).
 */
import { HistogramWriter } from '../../shared-memory/histogram.ts';
import { BLOCK, type LockIdentity } from '../../shared-memory/lock-block.ts';
import { SharedHistogramWriter } from '../../shared-memory/shared-histogram.ts';
import { AsyncQueue } from './async-waiting.ts';
import { AsyncLease, HeldLease, type Releaser } from './lease.ts';
import type { AcquireOptions, LockHandle } from './lock-options.ts';
import { HeldPath } from './lock-order.ts';
import type { LockThread } from './lock-thread.ts';
import { perturb } from './perturbed.ts';
import { tellBlockingOrder } from './scoped-order.ts';

/**
 * The first holds that a thread has of a lock are all measured, so that a lock that is rarely taken has its durations too; then one of so many in a row,
 * chosen at random; and after as many again, when there is enough of them, one of many more.
 */
const HOLDS_AT_EACH_RATE = 64;
const ROW_LENGTHS = [1, 64, 256] as const;

const ACQUISITIONS = BLOCK.ACQUISITIONS >> 2;
const CONTENTIONS = BLOCK.CONTENTIONS >> 2;

/** One of the holds that are measured, while it lasts. */
interface HoldSample {
  lease: HeldLease;
  readonly sinceNs: number;
  /** For how many it stands. */
  readonly weight: number;
  next: HoldSample | undefined;
}

export class LocalLock {
  readonly thread: LockThread;
  readonly id: number;
  readonly kind: LockIdentity['kind'];
  readonly name: string;
  readonly handle: LockHandle;
  readonly numberA: number;
  readonly numberB: number;
  /** The block as words: index = byte offset in `BLOCK` / 4. */
  readonly words: Int32Array;
  readonly u32: Uint32Array;
  readonly waits: HistogramWriter;
  readonly holds: HistogramWriter;
  /** The path of a thread that holds nothing else, by mode. */
  readonly #exclusivePath: HeldPath;
  readonly #sharedPath: HeldPath;
  /** Spins that a wait took lately, on average. */
  spins = 0;
  /** Short waits by the holder that was waited for, in ns, until they are worth a record. */
  readonly blameNs: Map<number, number> = new Map();
  readonly #isForeign: boolean;
  #queue: AsyncQueue | undefined;
  #sharedWaits: SharedHistogramWriter | undefined;
  #sharedHolds: SharedHistogramWriter | undefined;
  #sample: HoldSample | undefined;
  #untilSample = 1;
  #samples = 0;
  #rate = 0;
  #restOfRow = 0;

  constructor(thread: LockThread, identity: LockIdentity & { id: number }, handle: LockHandle, isForeign: boolean) {
    const { buffer, byteOffset } = handle;
    this.thread = thread;
    this.id = identity.id;
    this.kind = identity.kind;
    this.name = identity.name;
    this.numberA = identity.numberA;
    this.numberB = identity.numberB;
    this.handle = handle;
    this.words = new Int32Array(buffer, byteOffset, identity.bytes >> 2);
    this.u32 = new Uint32Array(buffer, byteOffset, identity.bytes >> 2);
    this.waits = new HistogramWriter('waits', buffer, byteOffset + BLOCK.WAITS);
    this.holds = new HistogramWriter('waits', buffer, byteOffset + BLOCK.HOLDS);
    const ref = { lockId: identity.id, classNumber: 0, kind: identity.kind };
    this.#exclusivePath = new HeldPath({ ...ref, mode: 'exclusive' }, undefined);
    this.#sharedPath = new HeldPath({ ...ref, mode: 'shared' }, undefined);
    this.#isForeign = isForeign;
    this.adopt();
  }

  /** Tells the agent of a block that it does not find in lock memory. */
  adopt(): void {
    if (this.#isForeign) this.thread.observer?.adopt(this.id, this.handle.buffer, this.handle.byteOffset);
  }

  /** What waits for this lock asynchronously on this thread. */
  get queue(): AsyncQueue {
    return (this.#queue ??= new AsyncQueue(this));
  }

  /** Of a lock that several may hold. */
  get sharedWaits(): SharedHistogramWriter {
    return (this.#sharedWaits ??= this.#sharedHistogram(BLOCK.SHARED_WAITS));
  }

  get sharedHolds(): SharedHistogramWriter {
    return (this.#sharedHolds ??= this.#sharedHistogram(BLOCK.SHARED_HOLDS));
  }

  /** To be called by the one holder. */
  countAcquisition(): void {
    this.words[ACQUISITIONS] = ((this.words[ACQUISITIONS] as number) + 1) | 0;
  }

  /** The same, of one that had to wait. */
  countContention(): void {
    this.words[CONTENTIONS] = ((this.words[CONTENTIONS] as number) + 1) | 0;
  }

  /** A new lease of a call that blocks, or would have; `options` say for how long. It is the thread's newest. */
  open(releaser: Releaser, abandoned: boolean, options: AcquireOptions | undefined): HeldLease {
    const { thread } = this;
    const outer = thread.held;
    const path =
      outer !== undefined
        ? thread.order.follow(outer.path, this, releaser.mode, options?.timeoutMs === 0)
        : releaser.mode === 'shared'
          ? this.#sharedPath
          : this.#exclusivePath;
    const lease = new HeldLease(releaser, abandoned, outer, path);
    thread.held = lease;
    if (--this.#untilSample === 0) this.#lookSlow(lease, options);
    if (perturb !== undefined) perturb('acquired');
    return lease;
  }

  /** A new lease of an asynchronous call. The thread goes on with other things while it lasts, so it is not in the thread's list. */
  openAsync(releaser: Releaser, abandoned: boolean): AsyncLease {
    const lease = new AsyncLease(releaser, abandoned);
    this.thread.pinned.add(lease);
    if (--this.#untilSample === 0) this.#sampleSlow(lease);
    if (perturb !== undefined) perturb('acquired');
    return lease;
  }

  /** The lease ends. To be called before the lock is given up: its hold ends here, and is recorded by the holder. */
  close(lease: HeldLease): void {
    if (perturb !== undefined) perturb('release');
    lease.end();
    if (this.thread.held === lease) this.thread.held = lease.outer;
    else this.#closeSlow(lease);
    if (this.#sample !== undefined) this.#recordSlow(lease);
  }

  /** Lets a lease that has ended stand for the acquisition of another one: for who gives a mutex up while it waits, and has it again after. */
  transfer(from: HeldLease, to: HeldLease): void {
    const { thread } = this;
    to.revive(from.abandoned);
    from.end();
    to.outer = from.outer;
    to.path = from.path;
    if (thread.held === from) thread.held = to;
    if (from instanceof AsyncLease && to instanceof AsyncLease) {
      thread.pinned.delete(from);
      thread.pinned.add(to);
      to.entry = from.entry;
    }
    for (let sample = this.#sample; sample !== undefined; sample = sample.next)
      if (sample.lease === from) sample.lease = to;
  }

  /** The newest lease by which this thread holds the lock in a mode. */
  findHeld(releaser: Releaser): HeldLease | undefined {
    const { held, pinned } = this.thread;
    for (let lease = held; lease !== undefined; lease = lease.outer) if (lease.releaser === releaser) return lease;
    for (const lease of pinned) if (lease.releaser === releaser) return lease;
    return undefined;
  }

  #sharedHistogram(at: number): SharedHistogramWriter {
    return new SharedHistogramWriter(this.handle.buffer, this.handle.byteOffset + at);
  }

  #closeSlow(lease: HeldLease): void {
    const { thread } = this;
    if (lease instanceof AsyncLease) {
      thread.pinned.delete(lease);
      lease.entry?.close();
      return;
    }
    for (let inner = thread.held; inner !== undefined; inner = inner.outer) {
      if (inner.outer !== lease) continue;
      inner.outer = lease.outer;
      return;
    }
  }

  /** An acquisition that is measured. To look for the callback it is part of would cost each of the others a third more. */
  #lookSlow(lease: HeldLease, options: AcquireOptions | undefined): void {
    this.#sampleSlow(lease);
    /* Of a wait that is bounded no order is told. */
    if ((options?.timeoutMs ?? Number.POSITIVE_INFINITY) !== Number.POSITIVE_INFINITY) return;
    tellBlockingOrder(this, lease.releaser.mode);
    this.thread.order.tellAgain(lease.path);
  }

  /** Each acquisition is measured with a probability of one over its weight, whatever it does: sum and count of the holds are unbiased. */
  #sampleSlow(lease: HeldLease): void {
    const weight = ROW_LENGTHS[this.#rate] as number;
    this.#sample = { lease, sinceNs: this.thread.clock.nowNs(), weight, next: this.#sample };
    if (++this.#samples % HOLDS_AT_EACH_RATE === 0 && this.#rate < ROW_LENGTHS.length - 1) this.#rate++;
    /* The place of the next one in its row, which begins when this one's is over. */
    const length = ROW_LENGTHS[this.#rate] as number;
    const place = 1 + Math.floor(Math.random() * length);
    this.#untilSample = this.#restOfRow + place;
    this.#restOfRow = length - place;
  }

  /** A lease has ended while a hold is measured: its own, or another of a lock that several may hold. */
  #recordSlow(lease: HeldLease): void {
    let before: HoldSample | undefined;
    for (let sample = this.#sample; sample !== undefined; before = sample, sample = sample.next) {
      if (sample.lease !== lease) continue;
      if (before === undefined) this.#sample = sample.next;
      else before.next = sample.next;
      const holds = lease.releaser.mode === 'shared' ? this.sharedHolds : this.holds;
      holds.record(this.thread.clock.nowNs() - sample.sinceNs, sample.weight);
      return;
    }
  }
}
