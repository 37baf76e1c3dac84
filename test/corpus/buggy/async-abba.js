/** Two activities of one thread take two shared locks in opposite orders. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { gathering } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
const haveBoth = gathering(2);
const both = (first, second) =>
  first.withLockAsync(async () => {
    await haveBoth();
    await second.withLockAsync(() => {});
  });
await Promise.all([both(orders, customers), both(customers, orders)]);
