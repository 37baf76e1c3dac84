/** Two threads take two locks in opposite orders, and meet in between. */
// expects: deadlock customers, orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  billing({ meet }) {
    orders.acquire();
    meet();
    customers.acquire();
  },
  support({ meet }) {
    customers.acquire();
    meet();
    orders.acquire();
  },
});
