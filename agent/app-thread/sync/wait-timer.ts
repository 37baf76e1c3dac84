/**
 * The one timer of a thread's asynchronous waits: keeps the thread alive while there are any, ends those whose time is up, and looks after the others.
 *
 * Runs on application threads.
 */
import { lockThread } from './lock-thread.ts';

/** What is looked after: the waiters for one lock. */
interface Ticking {
  tick(nowNs: number): void;
  nextDeadlineNs(): number;
}

/** No longer than this is a holder dead before its waiters see it. */
const SLICE_MS = 1000;
/** So soon after it has begun to wait a waiter is described. */
const FIRST_SLICE_MS = 10;

class WaitTimer {
  readonly #queues = new Set<Ticking>();
  #timer: NodeJS.Timeout | undefined;
  #dueNs = Number.POSITIVE_INFINITY;

  /** A wait has begun: its queue is looked after from now on. */
  add(queue: Ticking, deadlineNs: number): void {
    this.#queues.add(queue);
    const nowNs = lockThread().clock.nowNs();
    this.#schedule(nowNs, Math.min(deadlineNs, nowNs + FIRST_SLICE_MS * 1e6));
    this.#timer?.ref();
  }

  /** Nobody waits in this queue any longer. A timer that is no longer needed is kept for the next wait, but keeps nothing alive. */
  delete(queue: Ticking): void {
    this.#queues.delete(queue);
    if (this.#queues.size === 0) this.#timer?.unref();
  }

  #schedule(nowNs: number, dueNs: number): void {
    if (dueNs >= this.#dueNs) return;
    clearTimeout(this.#timer);
    this.#dueNs = dueNs;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, Math.ceil((dueNs - nowNs) / 1e6)));
  }

  #tick(): void {
    this.#dueNs = Number.POSITIVE_INFINITY;
    const { clock } = lockThread();
    for (const queue of this.#queues) queue.tick(clock.nowNs());
    if (this.#queues.size === 0) return;
    const nowNs = clock.nowNs();
    let dueNs = nowNs + SLICE_MS * 1e6;
    for (const queue of this.#queues) dueNs = Math.min(dueNs, queue.nextDeadlineNs());
    this.#schedule(nowNs, dueNs);
  }
}

export const waitTimer: WaitTimer = new WaitTimer();
