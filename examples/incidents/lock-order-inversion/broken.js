/**
 * GridwatchLockOrderInversion: a worker books deliveries, the main thread takes orders. The one locks the stock and then the orders, the other the orders and
 * then the stock. They never meet, because a delivery is only booked between two orders. When they do, one day, it is a deadlock.
 *
 * The way out is `fixed.js`: both lock the stock first.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { pause } from '../service.js';

const stock = new Mutex('stock');
const orders = new Mutex('orders');

/* A mistake to find: the one order and the other. */
const deliver = () => stock.withLock(() => orders.withLock(() => {}));
const order = () => orders.withLock(() => stock.withLock(() => {}));

if (isMainThread) {
  const warehouse = new Worker(new URL(import.meta.url), { name: 'warehouse' });
  for (;;) {
    order();
    await pause(200);
    warehouse.postMessage('deliver');
    await once(warehouse, 'message');
  }
} else {
  parentPort.on('message', () => {
    deliver();
    parentPort.postMessage('delivered');
  });
}
