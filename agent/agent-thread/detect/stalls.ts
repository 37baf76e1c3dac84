/**
 * Event loops that are held up at this moment: a turn that never ends is never told of by its own thread.
 *
 * Runs on the agent thread. A finished turn past the threshold is a record of its thread's; this is for the one that goes on and on, before whoever
 * probes the program kills it. Told once a turn. It must never tell of a thread that waits, nor of one the kernel lets stand.
 */
const LOOK_INTERVAL_NS = 1e9;
/** From here on somebody will restart the program soon. */
export const INCIDENT_STALL_NS = 10e9;
/** What two looks in a row have seen. */
export const ANY_STALL_NS = 1e9;
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

export interface StallSettings<T> {
  readonly minStallNs: number;
  readonly onStall: (stall: Stall<T>, nowNs: number) => void;
}

interface Watched {
  readonly sinceNs: number;
  readonly seenNs: number;
  readonly cpuNs: number;
  isTold: boolean;
}

export class Stalls<T extends StallSubject> {
  readonly #settings: StallSettings<T>;
  readonly #watched = new WeakMap<T, Watched>();
  #lastLookNs = 0;

  constructor(settings: StallSettings<T>) {
    this.#settings = settings;
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
    if (watched.isTold || nowNs - sinceNs < this.#settings.minStallNs) return;
    const cpuNs = thread.entry.cpuNs - watched.cpuNs;
    if (cpuNs < (nowNs - watched.seenNs) * MIN_CPU_SHARE) return;
    watched.isTold = true;
    this.#settings.onStall({ thread, sinceNs, cpuNs }, nowNs);
  }
}
