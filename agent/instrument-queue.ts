/**
 * `instrumentQueue()`: lets the agent follow a queue or a pool of connections that it does not know. Runs on application threads, any of them.
 */
import { loadQueuePatches } from './app-thread/load-patches.ts';
import { findLockLink } from './app-thread/lock-link.ts';
import type { InstrumentQueueOptions } from './config/instrument-queue-options.ts';
import { fileUrl } from './package-root.ts';

/**
 * Follows a queue of the program's own, or of a library that the agent does not know: how many wait and for how long, how many are in service and for how long,
 * under `name`, as of the libraries it knows. The clock of a wait runs from the call of the method to the moment at which the function that was given to it is
 * called, or the promise of the resource fulfilled; that of a service from there to its end. Rejected before: aborted; thrown at once: refused. Without an agent on
 * this thread, and where `queues` is off, nothing happens. It never throws: options that are wrong are told of on stderr, once, and the queue stays as it is.
 * A promise that a replaced method gives back is settled one microtask later than before.
 *
 * Returns `queue`, whose methods were replaced.
 *
 * @example
 * const queue = instrumentQueue(new OwnQueue(), { name: 'mails', run: 'add', concurrency: 4 });
 * const pool = instrumentQueue(new OwnPool(), { name: 'database', acquire: 'get', release: 'put' });
 */
export function instrumentQueue<T extends object>(queue: T, options: InstrumentQueueOptions): T {
  try {
    const recording = findLockLink()?.recording;
    if (recording?.config.features.queues !== true) return queue;
    const registerFile = process.getBuiltinModule('node:url').fileURLToPath(fileUrl('register.cjs'));
    loadQueuePatches(registerFile).instrument(queue, options);
  } catch {
    /* It is frozen, or no queue: it stays as it is. */
  }
  return queue;
}
