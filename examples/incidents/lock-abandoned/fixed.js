/**
 * The twin of `broken.js` in which an import that takes too long is told to stop: it looks between two deliveries, when it holds nothing.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { block } from '../service.js';

const IMPORT_EVERY_MS = 5000;
const PATIENCE_MS = 1000;
const DELIVERY_MS = 50;
const stock = new Mutex('stock');

function importAll(isStopped) {
  while (Atomics.load(isStopped, 0) === 0) stock.withLock(() => block(DELIVERY_MS));
}

function importOnce() {
  const isStopped = new Int32Array(new SharedArrayBuffer(4));
  new Worker(new URL(import.meta.url), { name: 'importer', workerData: isStopped });
  setTimeout(() => Atomics.store(isStopped, 0, 1), PATIENCE_MS);
}

if (isMainThread) {
  importOnce();
  setInterval(importOnce, IMPORT_EVERY_MS);
} else importAll(workerData);
