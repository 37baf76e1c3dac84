/** Both orders on two threads, one after the other: no deadlock today. */
// expects: inversion customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  billing({ meet }) {
    orders.withLock(() => customers.withLock(() => {}));
    meet();
  },
  support({ meet }) {
    meet();
    customers.withLock(() => orders.withLock(() => {}));
  },
});
