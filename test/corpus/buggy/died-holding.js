/** A thread ends with the lock; the next holder is told. */
// expects: abandoned orders
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const orders = new Mutex('orders');
await crew(import.meta.url, {
  careless() {
    orders.acquire();
    process.exit();
  },
});
const lease = orders.acquire();
if (!lease.abandoned) throw new Error('nobody was told');
lease.release();
