/**
 * The two ends between which every lock stands: one that only spins, and one that only parks. Both are as small as they can be, and both are right. The two in
 * the middle, `Mutex` and its fair form, are those of `gridwatch/sync`. Runs on the threads of `subject.js`.
 */
const FREE = 0;
const HELD = 1;
/** Held, and somebody may be parked. */
const WAITED_FOR = 2;

/** Never gives its core away while it waits: a full busy core for each waiter. */
export class SpinLock {
  #words;
  #at;

  constructor(words, at) {
    this.#words = words;
    this.#at = at;
  }

  acquire() {
    while (Atomics.compareExchange(this.#words, this.#at, FREE, HELD) !== FREE);
    return this;
  }

  release() {
    Atomics.store(this.#words, this.#at, FREE);
  }
}

/** Parks at once: a waiter costs nothing, but each wait costs two switches of threads. Drepper, "Futexes Are Tricky", the second mutex. */
export class ParkLock {
  #words;
  #at;

  constructor(words, at) {
    this.#words = words;
    this.#at = at;
  }

  acquire() {
    if (Atomics.compareExchange(this.#words, this.#at, FREE, HELD) !== FREE)
      while (Atomics.exchange(this.#words, this.#at, WAITED_FOR) !== FREE)
        Atomics.wait(this.#words, this.#at, WAITED_FOR);
    return this;
  }

  release() {
    if (Atomics.exchange(this.#words, this.#at, FREE) === WAITED_FOR) Atomics.notify(this.#words, this.#at, 1);
  }
}
