/**
 * Items in the order in which a library holds its own, where that cannot be looked at: to be taken from the front, put in at either end.
 *
 * Runs on application threads. It allocates only when it grows, to the next power of two.
 */
import type { QueueItem } from './tracked-queue.ts';

const SMALLEST = 16;

export class ItemDeque {
  /** Undefined: an item that is not followed, but stands in the way of the next. */
  #slots: (QueueItem | undefined)[] = [];
  #mask = -1;
  #head = 0;
  #length = 0;

  push(item: QueueItem | undefined): void {
    if (this.#length > this.#mask) this.#grow();
    this.#slots[(this.#head + this.#length++) & this.#mask] = item;
  }

  unshift(item: QueueItem | undefined): void {
    if (this.#length > this.#mask) this.#grow();
    this.#head = (this.#head - 1) & this.#mask;
    this.#slots[this.#head] = item;
    this.#length++;
  }

  /** Undefined also where there is none. */
  shift(): QueueItem | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#length--;
    return item;
  }

  clear(): void {
    this.#slots = [];
    this.#mask = -1;
    this.#head = 0;
    this.#length = 0;
  }

  #grow(): void {
    const size = this.#mask < 0 ? SMALLEST : this.#slots.length * 2;
    const slots = Array.from<QueueItem | undefined>({ length: size });
    for (let i = 0; i < this.#length; i++) slots[i] = this.#slots[(this.#head + i) & this.#mask];
    this.#slots = slots;
    this.#mask = size - 1;
    this.#head = 0;
  }
}
