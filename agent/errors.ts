/**
 * The one class of error that Gridwatch throws. Used on every thread. Two copies of the package in one program must recognise
 * each other's errors, so `instanceof` asks for a mark every copy knows by name, and never for the prototype.
 */

/** Stable: programs compare with these. To rename one is a major version. */
export type GridwatchErrorCode =
  /** Shared memory that is not ours, or was laid out by another version of the package. */
  | 'ERR_GRIDWATCH_LAYOUT'
  /** A lock was not had within `timeoutMs`. */
  | 'ERR_GRIDWATCH_LOCK_TIMEOUT'
  /** A thread would wait for a lock that it holds itself. */
  | 'ERR_GRIDWATCH_LOCK_REENTRY'
  /** A lock was released that is not held, or not by this thread, or no longer. */
  | 'ERR_GRIDWATCH_LOCK_NOT_HELD'
  /** The wait was part of a deadlock, and was chosen to end it (`GRIDWATCH_DEADLOCK_ACTION=abort`). */
  | 'ERR_GRIDWATCH_DEADLOCK'
  /** The name, handle or memory is that of another kind of lock, or of one with other numbers. */
  | 'ERR_GRIDWATCH_LOCK_KIND'
  /** An option of a lock is not what it must be. */
  | 'ERR_GRIDWATCH_LOCK_OPTION'
  /** An argument is not what it must be. */
  | 'ERR_GRIDWATCH_OPTION'
  /** There is no room for another named lock. */
  | 'ERR_GRIDWATCH_LOCK_MEMORY'
  /** The thread cannot know the locks of the process. */
  | 'ERR_GRIDWATCH_SYNC_ORIGIN'
  /** More threads use locks than there can be. */
  | 'ERR_GRIDWATCH_TOO_MANY_THREADS'
  /** A party of the barrier gave up or ended. */
  | 'ERR_GRIDWATCH_BARRIER_BROKEN'
  /** The channel takes, or has, no more items. */
  | 'ERR_GRIDWATCH_CHANNEL_CLOSED'
  /** An item is of what no channel can carry: a function, a promise, shared memory. */
  | 'ERR_GRIDWATCH_ITEM_TYPE'
  /** An item is larger than the channel's slots. */
  | 'ERR_GRIDWATCH_ITEM_TOO_LARGE';

const MARK: symbol = Symbol.for('gridwatch.error');

export class GridwatchError extends Error {
  override readonly name = 'GridwatchError';
  readonly code: GridwatchErrorCode;

  constructor(code: GridwatchErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, MARK, { value: true });
  }

  /** True for an error of any copy of this class. */
  static override [Symbol.hasInstance](value: unknown): value is GridwatchError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true;
  }
}
