/**
 * A time-out after which a library gives up a wait by itself, of which it says nothing. Ours is set before the library's own: of timers of one length the first that was
 * set comes first, however long it takes to look at what was asked.
 *
 * Runs on application threads.
 */
import type { Wait } from './tracked-lock.ts';

const { setTimeout: later, clearTimeout: clearLater } = globalThis;

export class Timeout {
  readonly timeoutMs: number;
  #wait: Wait | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `isSure`: somebody is to wait, as far as can be seen. */
  constructor(timeoutMs: number, isSure: boolean) {
    this.timeoutMs = timeoutMs;
    if (isSure) this.#set();
  }

  /** This is who waits. */
  begins(wait: Wait): void {
    this.#wait = wait;
    wait.timer = this.#timer ?? this.#set();
  }

  /** The library has been asked: if nobody waits, nothing is left. */
  isAsked(): void {
    if (this.#wait === undefined) clearLater(this.#timer);
  }

  #set(): NodeJS.Timeout {
    this.#timer = later(() => {
      if (this.#wait !== undefined) this.#wait.hold.lock.gaveUp(this.#wait, 'timeout');
    }, this.timeoutMs).unref();
    return this.#timer;
  }
}
