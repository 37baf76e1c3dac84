/**
 * The twin of `broken.js` in which an empty job gives the printer back: `withLock` releases the lock, whichever way its function is left.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { block } from '../service.js';

const PAGE_MS = 20;
const printer = new Mutex('printer');

function print(pages) {
  printer.withLock(() => {
    if (pages === 0) return;
    block(pages * PAGE_MS);
  });
}

if (isMainThread) {
  /* The counter prints all day; the archive one night's changes, of which there are none. */
  new Worker(new URL(import.meta.url), { name: 'archive', workerData: { pages: 0, everyMs: 3_600_000 } });
  new Worker(new URL(import.meta.url), { name: 'counter', workerData: { pages: 1, everyMs: 200 } });
} else {
  print(workerData.pages);
  setInterval(() => print(workerData.pages), workerData.everyMs);
}
