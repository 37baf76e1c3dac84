/**
 * What this thread does for the agent every 5 s: one unref'd timer for all sources that only the thread itself can ask.
 *
 * Runs on application threads. A wake-up of an idle thread costs 0.1 ms of CPU, whatever it is for, so there is one in 5 s and no more. A thread
 * that goes from one `Atomics.wait` to the next never turns its event loop; it does the same before it blocks. What a listener throws stays here.
 */

/* The originals: a program's tests may replace the globals by clocks of their own. */
const { setInterval, clearInterval } = globalThis;

const INTERVAL_MS = 5000;

export class Heartbeat {
  readonly #nowNs: () => number;
  #timer: NodeJS.Timeout | undefined;
  readonly #listeners: ((nowNs: number) => void)[] = [];
  #lastNs: number;
  #dueNs: number;

  constructor(nowNs: () => number) {
    this.#nowNs = nowNs;
    this.#lastNs = nowNs();
    this.#dueNs = this.#lastNs + INTERVAL_MS * 1e6;
  }

  /** When the event loop turns for it, unless it is busy. */
  get dueNs(): number {
    return this.#dueNs;
  }

  /** A listener that throws is not called again. */
  add(listener: (nowNs: number) => void): void {
    this.#listeners.push(listener);
    this.#timer ??= setInterval(this.#onTick, INTERVAL_MS).unref();
  }

  /** The thread is about to block, or to end: calls the listeners if the last time was long enough ago. */
  beforeWait(nowNs: number): void {
    if (nowNs - this.#lastNs >= INTERVAL_MS * 1e6) this.#beat(nowNs);
  }

  readonly #onTick = (): void => {
    const nowNs = this.#nowNs();
    this.#dueNs = nowNs + INTERVAL_MS * 1e6;
    this.#beat(nowNs);
  };

  #beat(nowNs: number): void {
    this.#lastNs = nowNs;
    for (const [index, listener] of this.#listeners.entries()) {
      try {
        listener(nowNs);
      } catch {
        this.#listeners[index] = () => {};
      }
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
