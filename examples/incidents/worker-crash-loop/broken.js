/**
 * GridwatchWorkerCrashLoop: a worker reads the mails of an inbox. One of them is not what it should be, and the worker ends with an error; another one is started,
 * which begins with the same mail.
 *
 * The way out is `fixed.js`: a mail that cannot be read is put aside.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { pause } from '../service.js';

const MAILS = ['{"subject":"hello"}', 'hello', '{"subject":"bye"}'];
const MAIL_EVERY_MS = 300;

async function readFrom(first) {
  for (let at = first; ; at = (at + 1) % MAILS.length) {
    await pause(MAIL_EVERY_MS);
    // A mistake to find: what is thrown here ends the thread.
    parentPort.postMessage({ at, subject: JSON.parse(MAILS[at]).subject });
  }
}

function keepReading(first) {
  let next = first;
  const reader = new Worker(new URL(import.meta.url), { name: 'reader', workerData: first });
  reader.on('message', ({ at }) => {
    next = (at + 1) % MAILS.length;
  });
  reader.on('error', () => {});
  reader.on('exit', () => keepReading(next));
}

if (isMainThread) keepReading(0);
else await readFrom(workerData);
