/** One thread blocks, the other waits in an activity. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  main: ({ meet }) => orders.withLockAsync(() => [meet(), customers.acquire()]),
  support: ({ meet }) =>
    customers.withLockAsync(async () => {
      meet();
      await orders.withLockAsync(() => {});
    }),
});
