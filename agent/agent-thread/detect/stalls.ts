/**
 * Event loops that are held up at this moment: a turn that never ends is never told of by its own thread.
 *
 * Runs on the agent thread. A finished turn past the threshold is a record of its thread's; this is for the one that has been going on for ten seconds,
 * before whoever probes the program kills it. Told once a turn. It must never tell of a thread that waits, nor of one the kernel lets stand.
 */
const LOOK_INTERVAL_NS = 1e9;
const MIN_STALL_NS = 10e9;
/** Of the time that was watched. */
const MIN_CPU_SHARE = 0.5;

/** What is looked at of a thread. */
export interface StallSubject {
  readonly entry: { readonly cpuNs: number };
  readonly loop: { lateSinceNs(nowNs: number): number | undefined };
}

export interface Stall<T> {
  readonly thread: T;
  /** At the latest: when something due began to wait. */
  readonly sinceNs: number;
  /** At least. */
  readonly cpuNs: number;
}

interface Watched {
  readonly sinceNs: number;
  readonly seenNs: number;
  readonly cpuNs: number;
  isTold: boolean;
}

export class Stalls<T extends StallSubject> {
  readonly #onStall: (stall: Stall<T>, nowNs: number) => void;
  readonly #watched = new WeakMap<T, Watched>();
  #lastLookNs = 0;

  constructor(onStall: (stall: Stall<T>, nowNs: number) => void) {
    this.#onStall = onStall;
  }

  /** To be called often; looks once a second. */
  look(threads: Iterable<T>, nowNs: number): void {
    if (nowNs - this.#lastLookNs < LOOK_INTERVAL_NS) return;
    this.#lastLookNs = nowNs;
    for (const thread of threads) {
      const sinceNs = thread.loop.lateSinceNs(nowNs);
      if (sinceNs === undefined) this.#watched.delete(thread);
      else this.#watch(thread, sinceNs, nowNs);
    }
  }

  #watch(thread: T, sinceNs: number, nowNs: number): void {
    const watched = this.#watched.get(thread);
    if (watched?.sinceNs !== sinceNs) {
      this.#watched.set(thread, { sinceNs, seenNs: nowNs, cpuNs: thread.entry.cpuNs, isTold: false });
      return;
    }
    if (watched.isTold || nowNs - sinceNs < MIN_STALL_NS) return;
    const cpuNs = thread.entry.cpuNs - watched.cpuNs;
    if (cpuNs < (nowNs - watched.seenNs) * MIN_CPU_SHARE) return;
    watched.isTold = true;
    this.#onStall({ thread, sinceNs, cpuNs }, nowNs);
  }
}
