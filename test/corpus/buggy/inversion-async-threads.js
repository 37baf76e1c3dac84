/** One order by a thread that blocks, the other by an activity of another thread. */
// expects: inversion customers, orders
// node: 24
import { Mutex, RwLock } from 'gridwatch/sync';
import { crew, later } from '../crew.js';

const orders = new Mutex('orders');
const customers = new RwLock('customers');
await crew(import.meta.url, {
  import: () => orders.withLock(() => customers.withRead(() => {})),
});
await customers.withWriteAsync(async () => {
  await later(5);
  await orders.withLockAsync(() => later(5));
});
