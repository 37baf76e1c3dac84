/**
 * What `instrumentQueue()` is told of a queue. Types only; read by every thread.
 */

/** How a queue, or a pool of connections, is used: the names of its methods. One of `run` and `acquire` is needed. */
export interface InstrumentQueueOptions {
  /** As `gridwatch.queue.name` shows it: one of finitely many, without ids. */
  readonly name: string;
  /**
   * The method that is given a function and calls it when it is its turn: an item waits from the call of the method to that of the function, and is in service until
   * what the function gives back is settled. Default: none.
   */
  readonly run?: string | undefined;
  /** The method that asks for a resource of a pool, and whose promise is fulfilled when it is handed out. Default: none. */
  readonly acquire?: string | undefined;
  /**
   * The method that is given the resource and takes it back, with `acquire`. Default: none; what `acquire` resolves to is then the function that does so.
   */
  readonly release?: string | undefined;
  /** The method that throws away all that wait. Default: none. */
  readonly clear?: string | undefined;
  /** How many may be in service at once, 1 and more. Default: no bound is told. */
  readonly concurrency?: number | undefined;
  /** How many may wait, 1 and more. Default: no bound is told. */
  readonly capacity?: number | undefined;
}
