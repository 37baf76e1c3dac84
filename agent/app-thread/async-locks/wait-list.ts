/**
 * Those that wait, in the order in which they began: each knows its neighbours, so that one may leave from anywhere without a search.
 *
 * Runs on application threads.
 */
import type { Wait } from './tracked-lock.ts';

export class WaitList {
  #oldest: Wait | undefined;
  #newest: Wait | undefined;

  get oldest(): Wait | undefined {
    return this.#oldest;
  }

  add(wait: Wait): void {
    wait.earlier = this.#newest;
    if (this.#newest === undefined) this.#oldest = wait;
    else this.#newest.later = wait;
    this.#newest = wait;
  }

  /** It must be in the list. */
  remove(wait: Wait): void {
    const { earlier, later } = wait;
    if (earlier === undefined) this.#oldest = later;
    else earlier.later = later;
    if (later === undefined) this.#newest = earlier;
    else later.earlier = earlier;
    wait.earlier = undefined;
    wait.later = undefined;
  }
}
