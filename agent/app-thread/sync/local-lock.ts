/**
 * One lock as one thread sees it: where its block stands, and what the thread keeps of it for itself. All objects of this thread for one lock share it.
 *
 * Runs on application threads. What stands in a block was validated before there is such an object (`lock-base.ts`).
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import { HistogramWriter } from '../../shared-memory/histogram.ts';
import { BLOCK, type LockIdentity } from '../../shared-memory/lock-memory.ts';
import { SharedHistogramWriter } from '../../shared-memory/shared-histogram.ts';
import { AsyncQueue } from './async-waiting.ts';
import { HeldLease, type Releaser } from './lease.ts';
import type { LockHandle } from './lock-base.ts';
import { HeldPath } from './lock-order.ts';
import type { LockThread } from './lock-thread.ts';

/** The first holds are all measured, so that a lock that is rarely taken has its durations too; then one in so many, chosen at random. */
const ALL_HOLDS = 64;
const HOLDS_PER_SAMPLE = 64;

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
  /** Of a lock with one holder: the lease by which this thread holds it. */
  lease: HeldLease | undefined;
  /** Spins that a wait took lately, on average. */
  spins = 0;
  /** Short waits by the holder that was waited for, in ns, until they are worth a record. */
  readonly blameNs: Map<number, number> = new Map();
  readonly #isForeign: boolean;
  #queue: AsyncQueue | undefined;
  #sharedWaits: SharedHistogramWriter | undefined;
  #sharedHolds: SharedHistogramWriter | undefined;
  #untilSample = 1;
  #untilBlock = ALL_HOLDS;
  #restOfBlock = 0;

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

  /** A new lease of a blocking call: the thread's newest. */
  open(releaser: Releaser, mode: LockMode, abandoned: boolean): HeldLease {
    const lease = new HeldLease(releaser, this, mode, abandoned);
    const { thread } = this;
    const outer = thread.held;
    if (outer === undefined) lease.path = mode === 'shared' ? this.#sharedPath : this.#exclusivePath;
    else lease.path = thread.order.follow(outer.path, this, mode);
    lease.outer = outer;
    lease.isListed = true;
    thread.held = lease;
    if (--this.#untilSample === 0) this.#sample(lease);
    return lease;
  }

  /** A new lease of an asynchronous call. The thread goes on with other things while it lasts, so it is not in the thread's list. */
  openAsync(releaser: Releaser, mode: LockMode, abandoned: boolean): HeldLease {
    const lease = new HeldLease(releaser, this, mode, abandoned);
    this.thread.pinned.add(lease);
    if (--this.#untilSample === 0) this.#sample(lease);
    return lease;
  }

  /** The lease ends: to be called before the lock is given up. */
  close(lease: HeldLease): void {
    lease.isHeld = false;
    if (lease.isListed) this.#unlink(lease);
    else this.#unpin(lease);
  }

  /** How long a lease lasted, where it is one of those that are measured; -1 otherwise. */
  heldNs(lease: HeldLease): number {
    return lease.holdWeight === 0 ? -1 : this.thread.clock.nowNs() - lease.sampledNs;
  }

  #sharedHistogram(at: number): SharedHistogramWriter {
    return new SharedHistogramWriter(this.handle.buffer, this.handle.byteOffset + at);
  }

  #unlink(lease: HeldLease): void {
    const { thread } = this;
    if (thread.held === lease) {
      thread.held = lease.outer;
      return;
    }
    for (let inner = thread.held; inner !== undefined; inner = inner.outer) {
      if (inner.outer !== lease) continue;
      inner.outer = lease.outer;
      return;
    }
  }

  #unpin(lease: HeldLease): void {
    this.thread.pinned.delete(lease);
    lease.entry?.close();
  }

  /**
   * Each acquisition is measured with a probability of one over its weight, whatever it does: sum and count of the holds are unbiased. After the first
   * ones, one of every 64 in a row, drawn at random.
   */
  #sample(lease: HeldLease): void {
    lease.sampledNs = this.thread.clock.nowNs();
    if (this.#untilBlock > 0) {
      this.#untilBlock--;
      lease.holdWeight = 1;
      this.#untilSample = this.#untilBlock > 0 ? 1 : this.#draw();
      return;
    }
    lease.holdWeight = HOLDS_PER_SAMPLE;
    this.#untilSample = this.#restOfBlock + this.#draw();
  }

  /** The place of the next measured acquisition in its row. */
  #draw(): number {
    const place = 1 + Math.floor(Math.random() * HOLDS_PER_SAMPLE);
    this.#restOfBlock = HOLDS_PER_SAMPLE - place;
    return place;
  }
}
