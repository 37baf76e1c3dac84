/** An ES module that asks a worker, which is one too. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const worker = new Worker(new URL('square.mts', import.meta.url), { name: 'squares', workerData: 7 });
const [square]: number[] = await once(worker, 'message');
console.log(square);
