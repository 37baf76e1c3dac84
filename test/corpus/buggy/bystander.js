/** Two threads in a deadlock, and a third that only waits behind them: it is no part of it. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  billing: ({ meet }) => orders.withLock(() => [meet(), customers.acquire()]),
  support: ({ meet }) => customers.withLock(() => [meet(), orders.acquire()]),
  auditor({ meet }) {
    meet();
    /* For the circle to close, which nothing here can see. */
    pause(50);
    orders.acquire();
  },
});
