/** A blocking lock is kept until a timer fires, and another thread waits for that. */
// expects: finding held_across_turn orders
import { Mutex } from 'gridwatch/sync';
import { crew, later } from '../crew.js';

const orders = new Mutex('orders');
await crew(import.meta.url, {
  async main({ meet }) {
    const lease = orders.acquire();
    meet();
    for (let turn = 0; turn < 250; turn++) await later(20);
    lease.release();
  },
  billing({ meet }) {
    meet();
    orders.withLock(() => {});
  },
});
