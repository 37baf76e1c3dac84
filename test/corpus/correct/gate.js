/** Both orders, but never without the gate. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [gate, orders, customers] = ['gate', 'orders', 'customers'].map((name) => new Mutex(name));
const both = (first, second) => () => {
  for (let i = 0; i < 200; i++) gate.withLock(() => first.withLock(() => second.withLock(() => {})));
};
await crew(import.meta.url, { billing: both(orders, customers), support: both(customers, orders) });
