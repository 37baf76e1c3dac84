/**
 * One way to take a lock that has several, or that several hold: each acquisition is an attempt of the kind's, and what it took is given back. What is particular
 * to a kind and mode is in its subclass.
 *
 * Runs on application threads. One object a thread, lock and mode.
 */
import { GridwatchError } from '../../errors.ts';
import { BLOCK } from '../../shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../shared-memory/lock-memory.ts';
import type { Place } from '../../shared-memory/rw-lock-words.ts';
import type { HeldLease } from './lease.ts';
import { LockAccess } from './lock-access.ts';
import { type AcquireOptions, type Lease, timeoutOf } from './lock-options.ts';
import { perturb } from './perturbed.ts';
import { answerAsk } from './wait-report.ts';
import { waitBlocking } from './waiting.ts';

const SHARED_ACQUISITIONS = BLOCK.SHARED_ACQUISITIONS >> 2;

export abstract class LockSide extends LockAccess {
  /** Where the last attempt that failed has said to park. */
  protected readonly place: Place = { index: 0, value: 0 };
  /** Which part of the lock the last attempt that succeeded has taken. */
  protected part = 0;

  /** Gives the lock, or the part of it, back; false where this thread does not have it. */
  protected abstract giveBack(part: number): boolean;
  /** Whether a blocking wait could never end, as what it is for is this thread's own. */
  protected abstract isOwn(): boolean;
  /** Somebody waits, as far as it can be seen before the release. */
  protected abstract hasWaiters(): boolean;

  get parkAt(): number {
    return this.place.index;
  }

  get parkValue(): number {
    return this.place.value;
  }

  acquire(options: AcquireOptions | undefined): Lease {
    const timeoutMs = timeoutOf(options);
    if (perturb !== undefined) perturb('acquire');
    if (this.attempt(false, false)) return this.open(options);
    if (this.isOwn()) {
      this.leave();
      throw new GridwatchError('ERR_GRIDWATCH_LOCK_REENTRY', this.reentry());
    }
    try {
      waitBlocking(this, timeoutMs);
    } catch (error) {
      this.leave();
      throw error;
    }
    return this.open(options);
  }

  release(lease: HeldLease): void {
    const { lock } = this;
    if (!lease.isHeld) throw this.notHeld();
    lock.close(lease);
    if (!this.hasWaiters()) {
      if (!this.giveBack(lease.part)) throw this.notHeld();
      return;
    }
    answerAsk(lock);
    lock.thread.tell(LOCK_THREAD.PENDING, lock.id);
    const hadIt = this.giveBack(lease.part);
    lock.thread.tell(LOCK_THREAD.PENDING, 0);
    if (!hadIt) throw this.notHeld();
  }

  /** As who does not block: it has no claim to pass those who wait. */
  protected tryAtOnce(): boolean {
    return this.isFree() && this.attempt(false, true);
  }

  protected count(lease: HeldLease): void {
    if (this.mode === 'exclusive') this.lock.countAcquisition();
    else Atomics.add(this.lock.words, SHARED_ACQUISITIONS, 1);
    lease.part = this.part;
  }
}
