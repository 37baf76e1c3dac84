/**
 * The twin of `broken.js` whose threads sleep until there is an order: as many threads, as many orders, and next to no CPU.
 */
import { availableParallelism } from 'node:os';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const WAITERS = 3 * availableParallelism();
const ORDER_EVERY_MS = 50;

if (isMainThread) {
  const orders = new Int32Array(new SharedArrayBuffer(4));
  for (let waiter = 1; waiter <= WAITERS; waiter++) {
    new Worker(new URL(import.meta.url), { name: `waiter-${waiter}`, workerData: orders });
  }
  setInterval(() => {
    Atomics.add(orders, 0, 1);
    Atomics.notify(orders, 0, 1);
  }, ORDER_EVERY_MS);
} else {
  for (;;) {
    Atomics.wait(workerData, 0, 0);
    const open = Atomics.load(workerData, 0);
    if (open > 0) Atomics.compareExchange(workerData, 0, open, open - 1);
  }
}
