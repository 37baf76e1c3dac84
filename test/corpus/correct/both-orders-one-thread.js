/** Both orders, but only ever on one thread, which cannot wait for itself. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
for (let i = 0; i < 50; i++) {
  orders.withLock(() => customers.withLock(() => {}));
  customers.withLock(() => orders.withLock(() => {}));
}
