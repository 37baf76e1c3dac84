/**
 * GridwatchParallelismCollapsed: four threads send parcels to a carrier who takes one call at a time. Each blocks until its turn has come, so that three of the four
 * do nothing but wait: threads, and their memory, for the work of one.
 *
 * The way out is `fixed.js`: one thread, whose parcels wait without blocking it.
 */
import { isMainThread, Worker } from 'node:worker_threads';
import { Semaphore } from 'gridwatch/sync';
import { block } from '../service.js';

const SENDERS = 4;
const CALL_MS = 30;
const carrier = new Semaphore('carrier', { permits: 1 });

if (isMainThread) {
  for (let sender = 1; sender <= SENDERS; sender++) new Worker(new URL(import.meta.url), { name: `sender-${sender}` });
} else {
  // A mistake to find: a thread that waits its turn could have done something else.
  for (;;) carrier.withLock(() => block(CALL_MS));
}
