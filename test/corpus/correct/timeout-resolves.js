/** What looks like a deadlock ends by itself: one of the two only waits for a while. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  billing: ({ meet }) => orders.withLock(() => [meet(), customers.withLock(() => {})]),
  support({ meet }) {
    const lease = customers.acquire();
    meet();
    try {
      orders.acquire({ timeoutMs: 700 });
    } catch (error) {
      if (error.code !== 'ERR_GRIDWATCH_LOCK_TIMEOUT') throw error;
    }
    lease.release();
  },
});
