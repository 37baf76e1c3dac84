/**
 * GridwatchLockAbandoned: a worker imports deliveries, and changes the stock under a lock. An import that takes too long is given up: its worker is terminated,
 * whatever it is doing, and mostly it is holding the lock. The next one gets the lock, and stock that is half changed.
 *
 * The way out is `fixed.js`: the worker is asked to stop, and does so between two deliveries.
 */
import { isMainThread, Worker } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { block } from '../service.js';

const IMPORT_EVERY_MS = 5000;
const PATIENCE_MS = 1000;
const DELIVERY_MS = 50;
const stock = new Mutex('stock');

function importAll() {
  for (;;) stock.withLock(() => block(DELIVERY_MS));
}

function importOnce() {
  const importer = new Worker(new URL(import.meta.url), { name: 'importer' });
  // A mistake to find: whatever it is doing.
  setTimeout(() => void importer.terminate(), PATIENCE_MS);
}

if (isMainThread) {
  importOnce();
  setInterval(importOnce, IMPORT_EVERY_MS);
} else importAll();
