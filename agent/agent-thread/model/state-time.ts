/**
 * Where the time of one thread went: every nanosecond of its life in exactly one state.
 *
 * Runs on the agent thread. Pure arithmetic on what a sample found; it reads nothing and knows no platform. What it is given may be late,
 * wrong or garbage: that may put time into the wrong state, it must never make or lose any.
 *
 * The kernel's running and runnable times are claims that arrive late: by one scheduler tick for a thread that runs, by its whole wait
 * for one that stands in the run queue. So a claim that does not fit into the time since the last sample is kept and granted
 * later, and time nobody has claimed yet stays open until a sample sees the thread blocked or waiting, which is when the kernel's numbers are up to
 * date.
 *
 * Invariants
 * T1  The sum over all states plus the open time is the time since `birthNs`; after `settle` the open time is zero.
 * T2  No state's time ever shrinks.
 */
import type { WaitSnapshot } from '../../shared-memory/wait-word.ts';
import type { KernelState } from '../host/kernel-state.ts';
import { ATTRIBUTES } from '../telemetry/catalog.ts';

export const THREAD_STATES: (typeof ATTRIBUTES)['gridwatch.thread.state']['values'] =
  ATTRIBUTES['gridwatch.thread.state'].values;
export type ThreadState = (typeof THREAD_STATES)[number];

/** What a sample saw the thread do: blocked as the kernel says, or in a wait the wait word tells of (the kernel was not asked). */
export type SeenState = KernelState | 'waiting';

/** A thread on a CPU is charged at the next tick, and ticks are 1 to 10 ms apart. */
const MAX_TICK_NS = 1e7;

export class StateTime {
  /** By state, in the order of `THREAD_STATES`. */
  readonly ns: Float64Array = new Float64Array(THREAD_STATES.length);
  readonly birthNs: number;
  /** What a futex wait that no wait word tells of counts as. */
  readonly #futexState: ThreadState;
  #nowNs: number;
  #openNs = 0;
  /** Claimed but not granted yet; negative: granted ahead of the claim. */
  #runningDueNs = 0;
  #runnableDueNs = 0;
  readonly #run = new Counter();
  readonly #queue = new Counter();
  readonly #parked = new Counter();
  readonly #waitingLock = new Counter();
  readonly #waitingQueue = new Counter();
  /** The sample from which on it was never seen off the run queue, and its schedule stood still. */
  #inQueueSinceNs: number;
  #seen: SeenState = 'unseen';
  /** Undefined until it was seen blocked for the first time. */
  #blockedIn: ThreadState | undefined;

  constructor(birthNs: number, futexState: ThreadState) {
    this.birthNs = Math.floor(birthNs);
    this.#nowNs = this.birthNs;
    this.#inQueueSinceNs = this.birthNs;
    this.#futexState = futexState;
  }

  /** Up to when the time is accounted for. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** What the last sample saw. */
  get seen(): SeenState {
    return this.#seen;
  }

  get openNs(): number {
    return this.#openNs;
  }

  of(state: ThreadState): number {
    return this.ns[THREAD_STATES.indexOf(state)] as number;
  }

  /**
   * Accounts for the time since the last call. `runNs` and `queueNs` are the kernel's, cumulative since the thread began;
   * `wait` is undefined when there is no wait word.
   */
  advance(nowNs: number, runNs: number, queueNs: number, wait: WaitSnapshot | undefined, seen: SeenState): void {
    const elapsedNs = Math.floor(nowNs) - this.#nowNs;
    if (elapsedNs > 0) {
      this.#openNs += elapsedNs;
      this.#nowNs += elapsedNs;
    }
    this.#claimSchedule(runNs, queueNs);
    this.#runningDueNs -= this.#grant('running', this.#runningDueNs);
    this.#runnableDueNs -= this.#grant('runnable', this.#runnableDueNs);
    this.#boundDues();
    if (wait !== undefined) this.#grantWaits(wait);
    this.#seen = seen;
    if (seen === 'on_cpu' || seen === 'unseen') return;
    /* Of a thread that waits the wait word tells all: what is left was before its wait, when it was last seen blocked. */
    if (seen !== 'waiting') this.#blockedIn = this.#blockedState(seen);
    if (this.#blockedIn !== undefined) this.#grant(this.#blockedIn, this.#openNs);
  }

  /**
   * Closes what is open by the best guess. Of a thread that was last seen on a CPU or in the run queue, the tick it is not yet charged for is
   * running; all else is runnable as far as its schedule stood still from sample to sample, or if it has not blocked since the last call. What the
   * guess grants is taken off the claim that comes later. The rest is what the thread was blocked in when it was last seen blocked.
   */
  settle(mayHaveBlocked: boolean): void {
    if (this.#seen === 'on_cpu') {
      const queuedNs = this.#nowNs - this.#inQueueSinceNs;
      if (queuedNs === 0) this.#runningDueNs -= this.#grant('running', MAX_TICK_NS);
      this.#runnableDueNs -= this.#grant('runnable', mayHaveBlocked ? queuedNs : this.#openNs);
    }
    this.#grant(this.#blockedIn ?? 'unknown', this.#openNs);
  }

  #grant(state: ThreadState, ns: number): number {
    const grantedNs = Math.max(0, Math.min(ns, this.#openNs));
    const index = THREAD_STATES.indexOf(state);
    this.ns[index] = (this.ns[index] as number) + grantedNs;
    this.#openNs -= grantedNs;
    return grantedNs;
  }

  #claimSchedule(runNs: number, queueNs: number): void {
    const ranNs = this.#run.growth(runNs);
    const queuedNs = this.#queue.growth(queueNs);
    if (ranNs > 0 || queuedNs > 0 || this.#seen !== 'on_cpu') this.#inQueueSinceNs = this.#nowNs;
    this.#runningDueNs += ranNs;
    this.#runnableDueNs += queuedNs;
  }

  /** Nobody can have run or queued for longer than it lived: what is due beyond is not of this time, and is forgotten. */
  #boundDues(): void {
    const otherNs = this.#nowNs - this.birthNs - this.of('running') - this.of('runnable');
    this.#runningDueNs = Math.min(this.#runningDueNs, otherNs);
    this.#runnableDueNs = Math.min(this.#runnableDueNs, otherNs - Math.max(0, this.#runningDueNs));
  }

  /**
   * Waits are exact, so what does not fit is not kept: it is the time in which the thread, already woken, ran or stood in the run queue
   * before it could say that its wait was over. It is taken from all waits of the interval in proportion. A sample that falls into that time
   * cannot see it: runnable then takes it from what the thread does next.
   */
  #grantWaits(wait: WaitSnapshot): void {
    const parkedNs = this.#parked.growth(wait.parkedNs);
    const lockNs = this.#waitingLock.growth(wait.waitingLockNs);
    const queueNs = this.#waitingQueue.growth(wait.waitingQueueNs);
    const waitedNs = parkedNs + lockNs + queueNs;
    if (waitedNs === 0) return;
    const share = Math.min(1, this.#openNs / waitedNs);
    this.#grant('parked', Math.floor(parkedNs * share));
    this.#grant('waiting_lock', Math.floor(lockNs * share));
    this.#grant('waiting_queue', Math.floor(queueNs * share));
  }

  #blockedState(seen: 'idle' | 'blocked_io' | 'futex' | 'other'): ThreadState {
    if (seen === 'futex') return this.#futexState;
    return seen === 'other' ? 'unknown' : seen;
  }
}

/** A counter of nanoseconds as it is read now and then: one that went back was not believable then or is not now, and begins anew. */
class Counter {
  #last = 0;

  growth(now: number): number {
    if (!(now >= 0 && now <= Number.MAX_SAFE_INTEGER)) return 0;
    const grownNs = Math.floor(now) - this.#last;
    this.#last += grownNs;
    return Math.max(0, grownNs);
  }
}
