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
  let row = 0;
  let onTheirWay = 0;
  const send = () => {
    for (; onTheirWay < MOST_ON_THEIR_WAY; onTheirWay++) writer.postMessage({ row: ++row });
  };
  writer.on('message', () => {
    onTheirWay--;
    send();
  });
  send();
} else {
  parentPort.on('message', ({ row }) => {
    block(WRITE_MS);
    parentPort.postMessage(row);
  });
}
