/** Two workers answer, and the second one is always later: until the message to the first one is held up. */
// expects: exit 3
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { spin } from '../crew.js';

if (isMainThread) {
  const answers = [];
  const workers = ['quick', 'slow'].map((name) => {
    const worker = new Worker(new URL(import.meta.url), { name, workerData: { name } });
    worker.on('message', (answer) => answers.push(answer));
    return worker;
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (let round = 0; round < 10; round++) {
    answers.length = 0;
    for (const worker of workers) worker.postMessage('?');
    while (answers.length < 2) await new Promise(setImmediate);
    if (answers[0] !== 'quick') process.exitCode = 3;
  }
  for (const worker of workers) worker.postMessage('end');
} else {
  parentPort.postMessage('ready');
  parentPort.on('message', (message) => {
    if (message === 'end') return parentPort.close();
    spin(workerData.name === 'slow' ? 4 : 0);
    parentPort.postMessage(workerData.name);
  });
}
