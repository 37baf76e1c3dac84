/**
 * The twin of `broken.js` in which the writer says what it has written, and what is not written yet stays where it comes from.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { block } from '../service.js';

const WRITE_MS = 20;
const MOST_ON_THEIR_WAY = 100;

if (isMainThread) {
  const writer = new Worker(new URL(import.meta.url), { name: 'writer' });
  await once(writer, 'online');
  let written = 0;
  writer.on('message', () => written++);
  for (let row = 1; ; row++) {
    while (row - written > MOST_ON_THEIR_WAY) await once(writer, 'message');
    writer.postMessage({ row });
  }
} else {
  parentPort.on('message', ({ row }) => {
    block(WRITE_MS);
    parentPort.postMessage(row);
  });
}
