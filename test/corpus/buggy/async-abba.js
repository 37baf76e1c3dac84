/** Two activities of one thread take two shared locks in opposite orders. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { later } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
const both = (first, second) =>
  first.withLockAsync(async () => {
    await later(20);
    await second.withLockAsync(() => {});
  });
await Promise.all([both(orders, customers), both(customers, orders)]);
