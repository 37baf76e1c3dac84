/** The main thread and a worker, so that nothing of the program goes on. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  main: ({ meet }) => orders.withLock(() => [meet(), customers.withLock(() => {})]),
  support: ({ meet }) => customers.withLock(() => [meet(), orders.withLock(() => {})]),
});
