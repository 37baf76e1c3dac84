/**
 * The twin of `broken.js` in which both lock the stock first, so that they may meet.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { pause } from '../service.js';

const stock = new Mutex('stock');
const orders = new Mutex('orders');

const deliver = () => stock.withLock(() => orders.withLock(() => {}));
const order = () => stock.withLock(() => orders.withLock(() => {}));

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
