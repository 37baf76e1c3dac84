/**
 * Items that wait, in the order in which they came: each knows its neighbours, so that one may leave from anywhere without a search, and the next to be the
 * oldest is known at once. (A `Set` would step over all that have left before it.)
 *
 * Runs on application threads.
 */
import type { QueueItem } from './tracked-queue.ts';

export class WaitingItems {
  #oldest: QueueItem | undefined;
  #newest: QueueItem | undefined;
  size = 0;

  get oldest(): QueueItem | undefined {
    return this.#oldest;
  }

  add(item: QueueItem): void {
    item.isWaiting = true;
    item.earlier = this.#newest;
    if (this.#newest === undefined) this.#oldest = item;
    else this.#newest.later = item;
    this.#newest = item;
    this.size++;
  }

  /** False where it does not wait. */
  delete(item: QueueItem): boolean {
    if (!item.isWaiting) return false;
    const { earlier, later } = item;
    if (earlier === undefined) this.#oldest = later;
    else earlier.later = later;
    if (later === undefined) this.#newest = earlier;
    else later.earlier = earlier;
    item.isWaiting = false;
    item.earlier = undefined;
    item.later = undefined;
    this.size--;
    return true;
  }
}
