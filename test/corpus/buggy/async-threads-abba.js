/** Activities of two threads, neither of which is blocked. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
const both =
  (first, second) =>
  ({ meet }) =>
    first.withLockAsync(async () => {
      meet();
      await second.withLockAsync(() => {});
    });
await crew(import.meta.url, { main: both(orders, customers), support: both(customers, orders) });
