/** The first thread has long ended when the second takes them the other way. */
// expects: inversion customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  billing: () => orders.withLock(() => customers.withLock(() => {})),
});
customers.withLock(() => orders.withLock(() => {}));
