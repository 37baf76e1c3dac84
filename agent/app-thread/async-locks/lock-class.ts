/**
 * One class of asynchronous locks on one thread: what is counted of it, in its class cell (`class-cells.ts`), and who waits.
 *
 * Runs on application threads. The path of an acquisition that need not wait reads no clock but for the holds that are sampled.
 */
import { CELL, type ClassCell } from '../../shared-memory/class-cells.ts';
import type { LockKind } from '../../shared-memory/lock-block.ts';

/** So many holds of a class are all measured: of a lock that is seldom taken each one is. */
const ALL_MEASURED = 64;
/** Of the later ones, one in so many on average; each stands for so many. */
const SAMPLED = 64;

export class LockClass {
  /** Number of its name; 0 where there was no room for it. */
  readonly number: number;
  readonly kind: LockKind;
  /** Nobody else's on this thread; undefined where its locks have nothing in common but that too many were made to look where. */
  readonly ownName: string | undefined;
  /** Absent when all cells are in use: then nothing of it is counted. */
  readonly #cell: ClassCell | undefined;
  #oldestNs = 0;
  #untilSample = 1;
  #acquired = 0;

  constructor(number: number, kind: LockKind, cell: ClassCell | undefined, isOfRest = false) {
    this.number = number;
    this.kind = kind;
    this.ownName = isOfRest ? undefined : `${kind} ${number}`;
    this.#cell = cell;
  }

  /** Counts an acquisition; how many holds this one is to stand for, 0 for one that need not be measured. */
  acquired(): number {
    this.#cell?.add(CELL.ACQUISITIONS);
    if (--this.#untilSample > 0) return 0;
    if (this.#acquired < ALL_MEASURED) {
      this.#acquired++;
      this.#untilSample = 1;
      return 1;
    }
    /* At random, or a program with a rhythm of its own would have the same holds measured again and again. */
    this.#untilSample = 1 + Math.floor(Math.random() * (2 * SAMPLED - 1));
    return SAMPLED;
  }

  /** One that had to wait. Its hold is always measured. */
  acquiredAfter(waitedNs: number): void {
    this.#cell?.add(CELL.ACQUISITIONS);
    this.#cell?.add(CELL.CONTENTIONS);
    this.#cell?.waits.record(waitedNs);
  }

  timedOut(): void {
    this.#cell?.add(CELL.TIMEOUTS);
  }

  aborted(): void {
    this.#cell?.add(CELL.ABORTS);
  }

  held(durationNs: number, weight: number): void {
    this.#cell?.holds.record(durationNs, weight);
  }

  beginsToWait(): void {
    this.#cell?.add(CELL.WAITERS);
  }

  endsToWait(sinceNs: number): void {
    this.#cell?.add(CELL.WAITERS, -1);
    if (sinceNs === this.#oldestNs) this.oldest(0);
  }

  /** Since when the oldest of those waits that have lasted for a while; 0 for none. */
  oldest(sinceNs: number): void {
    if (sinceNs === this.#oldestNs) return;
    this.#oldestNs = sinceNs;
    this.#cell?.setOldestSince(sinceNs);
  }
}
