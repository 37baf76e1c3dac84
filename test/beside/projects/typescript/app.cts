/** A CommonJS module that asks a worker, which is one too. */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

const worker = new Worker(join(__dirname, 'square.cts'), { name: 'squares', workerData: 7 });
void once(worker, 'message').then(([square]: number[]) => console.log(square));
