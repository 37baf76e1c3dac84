/**
 * What `instrumentLock()` is told of a lock. Types only; read by every thread.
 */

/** How a promise lock is used: the names of its methods. */
export interface InstrumentLockOptions {
  /** Its class, as `gridwatch.lock.name` shows it: one of finitely many, without ids. */
  readonly name: string;
  /** The method that asks for the lock, and whose promise is fulfilled when it is given. Default `acquire`. */
  readonly acquire?: string | undefined;
  /** The method that gives it back. Default: none; what `acquire` resolves to is then the function that does so. */
  readonly release?: string | undefined;
  /** A method that runs a function given to it with the lock held: only of those is it certain who holds the lock. Default: none. */
  readonly run?: string | undefined;
  /** How many may hold it at once, 1 and more. Default 1. */
  readonly permits?: number | undefined;
}
