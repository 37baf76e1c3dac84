/** Both orders, but never two locks at once. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
const turns = (first, second) => () => {
  for (let i = 0; i < 300; i++) {
    first.withLock(() => {});
    second.withLock(() => {});
  }
};
await crew(import.meta.url, { billing: turns(orders, customers), support: turns(customers, orders) });
