/** A gate that only one of the two orders passes guards nothing. */
// expects: inversion customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [gate, orders, customers] = ['gate', 'orders', 'customers'].map((name) => new Mutex(name));
await crew(import.meta.url, {
  billing: () => gate.withLock(() => orders.withLock(() => customers.withLock(() => {}))),
});
customers.withLock(() => orders.withLock(() => {}));
