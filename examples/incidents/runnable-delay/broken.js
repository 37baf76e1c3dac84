/**
 * GridwatchRunnableDelay: threads wait for orders by looking, without a pause, whether there is one: three times as many as there are CPUs. Each wants a CPU for that, and
 * takes it from the others, from the thread that has an order, and from everybody else on the machine.
 *
 * The way out is `fixed.js`: a thread that waits sleeps, and is woken.
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
  setInterval(() => Atomics.add(orders, 0, 1), ORDER_EVERY_MS);
} else {
  for (;;) {
    const open = Atomics.load(workerData, 0);
    // A mistake to find: it looks again, and again.
    if (open > 0) Atomics.compareExchange(workerData, 0, open, open - 1);
  }
}
