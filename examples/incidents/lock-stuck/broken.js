/**
 * GridwatchLockStuck: whoever prints takes the lock of the printer. A job that turns out to be empty is left early, and its lock with it: nobody gives it back, and
 * the next job waits for ever.
 *
 * The way out is `fixed.js`: the lock is given back at the end of the function that needs it, whichever way that is left.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { block } from '../service.js';

const PAGE_MS = 20;
const printer = new Mutex('printer');

function print(pages) {
  const lease = printer.acquire();
  // A mistake to find: it is still held.
  if (pages === 0) return;
  block(pages * PAGE_MS);
  lease.release();
}

if (isMainThread) {
  /* The counter prints all day; the archive one night's changes, of which there are none. */
  new Worker(new URL(import.meta.url), { name: 'archive', workerData: { pages: 0, everyMs: 3_600_000 } });
  new Worker(new URL(import.meta.url), { name: 'counter', workerData: { pages: 1, everyMs: 200 } });
} else {
  print(workerData.pages);
  setInterval(() => print(workerData.pages), workerData.everyMs);
}
