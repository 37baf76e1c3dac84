/** Fair locks deadlock like others. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const orders = new Mutex({ name: 'orders', fair: true });
const customers = new Mutex({ name: 'customers', fair: true });
await crew(import.meta.url, {
  billing: ({ meet }) => orders.withLock(() => [meet(), customers.acquire()]),
  support: ({ meet }) => customers.withLock(() => [meet(), orders.acquire()]),
});
