// A gate that only one of the two orders passes guards nothing.
// expects: inversion customers, orders
import { Mutex } from 'gridwatch/sync';

const [gate, orders, customers] = ['gate', 'orders', 'customers'].map((name) => new Mutex(name));
gate.withLock(() => orders.withLock(() => customers.withLock(() => {})));
customers.withLock(() => orders.withLock(() => {}));
