import { parentPort, workerData } from 'node:worker_threads';

const n: number = workerData;
parentPort?.postMessage(n ** 2);
