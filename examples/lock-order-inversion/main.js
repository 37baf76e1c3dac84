/**
 * Demonstrates a deadlock that has not happened: two locks that are taken in both orders, by threads that never meet. It never hangs, in no test and on no
 * machine, and one day in production, when both come at once, it will.
 *
 * A worker restocks the shop: it locks the stock, then the orders that wait for it. When it has ended, the main thread takes an order: it locks the orders,
 * then the stock. A third lock that both take first, or one order for both, would make it safe, and nothing would be told.
 *
 * What shows it: `gridwatch.lock.order.inversions`, the span `lock.order.inversion` with the stack and the trace of both orders, and two lines on the
 * terminal, one for each.
 *
 *     node --require gridwatch/register examples/lock-order-inversion/main.js
 */
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';

const STOCK = 0;
const ORDERS = 1;

const shared = new Int32Array(workerData ?? new SharedArrayBuffer(8));
const stock = new Mutex('stock');
const orders = new Mutex('orders');

function restock(pieces) {
  stock.withLock(() => {
    shared[STOCK] += pieces;
    orders.withLock(() => {
      shared[ORDERS] = 0;
    });
  });
}

function order(pieces) {
  orders.withLock(() => {
    shared[ORDERS] += pieces;
    stock.withLock(() => {
      shared[STOCK] -= pieces;
    });
  });
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: shared.buffer });
  await once(worker, 'exit');
  order(3);
  console.log(`${shared[STOCK]} pieces in stock, ${shared[ORDERS]} ordered`);
} else {
  restock(10);
}
