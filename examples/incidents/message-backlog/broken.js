/**
 * GridwatchMessageBacklog: the main thread sends rows to a worker that writes them to a disk, each by a call that blocks. It sends them as they come, which is faster
 * than they are written. `postMessage` never waits and never fails: the rows pile up, and each is older than the one before when it is written.
 *
 * The way out is `fixed.js`: no more than a hundred rows are on their way at any time.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { block, pause } from '../service.js';

const WRITE_MS = 20;
const ROWS = 6;
const ROWS_EVERY_MS = 100;
/** What is there when the import begins. */
const FIRST_ROWS = 2000;

if (isMainThread) {
  const writer = new Worker(new URL(import.meta.url), { name: 'writer' });
  await once(writer, 'online');
  let row = 0;
  // A mistake to find: nobody asks the writer how far it is.
  for (let rows = FIRST_ROWS; ; rows = ROWS) {
    for (let at = 0; at < rows; at++) writer.postMessage({ row: ++row });
    await pause(ROWS_EVERY_MS);
  }
} else {
  parentPort.on('message', () => block(WRITE_MS));
}
