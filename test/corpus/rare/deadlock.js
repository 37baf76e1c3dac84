/** Opposite orders, some milliseconds apart: they meet only when one of them is held up with the first lock. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew, spin } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
const both =
  (first, second, lateMs) =>
  ({ meet }) => {
    for (let round = 0; round < 5; round++) {
      meet();
      spin(lateMs);
      first.withLock(() => second.withLock(() => {}));
    }
  };
await crew(import.meta.url, { billing: both(orders, customers, 0), support: both(customers, orders, 4) });
