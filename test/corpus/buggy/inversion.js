// Both orders, one after the other: no deadlock today.
// expects: inversion customers, orders
import { Mutex } from 'gridwatch/sync';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
orders.withLock(() => customers.withLock(() => {}));
customers.withLock(() => orders.withLock(() => {}));
