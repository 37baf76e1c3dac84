/** Two activities of one thread, one after the other, take two locks of shared memory in both orders. */
// expects: inversion customers, orders
// node: 24
import { Mutex } from 'gridwatch/sync';
import { later } from '../crew.js';

const orders = new Mutex('orders');
const customers = new Mutex('customers');
await orders.withLockAsync(() => customers.withLockAsync(() => later(5)));
await customers.withLockAsync(async () => {
  await later(5);
  await orders.withLockAsync(() => later(5));
});
